// How long dispatches take on the device: by timestamps where the adapter has them, else by the clock until the queue
// is done, which includes the submit.

import type { GpuDevice } from './adapter.ts';
import type { ReadyDispatch } from './launch.ts';

export class Stopwatch {
  private readonly gpu: GpuDevice;
  private readonly timestamps: { queries: GPUQuerySet; resolved: GPUBuffer; readback: GPUBuffer } | null;

  constructor(gpu: GpuDevice) {
    this.gpu = gpu;
    const { device } = gpu;
    const usage = GPUBufferUsage.COPY_DST;
    this.timestamps = device.features.has('timestamp-query')
      ? {
          queries: device.createQuerySet({ type: 'timestamp', count: 2 }),
          resolved: device.createBuffer({
            size: 16,
            usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
          }),
          readback: device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | usage }),
        }
      : null;
  }

  /** What it reads. */
  get clock(): 'timestamps' | 'wall clock' {
    return this.timestamps ? 'timestamps' : 'wall clock';
  }

  /** Milliseconds that `times` runs of a dispatch take, one after the other in one pass. */
  async run({ pipeline, bindGroup, workgroups }: ReadyDispatch, times: number): Promise<number> {
    const { device } = this.gpu;
    const marks = this.timestamps;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass(
      marks
        ? {
            timestampWrites: {
              querySet: marks.queries,
              beginningOfPassWriteIndex: 0,
              endOfPassWriteIndex: 1,
            },
          }
        : {},
    );
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < times; i++) pass.dispatchWorkgroups(...workgroups);
    pass.end();
    if (marks) {
      encoder.resolveQuerySet(marks.queries, 0, 2, marks.resolved, 0);
      encoder.copyBufferToBuffer(marks.resolved, 0, marks.readback, 0, 16);
    }
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    if (!marks) {
      await this.gpu.settle(device.queue.onSubmittedWorkDone());
      return performance.now() - start;
    }
    await this.gpu.settle(marks.readback.mapAsync(GPUMapMode.READ));
    const wall = performance.now() - start;
    const [begin, end] = new BigUint64Array(marks.readback.getMappedRange().slice(0));
    marks.readback.unmap();
    // Timestamps may be coarse (65 µs) or, where the clock was reset, run backwards.
    return end > begin ? Number(end - begin) / 1e6 : wall;
  }

  destroy(): void {
    this.timestamps?.queries.destroy();
    this.timestamps?.resolved.destroy();
    this.timestamps?.readback.destroy();
  }
}
