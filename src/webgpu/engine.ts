// The WebGPU engine: runs the plans of src/model/gpt.ts as compute shaders. Data, parameters and step counter live on the
// device; a step in steady state makes no buffer, no bind group and no pipeline, and reads back only losses.

import type { Engine, EngineSpec, LaunchStrategy } from '../engine.ts';
import { STEP_BYTES } from '../graph/op.ts';
import { checkModelConfig, checkTrainingConfig } from '../model/config.ts';
import { decodePlan, RING_LENGTH, trainingPlan } from '../model/gpt.ts';
import type { ModelConfig } from '../model/config.ts';
import {
  countParameters,
  gatherParameters,
  parameterLayout,
  scatterParameters,
} from '../model/parameters.ts';
import type { ParameterLayout } from '../model/parameters.ts';
import { packCorpus } from '../ops/batch.ts';
import type { FloatArray } from '../util/arrays.ts';
import {
  checkAdvance,
  checkDocuments,
  checkNotDisposed,
  checkParameterCount,
  checkState,
  checkTokens,
} from '../util/engine-checks.ts';
import { adapterName } from './adapter.ts';
import type { GpuDevice } from './adapter.ts';
import { DeviceBuffers } from './buffers.ts';
import { LAUNCHERS, Pace, prepareDispatches } from './launch.ts';
import type { ReadyDispatch } from './launch.ts';

export interface WebGpuOptions {
  /** An open device; it stays open when the engine is disposed of. */
  readonly gpu: GpuDevice;
  readonly launch?: LaunchStrategy;
}

/** Throws ConfigError for a wrong spec and DeviceError where the model does not fit the device. */
export async function createWebGpuEngine(
  spec: EngineSpec,
  { gpu, launch = 'graph' }: WebGpuOptions,
): Promise<Engine> {
  const { model, training, documents } = spec;
  checkModelConfig(model);
  checkTrainingConfig(training);
  checkDocuments(documents, model.vocabSize);
  const count = countParameters(model);
  checkParameterCount('parameters', spec.parameters.length, count);

  const { device } = gpu;
  const layout = parameterLayout(model);
  const corpus = packCorpus(documents);
  const plan = trainingPlan(model, training, layout, { length: corpus.length, documents: documents.count });
  const buffers = await DeviceBuffers.create(gpu, plan);
  const dispatches = await prepareDispatches(gpu, plan, buffers);
  const withoutAdam = dispatches.slice(0, -1);
  buffers.write('corpus', corpus);
  const upload = (region: string, flat: FloatArray) => {
    const padded = new Float32Array(layout.length);
    scatterParameters(layout, flat, padded);
    buffers.write(region, padded);
  };
  upload('parameters', spec.parameters);

  const ring = buffers.region('ring');
  const readback = device.createBuffer({
    label: 'losses',
    size: ring.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const run = LAUNCHERS[launch];
  const pace = new Pace();
  let step = 0;

  /** Runs `times` steps (or gradients) and gives the ring of losses. */
  const launchAndRead = async (what: readonly ReadyDispatch[], times: number): Promise<Float32Array> => {
    run(device, what, times, (encoder) => encoder.copyBufferToBuffer(ring, 0, readback, 0, ring.size));
    await gpu.settle(readback.mapAsync(GPUMapMode.READ));
    const losses = new Float32Array(readback.getMappedRange().slice(0));
    readback.unmap();
    gpu.check();
    return losses;
  };

  const download = async (region: string): Promise<Float32Array> => {
    const flat = new Float32Array(count);
    gatherParameters(layout, new Float32Array(await buffers.read(region)), flat);
    return flat;
  };

  let decoder: Decoder | null = null;
  let position = 0;
  const feed = async (tokens: readonly number[]): Promise<Float32Array> => {
    decoder ??= await Decoder.create(gpu, model, layout, buffers.region('parameters'));
    const logits = await decoder.run(tokens, position);
    position += tokens.length;
    return logits;
  };

  // Calls share the readback buffers, so they take turns.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(() => {
      checkNotDisposed(disposed);
      gpu.check();
      return work();
    });
    turn = result.catch(() => undefined);
    return result;
  };

  let disposed = false;
  return {
    info: {
      engine: 'webgpu',
      description: `webgpu (${launch}) on ${adapterName(gpu.info)}`,
      precision: 'f32',
      launch,
      adapter: gpu.info,
    },

    advance: (k) =>
      inTurn(async () => {
        checkAdvance(k, step, training.steps);
        position = 0;
        const losses = new Float64Array(k);
        for (let done = 0; done < k;) {
          const steps = pace.next(Math.min(k - done, RING_LENGTH));
          const start = performance.now();
          const slots = await launchAndRead(dispatches, steps);
          pace.learn(steps, performance.now() - start);
          for (let i = 0; i < steps; i++) losses[done + i] = slots[(step + i) % RING_LENGTH];
          done += steps;
          step += steps;
        }
        return losses;
      }),

    gradients: () =>
      inTurn(async () => {
        const slots = await launchAndRead(withoutAdam, 1);
        return { loss: slots[step % RING_LENGTH], gradients: await download('gradients') };
      }),

    parameters: () => inTurn(() => download('parameters')),

    state: () =>
      inTurn(async () => ({
        step,
        parameters: await download('parameters'),
        m: await download('m'),
        v: await download('v'),
      })),

    load: (state) =>
      inTurn(async () => {
        checkState(state, count);
        upload('parameters', state.parameters);
        upload('m', state.m);
        upload('v', state.v);
        buffers.write('counter', new Uint32Array([state.step]));
        step = state.step;
        position = 0;
      }),

    prefill: (tokens) =>
      inTurn(async () => {
        checkTokens(tokens, 0, model.blockSize, model.vocabSize);
        position = 0;
        return feed(tokens);
      }),

    decode: (token) =>
      inTurn(async () => {
        checkTokens([token], position, model.blockSize, model.vocabSize);
        return feed([token]);
      }),

    dispose() {
      if (disposed) return;
      disposed = true;
      buffers.destroy();
      readback.destroy();
      decoder?.destroy();
    },
  };
}

/** One token at a time, with the keys and values of the tokens before it on the device. */
class Decoder {
  private readonly gpu: GpuDevice;
  private readonly buffers: DeviceBuffers;
  private readonly dispatches: readonly ReadyDispatch[];
  private readonly readback: GPUBuffer;

  private constructor(gpu: GpuDevice, buffers: DeviceBuffers, dispatches: readonly ReadyDispatch[]) {
    this.gpu = gpu;
    this.buffers = buffers;
    this.dispatches = dispatches;
    this.readback = gpu.device.createBuffer({
      label: 'logits readback',
      size: buffers.region('logits').size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  static async create(
    gpu: GpuDevice,
    model: ModelConfig,
    layout: ParameterLayout,
    parameters: GPUBuffer,
  ): Promise<Decoder> {
    const plan = decodePlan(model, layout);
    const buffers = await DeviceBuffers.create(gpu, plan, new Map([['parameters', parameters]]));
    const step = new Uint32Array(STEP_BYTES / 4);
    step[1] = 1; // rows
    buffers.write('step', step);
    return new Decoder(gpu, buffers, await prepareDispatches(gpu, plan, buffers));
  }

  /** Feeds `tokens` from `position` on, without waiting in between; logits (V) after the last. */
  async run(tokens: readonly number[], position: number): Promise<Float32Array> {
    const { device } = this.gpu;
    const logits = this.buffers.region('logits');
    tokens.forEach((token, i) => {
      this.buffers.write('token', new Uint32Array([token]));
      this.buffers.write('position', new Uint32Array([position + i]));
      LAUNCHERS.graph(device, this.dispatches, 1, (encoder) => {
        if (i === tokens.length - 1) encoder.copyBufferToBuffer(logits, 0, this.readback, 0, logits.size);
      });
    });
    await this.gpu.settle(this.readback.mapAsync(GPUMapMode.READ));
    const copy = new Float32Array(this.readback.getMappedRange().slice(0));
    this.readback.unmap();
    this.gpu.check();
    return copy;
  }

  destroy(): void {
    this.buffers.destroy();
    this.readback.destroy();
  }
}
