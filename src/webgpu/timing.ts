// When the GPU began and ended each compute pass, by its own clock. In Node, timestamps are exact only because
// node-gpu.ts tells Dawn not to round them; browsers round to 100 µs unless told otherwise by their user.

import type { GpuDevice } from './adapter.ts';

/** Passes that one query set can time: WebGPU allows 4,096 queries in a set. */
export const MAX_TIMED_PASSES = 2048;

export interface PassTime {
  /** Microseconds of the GPU's clock, which starts anywhere; NaN where the driver left no stamp, as some do. */
  readonly begin: number;
  readonly end: number;
}

export class PassTimer {
  private readonly gpu: GpuDevice;
  private readonly queries: GPUQuerySet;
  private readonly resolved: GPUBuffer;
  private readonly readback: GPUBuffer;
  private passes = 0;

  static available({ device }: GpuDevice): boolean {
    return device.features.has('timestamp-query');
  }

  /** Needs the feature `timestamp-query`. */
  constructor(gpu: GpuDevice) {
    this.gpu = gpu;
    const count = 2 * MAX_TIMED_PASSES;
    const { device } = gpu;
    this.queries = device.createQuerySet({ label: 'passes', type: 'timestamp', count });
    this.resolved = device.createBuffer({
      label: 'timestamps',
      size: 8 * count,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.readback = device.createBuffer({
      label: 'timestamps, read back',
      size: 8 * count,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  /** For the descriptor of the next pass. Throws RangeError where MAX_TIMED_PASSES have been timed since the last `read`. */
  next(): GPUComputePassTimestampWrites {
    if (this.passes === MAX_TIMED_PASSES) {
      throw new RangeError(`PassTimer: expected at most ${MAX_TIMED_PASSES} passes between two reads.`);
    }
    const first = 2 * this.passes++;
    return { querySet: this.queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
  }

  /** The times of the passes since the last `read`, once all work submitted so far is done. */
  async read(): Promise<PassTime[]> {
    const { device } = this.gpu;
    const { passes } = this;
    this.passes = 0;
    if (passes === 0) return [];
    const encoder = device.createCommandEncoder({ label: 'timestamps' });
    encoder.resolveQuerySet(this.queries, 0, 2 * passes, this.resolved, 0);
    encoder.copyBufferToBuffer(this.resolved, 0, this.readback, 0, 16 * passes);
    device.queue.submit([encoder.finish()]);
    await this.gpu.settle(this.readback.mapAsync(GPUMapMode.READ, 0, 16 * passes));
    const stamps = new BigUint64Array(this.readback.getMappedRange(0, 16 * passes).slice(0));
    this.readback.unmap();
    // Differences are small; the stamps themselves do not fit a double.
    const first = stamps.find((stamp) => stamp !== 0n) ?? 0n;
    const microseconds = (stamp: bigint) => (stamp === 0n ? NaN : Number(stamp - first) / 1000);
    return Array.from({ length: passes }, (_, i) => ({
      begin: microseconds(stamps[2 * i]),
      end: microseconds(stamps[2 * i + 1]),
    }));
  }

  destroy(): void {
    this.queries.destroy();
    this.resolved.destroy();
    this.readback.destroy();
  }
}
