// A plan without training on the device: decoding, and the loss of given documents. It shares the parameters of the training, or where
// that has several models, takes a copy of one model's.

import { STEP_BYTES } from '../graph/op.ts';
import type { Plan } from '../graph/plan.ts';
import type { GpuDevice } from './adapter.ts';
import { DeviceBuffers } from './buffers.ts';
import { LAUNCHERS, prepareDispatches } from './launch.ts';
import type { PlannedDispatch } from './launch.ts';
import { Readback } from './steps.ts';

export class ForwardPass {
  private readonly gpu: GpuDevice;
  private readonly buffers: DeviceBuffers;
  private readonly dispatches: readonly PlannedDispatch[];
  private readonly parameters: GPUBuffer;
  private readonly output: GPUBuffer;
  private readonly readback: Readback;

  private constructor(
    gpu: GpuDevice,
    buffers: DeviceBuffers,
    dispatches: readonly PlannedDispatch[],
    parameters: GPUBuffer,
    output: string,
  ) {
    this.gpu = gpu;
    this.buffers = buffers;
    this.dispatches = dispatches;
    this.parameters = parameters;
    this.output = buffers.region(output);
    this.readback = new Readback(gpu, output, this.output.size);
  }

  /** The dispatches of `plan` over `parameters`, which are of so many models; `output` is the region that is read back. */
  static async create(
    gpu: GpuDevice,
    plan: Plan,
    parameters: GPUBuffer,
    models: number,
    output: string,
  ): Promise<ForwardPass> {
    const shared = new Map(models === 1 ? [['parameters', parameters]] : []);
    const buffers = await DeviceBuffers.create(gpu, plan, shared);
    const dispatches = await buffers.orDestroy(() => prepareDispatches(gpu, plan, buffers));
    return new ForwardPass(gpu, buffers, dispatches, parameters, output);
  }

  /** Takes this model's parameters, as they are now. */
  take(model: number): void {
    const own = this.buffers.region('parameters');
    if (own === this.parameters) return;
    const encoder = this.gpu.device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.parameters, model * own.size, own, 0, own.size);
    this.gpu.device.queue.submit([encoder.finish()]);
  }

  /** How many rows are in use from now on. */
  setRows(rows: number): void {
    const step = new Uint32Array(STEP_BYTES / 4);
    step[1] = rows;
    this.buffers.write('step', step);
  }

  write(region: string, data: Uint32Array): void {
    this.buffers.write(region, data);
  }

  /** Runs once, without waiting; `read`: what comes out is what `result` gives. */
  launch(read: boolean): void {
    LAUNCHERS.graph(this.gpu.device, this.dispatches, 1, (encoder) => {
      if (read) this.readback.copy(encoder, this.output);
    });
  }

  async result(): Promise<Float32Array> {
    return new Float32Array(await this.readback.bytes());
  }

  destroy(): void {
    this.buffers.destroy();
    this.readback.destroy();
  }
}
