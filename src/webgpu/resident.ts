// Whole training steps inside one dispatch, a workgroup per model: a kernel that is emitted from the plan (resident/). The host
// says how many steps, the device does the rest, so what a step costs is arithmetic and barriers, and no launches.

import type { TokenizedDocuments } from '../data/tokenizer.ts';
import type { EngineSpec } from '../engine/engine.ts';
import { membersOf } from '../engine/models.ts';
import type { Plan, PlanBuffer } from '../graph/plan.ts';
import type { TrainingConfig } from '../config/config.ts';
import type { Model } from '../model/architecture.ts';
import { checkRunLength, RING_LENGTH } from '../model/plans.ts';
import { epsilonInF32 } from '../ops/adam.ts';
import { packCorpus } from '../ops/batch.ts';
import { DeviceError } from '../util/errors.ts';
import type { GpuDevice } from './adapter.ts';
import { DeviceBuffers } from './buffers.ts';
import type { ReadyDispatch } from './launch.ts';
import { pipelineFor } from './pipelines.ts';
import type { ResidentMemory } from './resident/access.ts';
import { DISPATCH_MS, residentStep } from './resident/step.ts';
import { fastestWidth, widthsOf } from './resident-width.ts';
import type { WideDispatch } from './resident-width.ts';
import { Readback } from './steps.ts';
import type { DeviceSteps, StateRegion } from './steps.ts';

export interface ResidentOptions {
  /** Invocations of the workgroup, or several numbers of them to try; what suits the adapter unless told. */
  readonly workers?: number | readonly number[];
  /** Bytes of workgroup memory that may be used; what the device has unless told. */
  readonly workgroupMemory?: number;
}

/** What each model of a dispatch has of its own; the shape of model and batch is common to all. */
export interface ResidentModel {
  readonly training: TrainingConfig;
  /** The order in which it takes the documents: all of them, or as many as its steps and one more take. */
  readonly order: Uint32Array;
}

/** Models of one shape on the device, each trained by a workgroup of its own. */
export class ResidentModels {
  readonly memory: ResidentMemory;
  /** Invocations of a workgroup. */
  readonly workers: number;
  private readonly gpu: GpuDevice;
  private readonly models: number;
  private readonly buffers: DeviceBuffers;
  private readonly dispatch: ReadyDispatch;
  private readonly readback: Readback;
  /** What `run` on the device holds. */
  private command = '';

  static async create(
    gpu: GpuDevice,
    model: Model,
    models: readonly ResidentModel[],
    documents: TokenizedDocuments,
    options: ResidentOptions = {},
  ): Promise<ResidentModels> {
    const { training } = models[0];
    for (const own of models) checkRunLength(own.training);
    const { limits } = gpu.device;
    const step = residentStep(model, training);
    const memory = step.memoryFor(options.workgroupMemory ?? limits.maxComputeWorkgroupStorageSize);
    const orderLength = models[0].order.length;
    const tokens = documents.tokens.length;

    const corpus = new Uint32Array(documents.count + 1 + tokens + models.length * orderLength);
    corpus.set(packCorpus(documents));
    models.forEach(({ order }, i) => corpus.set(order, documents.count + 1 + tokens + i * orderLength));
    const hypers = Float32Array.from(models.flatMap(({ training: own }) => hyperOf(own)));

    const region = (name: string, dtype: 'f32' | 'u32', length: number): PlanBuffer => ({
      name,
      kind: 'region',
      dtype,
      length,
    });
    const state = (name: string) => region(name, 'f32', models.length * step.parameters);
    const bound = [
      region('run', 'u32', 4),
      region('corpus', 'u32', corpus.length),
      region('hypers', 'f32', hypers.length),
      ...['parameters', 'm', 'v', 'gradients'].map(state),
      region('progress', 'u32', models.length * (RING_LENGTH + 1)),
      ...(memory.values === 'storage' ? [region('values', 'f32', models.length * step.values)] : []),
    ];
    for (const { name, length } of bound) {
      if (4 * length <= limits.maxStorageBufferBindingSize) continue;
      const sizes = `${4 * length} bytes, this device allows ${limits.maxStorageBufferBindingSize} (maxStorageBufferBindingSize)`;
      throw new DeviceError(
        `resident: ${name} of ${models.length} models needs ${sizes}. Use fewer models, or less data.`,
      );
    }
    const plan: Plan = { buffers: bound, dispatches: [] };
    const constants = {
      DOCUMENTS: documents.count,
      ORDERS: documents.count + 1 + tokens,
      ORDER_LENGTH: orderLength,
    };
    const clipped = training.clip === 0 ? '' : ', clipped';
    const name = `resident (weights in ${memory.weights}, values in ${memory.values}, packs of ${step.pack}${clipped})`;
    const source = step.source(memory);
    const op = { name, kernel: { source, entry: 'resident' } };

    const buffers = await DeviceBuffers.create(gpu, plan);
    buffers.write('corpus', corpus);
    buffers.write('hypers', hypers);
    const entries = bound.map((buffer, binding) => ({
      binding,
      resource: { buffer: buffers.region(buffer.name) },
    }));
    const prepare = async (width: number): Promise<ReadyDispatch> => {
      const pipeline = await pipelineFor(gpu, op, { source, constants: { ...constants, WORKERS: width } });
      const bindGroup = gpu.device.createBindGroup({
        label: name,
        layout: pipeline.getBindGroupLayout(0),
        entries,
      });
      return { label: name, pipeline, bindGroup, workgroups: [models.length, 1, 1] };
    };
    const widths = options.workers === undefined ? widthsOf(gpu) : [options.workers].flat();
    const trial = {
      what: JSON.stringify([name, model, training.batchSize, models.length]),
      mostSteps: Math.min(RING_LENGTH, ...models.map((own) => own.training.steps)),
      prepare,
      setSteps: (steps: number) => buffers.write('run', Uint32Array.of(steps, 0)), // which change nothing
    };
    const fastest = await buffers.orDestroy(() => fastestWidth(gpu, widths, trial));
    return new ResidentModels(gpu, models.length, memory, buffers, fastest);
  }

  private constructor(
    gpu: GpuDevice,
    models: number,
    memory: ResidentMemory,
    buffers: DeviceBuffers,
    { width, dispatch }: WideDispatch,
  ) {
    this.gpu = gpu;
    this.models = models;
    this.memory = memory;
    this.buffers = buffers;
    this.workers = width;
    this.dispatch = dispatch;
    this.readback = new Readback(gpu, 'losses', buffers.region('progress').size);
  }

  /**
   * Puts `steps` ≤ RING_LENGTH steps of all models on the queue and gives the ring of each. `train: false` changes nothing but
   * gradients. At most two calls are under way at a time.
   */
  async run(steps: number, train = true): Promise<Float32Array[]> {
    const { device } = this.gpu;
    const command = [steps, train ? 1 : 0];
    if (String(command) !== this.command) this.buffers.write('run', Uint32Array.from(command));
    this.command = String(command);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.dispatch.pipeline);
    pass.setBindGroup(0, this.dispatch.bindGroup);
    pass.dispatchWorkgroups(...this.dispatch.workgroups);
    pass.end();
    this.readback.copy(encoder, this.buffers.region('progress'));
    device.queue.submit([encoder.finish()]);
    const bytes = await this.readback.bytes();
    return Array.from(
      { length: this.models },
      (_, i) => new Float32Array(bytes, 4 * (i * (RING_LENGTH + 1) + 1), RING_LENGTH),
    );
  }

  /** See DeviceSteps. */
  idle(): Promise<unknown> {
    return this.readback.read(this.buffers.region('progress'));
  }

  region(name: StateRegion): GPUBuffer {
    return this.buffers.region(name);
  }

  /** Writes a region of all models, each laid out as `parameterLayout` says. */
  write(region: StateRegion, padded: Float32Array): void {
    this.buffers.write(region, padded);
  }

  async read(region: StateRegion): Promise<Float32Array> {
    return new Float32Array(await this.buffers.read(region));
  }

  setStep(step: number): void {
    for (let i = 0; i < this.models; i++) {
      const counter = new Uint32Array([step]);
      this.gpu.device.queue.writeBuffer(this.buffers.region('progress'), 4 * i * (RING_LENGTH + 1), counter);
    }
  }

  destroy(): void {
    this.buffers.destroy();
    this.readback.destroy();
  }
}

/** Steps of all models of `spec`, many in a dispatch. */
export async function residentSteps(
  spec: EngineSpec,
  gpu: GpuDevice,
  options?: ResidentOptions,
): Promise<DeviceSteps> {
  const models = await ResidentModels.create(gpu, spec.model, membersOf(spec), spec.documents, options);
  return {
    launch: 'resident',
    targetMs: DISPATCH_MS,
    parameters: models.region('parameters'),
    train: (times) => models.run(times),
    idle: () => models.idle(),
    differentiate: () => models.run(1, false),
    write: (region, padded) => models.write(region, padded),
    read: (region) => models.read(region),
    setStep: (step) => models.setStep(step),
    destroy: () => models.destroy(),
  };
}

/** Invocations of the workgroup that trains `spec` on this device. */
export async function residentWidth(spec: EngineSpec, gpu: GpuDevice): Promise<number> {
  const widths = widthsOf(gpu);
  if (widths.length === 1) return widths[0];
  const models = await ResidentModels.create(gpu, spec.model, membersOf(spec), spec.documents);
  models.destroy();
  return models.workers;
}

/** `struct Hyper` of shaders/lib/resident.wgsl. */
function hyperOf({ beta1, beta2, eps, learningRate, steps }: TrainingConfig): number[] {
  // log(0) is not a value WGSL can hold; exp(-1000) is 0 as well.
  const log = (beta: number) => Math.max(-1000, Math.log(beta));
  const epsilon = epsilonInF32(eps);
  return [beta1, 1 - beta1, beta2, 1 - beta2, epsilon, log(beta1), log(beta2), learningRate, steps];
}
