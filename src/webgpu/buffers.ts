// The buffers of a plan on the device, and moving data to and from them.

import type { Dispatch, Plan, PlanBuffer, View } from '../graph/plan.ts';
import { DeviceError } from '../util/errors.ts';
import type { GpuDevice } from './adapter.ts';

export class DeviceBuffers {
  private readonly gpu: GpuDevice;
  private readonly plan: Plan;
  private readonly buffers: GPUBuffer[] = [];
  private readonly owned: GPUBuffer[] = [];

  private constructor(gpu: GpuDevice, plan: Plan) {
    this.gpu = gpu;
    this.plan = plan;
  }

  /**
   * Makes the buffers of `plan`, all 0; `shared` regions belong to another plan. Throws DeviceError, naming tensor, size
   * and limit, where one does not fit the device or its memory.
   */
  static async create(
    gpu: GpuDevice,
    plan: Plan,
    shared: ReadonlyMap<string, GPUBuffer> = new Map(),
  ): Promise<DeviceBuffers> {
    checkLimits(gpu.device.limits, plan);
    const made = new DeviceBuffers(gpu, plan);
    const total = plan.buffers.reduce((sum, buffer) => sum + 4 * buffer.length, 0);
    const what = `this model needs ${megabytes(total)} on the device`;
    await made.orDestroy(() => allocating(gpu, what, () => made.allocate(shared)));
    return made;
  }

  private allocate(shared: ReadonlyMap<string, GPUBuffer>): void {
    for (const { name, kind, dtype, length } of this.plan.buffers) {
      let usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      if (name === 'step' || name === 'run') usage |= GPUBufferUsage.UNIFORM;
      const given = kind === 'region' ? shared.get(name) : undefined;
      const buffer =
        given ?? this.gpu.device.createBuffer({ label: `${name} (${dtype})`, size: 4 * length, usage });
      this.buffers.push(buffer);
      if (!given) this.owned.push(buffer);
    }
  }

  region(name: string): GPUBuffer {
    return this.buffers[
      this.plan.buffers.findIndex((buffer) => buffer.kind === 'region' && buffer.name === name)
    ];
  }

  binding({ buffer, offset, length }: View): GPUBufferBinding {
    return { buffer: this.buffers[buffer], offset: 4 * offset, size: 4 * length };
  }

  /** Writes a whole region, or its beginning. */
  write(region: string, data: Float32Array | Uint32Array): void {
    this.gpu.device.queue.writeBuffer(this.region(region), 0, data as Float32Array<ArrayBuffer>);
  }

  /** The bytes of a whole region, once all work submitted so far is done. */
  async read(region: string): Promise<ArrayBuffer> {
    const { device } = this.gpu;
    const source = this.region(region);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const what = `reading ${region} takes ${megabytes(source.size)} more`;
    const staging = await allocating(this.gpu, what, () =>
      device.createBuffer({ label: `read ${region}`, size: source.size, usage }),
    );
    try {
      const encoder = device.createCommandEncoder({ label: `read ${region}` });
      encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
      device.queue.submit([encoder.finish()]);
      const mapped = staging.mapAsync(GPUMapMode.READ);
      return await this.gpu.settle(mapped.then(() => staging.getMappedRange().slice(0)));
    } finally {
      staging.destroy();
    }
  }

  /** What `work`, which makes these buffers useful, gives; destroys them where it fails. */
  async orDestroy<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  destroy(): void {
    for (const buffer of this.owned) buffer.destroy();
  }
}

/**
 * What `make` makes on the device, without waiting in between. Throws DeviceError, which ends with `what`, where the memory does
 * not suffice; the device is as good as before then.
 */
async function allocating<T>(gpu: GpuDevice, what: string, make: () => T): Promise<T> {
  gpu.device.pushErrorScope('out-of-memory');
  const made = make();
  const error = await gpu.settle(gpu.device.popErrorScope());
  if (error === null) return made;
  throw new DeviceError(
    `The GPU is out of memory: ${what}.\nUse a smaller model, block or batch, or --engine cpu.`,
    { cause: error },
  );
}

function checkLimits(limits: GPUSupportedLimits, plan: Plan): void {
  for (const { name, kind, length } of plan.buffers) {
    if (4 * length > limits.maxBufferSize) {
      throw tooLarge(
        kind === 'scratch' ? largestTensor(plan, name) : name,
        4 * length,
        'maxBufferSize',
        limits.maxBufferSize,
      );
    }
  }
  for (const dispatch of plan.dispatches) {
    for (const [tensor, view] of operandsOf(dispatch)) {
      if (4 * view.length > limits.maxStorageBufferBindingSize) {
        throw tooLarge(
          tensor,
          4 * view.length,
          'maxStorageBufferBindingSize',
          limits.maxStorageBufferBindingSize,
        );
      }
    }
    const widest = Math.max(...dispatch.launch.workgroups);
    if (widest > limits.maxComputeWorkgroupsPerDimension) {
      throw new DeviceError(
        `${dispatch.label}: needs ${widest} workgroups in one dimension, this device allows ` +
          `${limits.maxComputeWorkgroupsPerDimension}. Use a smaller batch, block or vocabulary.`,
      );
    }
  }
}

function operandsOf({ node, inputs, outputs }: Dispatch): [string, View][] {
  return [
    ...node.inputs.map((tensor, i): [string, View] => [tensor.name, inputs[i]]),
    ...outputs.map((view, i): [string, View] => [node.outputs[i].name, view]),
  ];
}

/** The name of the largest tensor that a scratch buffer holds, which says more than the buffer's own. */
function largestTensor(plan: Plan, scratch: string): string {
  const index = plan.buffers.findIndex((buffer: PlanBuffer) => buffer.name === scratch);
  const held = plan.dispatches.flatMap(operandsOf).filter(([, view]) => view.buffer === index);
  return held.reduce((best, next) => (next[1].length > best[1].length ? next : best))[0];
}

function tooLarge(tensor: string, bytes: number, limit: string, has: number): DeviceError {
  return new DeviceError(
    `${tensor}: needs ${megabytes(bytes)} in one buffer, this device allows ${megabytes(has)} (${limit}). ` +
      'Use a smaller model, block or batch, or --engine cpu.',
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
