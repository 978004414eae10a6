// The WebGPU engine: training steps (steps.ts, resident.ts) and decoding as compute shaders. Data, parameters and step counter live on the
// device; a step in steady state makes no buffer, no bind group and no pipeline, and reads back only losses.

import type { Engine, EngineSpec, LaunchStrategy } from '../engine.ts';
import { checkModelConfig, checkTrainingConfig } from '../model/config.ts';
import { evaluateRows, type DocumentRows } from '../model/evaluation.ts';
import { decodePlan, evaluationPlan, RING_LENGTH, ROW_REGIONS } from '../model/gpt.ts';
import {
  countParameters,
  gatherParameters,
  parameterLayout,
  scatterParameters,
} from '../model/parameters.ts';
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
import { ForwardPass } from './forward.ts';
import { RULES } from './launch.ts';
import { inBatches, Pace } from './pace.ts';
import { whyNotResident } from './resident/step.ts';
import { residentSteps } from './resident.ts';
import type { ResidentOptions } from './resident.ts';
import { plannedSteps } from './steps.ts';
import type { DeviceSteps, StateRegion } from './steps.ts';

export interface WebGpuOptions {
  /** An open device; it stays open when the engine is disposed of. */
  readonly gpu: GpuDevice;
  /** `graph` unless told. */
  readonly launch?: LaunchStrategy;
  /** Of the strategy `resident`. */
  readonly resident?: ResidentOptions;
}

/** Throws ConfigError for a wrong spec and DeviceError where the model does not fit the device. */
export async function createWebGpuEngine(spec: EngineSpec, options: WebGpuOptions): Promise<Engine> {
  const { gpu } = options;
  const { model, training, documents } = spec;
  checkModelConfig(model);
  checkTrainingConfig(training);
  checkDocuments(documents, model.vocabSize);
  const count = countParameters(model);
  checkParameterCount('parameters', spec.parameters.length, count);

  const layout = parameterLayout(model);
  const { steps: run, why } = await chooseSteps(spec, options);
  const upload = (region: StateRegion, flat: FloatArray) => {
    const padded = new Float32Array(layout.length);
    scatterParameters(layout, flat, padded);
    run.write(region, padded);
  };
  upload('parameters', spec.parameters);

  const pace = new Pace(run.targetMs);
  let step = 0;

  const download = async (region: StateRegion): Promise<Float32Array> => {
    const flat = new Float32Array(count);
    gatherParameters(layout, await run.read(region), flat);
    return flat;
  };

  // One token at a time, with the keys and values of the tokens before it on the device.
  let decoder: ForwardPass | null = null;
  let position = 0;
  const feed = async (tokens: readonly number[]): Promise<Float32Array> => {
    if (decoder === null) {
      decoder = await ForwardPass.create(gpu, decodePlan(model, layout), run.parameters, 'logits');
      decoder.setRows(1);
    }
    for (const [i, token] of tokens.entries()) {
      decoder.write('token', Uint32Array.of(token));
      decoder.write('position', Uint32Array.of(position++));
      decoder.launch(i === tokens.length - 1);
    }
    return decoder.result();
  };

  let evaluator: ForwardPass | null = null;
  const surprises = async (rows: DocumentRows): Promise<Float32Array> => {
    if (evaluator === null) {
      const rules = RULES[run.launch === 'resident' ? 'fused' : run.launch];
      const plan = evaluationPlan(model, layout, rules);
      evaluator = await ForwardPass.create(gpu, plan, run.parameters, 'nll');
    }
    evaluator.setRows(rows.rows);
    for (const name of ROW_REGIONS) evaluator.write(name, rows[name]);
    evaluator.launch(true);
    return evaluator.result();
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
      description: `webgpu (${run.launch}${why}) on ${adapterName(gpu.info)}`,
      precision: 'f32',
      launch: run.launch,
      build: gpu.build,
      adapter: gpu.info,
    },

    get latency() {
      return pace.latency;
    },

    advance: (k) =>
      inTurn(async () => {
        checkAdvance(k, step, training.steps);
        position = 0;
        const losses = new Float64Array(k);
        await pace.measureLatency(() => run.idle());
        const train = (steps: number) => run.train(steps, pace.stepMs);
        await inBatches(k, pace, train, (slots, done, steps) => {
          for (let i = 0; i < steps; i++) losses[done + i] = slots[(step + i) % RING_LENGTH];
          step += steps;
        });
        return losses;
      }),

    gradients: () =>
      inTurn(async () => {
        const slots = await run.differentiate(pace.stepMs);
        return { loss: slots[step % RING_LENGTH], gradients: await download('gradients') };
      }),

    evaluate: (some) =>
      inTurn(() => {
        checkDocuments(some, model.vocabSize);
        return evaluateRows(model, some, surprises);
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
        run.setStep(state.step);
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
      run.destroy();
      decoder?.destroy();
      evaluator?.destroy();
    },
  };
}

/** The training steps as asked for; where one workgroup should not train the model, the next best, and why. */
async function chooseSteps(
  spec: EngineSpec,
  { gpu, launch = 'graph', resident }: WebGpuOptions,
): Promise<{ steps: DeviceSteps; why: string }> {
  if (launch !== 'resident') return { steps: await plannedSteps(spec, gpu, launch), why: '' };
  const reason = whyNotResident(spec.model, spec.training);
  if (reason === undefined) return { steps: await residentSteps(spec, gpu, resident), why: '' };
  return { steps: await plannedSteps(spec, gpu, 'fused'), why: `, not resident: ${reason}` };
}
