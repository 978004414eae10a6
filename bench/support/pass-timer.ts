// How long a dispatch takes, many times in one pass: by the GPU's timestamps, or by the clock from submit to readback.

import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import type { ReadyDispatch } from '../../src/webgpu/launch.ts';
import { Readback } from '../../src/webgpu/steps.ts';

export class PassTimer {
  /** What times it: `timestamps` or `wall clock`. */
  readonly clock: string;
  private readonly gpu: GpuDevice;
  private readonly queries: GPUQuerySet | undefined;
  private readonly resolved: GPUBuffer;
  private readonly readback: Readback;

  constructor(gpu: GpuDevice) {
    const { device } = gpu;
    this.gpu = gpu;
    if (device.features.has('timestamp-query') && !gpu.info.software)
      this.queries = device.createQuerySet({ type: 'timestamp', count: 2 });
    this.clock = this.queries ? 'timestamps' : 'wall clock';
    this.resolved = device.createBuffer({
      size: 16,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.readback = new Readback(gpu, 'timestamps', 16);
  }

  /** Microseconds for `times` launches, one after the other. */
  async run({ pipeline, bindGroup, workgroups }: ReadyDispatch, times: number): Promise<number> {
    const { device } = this.gpu;
    const { queries } = this;
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    const timestampWrites = queries && {
      querySet: queries,
      beginningOfPassWriteIndex: 0,
      endOfPassWriteIndex: 1,
    };
    const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < times; i++) pass.dispatchWorkgroups(...workgroups);
    pass.end();
    if (queries) encoder.resolveQuerySet(queries, 0, 2, this.resolved, 0);
    encoder.copyBufferToBuffer(this.resolved, 0, this.readback.buffer, 0, 16);
    device.queue.submit([encoder.finish()]);
    const [begin, end] = new BigUint64Array(await this.readback.bytes());
    return queries ? Number(end - begin) / 1e3 : (performance.now() - start) * 1e3;
  }

  destroy(): void {
    this.queries?.destroy();
    this.resolved.destroy();
    this.readback.buffer.destroy();
  }
}
