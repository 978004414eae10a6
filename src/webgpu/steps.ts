// Training steps on the device, behind one interface: as the dispatches of a plan (eager, graph), or many in one
// dispatch (resident). The engine puts losses, states and checks on top.

import type { EngineSpec, LaunchStrategy } from '../engine.ts';
import { RING_LENGTH, trainingPlan, type PlanBuilder } from '../model/gpt.ts';
import { parameterLayout } from '../model/parameters.ts';
import { packCorpus } from '../ops/batch.ts';
import type { GpuDevice } from './adapter.ts';
import { DeviceBuffers } from './buffers.ts';
import { LAUNCHERS, prepareDispatches, RULES } from './launch.ts';
import type { PlannedLaunch } from './launch.ts';
import { tunePlan } from './tuner.ts';

export type StateRegion = 'parameters' | 'gradients' | 'm' | 'v';

export interface DeviceSteps {
  readonly launch: LaunchStrategy;
  /** How long the work between two readbacks should take, in milliseconds. */
  readonly targetMs: number;
  /** The parameters, as `parameterLayout` lays them out. */
  readonly parameters: GPUBuffer;
  /**
   * Queues the next `times` ≤ RING_LENGTH steps and gives the ring: the loss of step s is at s mod RING_LENGTH. At most two calls
   * may be in flight at a time. `stepMs`: the most milliseconds that a step takes, if measured.
   */
  train(times: number, stepMs?: number): Promise<Float32Array>;
  /** Resolves when all work submitted so far is done and read back; on an idle device that takes the latency. */
  idle(): Promise<unknown>;
  /** Loss (in the ring) and gradients of the next step; trains nothing. */
  differentiate(stepMs?: number): Promise<Float32Array>;
  write(region: StateRegion, padded: Float32Array): void;
  read(region: StateRegion): Promise<Float32Array>;
  setStep(step: number): void;
  destroy(): void;
}

/** Reads a small result back repeatedly; two readbacks may be in flight at a time, each with its own buffer. */
export class Readback {
  private readonly buffers: readonly GPUBuffer[];
  private readonly gpu: GpuDevice;
  private turn = 0;

  constructor(gpu: GpuDevice, label: string, size: number) {
    this.gpu = gpu;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.buffers = [0, 1].map(() => gpu.device.createBuffer({ label, size, usage }));
  }

  /** Encodes a copy of `source` to the buffer that `bytes` reads next. */
  copy(encoder: GPUCommandEncoder, source: GPUBuffer): void {
    encoder.copyBufferToBuffer(source, 0, this.buffers[this.turn], 0, source.size);
  }

  /** The bytes of `source` once all work submitted so far is done. */
  read(source: GPUBuffer): Promise<ArrayBuffer> {
    const encoder = this.gpu.device.createCommandEncoder();
    this.copy(encoder, source);
    this.gpu.device.queue.submit([encoder.finish()]);
    return this.bytes();
  }

  /** The bytes of the last copy, which must have been submitted, once it is done. */
  async bytes(): Promise<ArrayBuffer> {
    const { gpu } = this;
    const buffer = this.buffers[this.turn];
    this.turn = 1 - this.turn;
    // The copy is inside: a device that is lost now unmaps its buffers at once.
    const copied = buffer.mapAsync(GPUMapMode.READ).then(() => buffer.getMappedRange().slice(0));
    const copy = await gpu.settle(copied);
    buffer.unmap();
    return copy;
  }

  destroy(): void {
    for (const buffer of this.buffers) buffer.destroy();
  }
}

/**
 * Steps as the dispatches of a plan, the GPT's unless told, with the kernels that are fastest here where the device is to be tuned
 * for.
 */
export async function plannedSteps(
  spec: EngineSpec,
  gpu: GpuDevice,
  launch: PlannedLaunch,
  build: PlanBuilder = trainingPlan,
): Promise<DeviceSteps> {
  const { model, training, documents } = spec;
  const corpus = packCorpus(documents);
  const size = { length: corpus.length, documents: documents.count };
  const standard = build(model, training, parameterLayout(model), size, RULES[launch]);
  const buffers = await DeviceBuffers.create(gpu, standard);
  const dispatches = await buffers.orDestroy(async () => {
    const plan = gpu.tuning ? await tunePlan(gpu, standard, buffers, gpu.tuning) : standard;
    return prepareDispatches(gpu, plan, buffers);
  });
  const withoutUpdate = dispatches.filter((_, i) => !standard.dispatches[i].changes.includes('parameters'));
  buffers.write('corpus', corpus);
  const ring = buffers.region('ring');
  const readback = new Readback(gpu, 'losses', 4 * RING_LENGTH);

  const run = async (
    what: typeof dispatches,
    times: number,
    stepMs: number | undefined,
  ): Promise<Float32Array> => {
    LAUNCHERS[launch](gpu.device, what, times, (encoder) => readback.copy(encoder, ring), stepMs);
    return new Float32Array(await readback.bytes());
  };

  return {
    launch,
    targetMs: 200,
    parameters: buffers.region('parameters'),
    train: (times, stepMs) => run(dispatches, times, stepMs),
    idle: () => readback.read(ring),
    differentiate: (stepMs) => run(withoutUpdate, 1, stepMs),
    write: (region, padded) => buffers.write(region, padded),
    read: async (region) => new Float32Array(await buffers.read(region)),
    setStep: (step) => buffers.write('counter', new Uint32Array([step])),
    destroy() {
      buffers.destroy();
      readback.destroy();
    },
  };
}
