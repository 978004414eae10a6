// The WebGPU engine: training steps (steps.ts, resident.ts) and decoding as compute shaders. Data, parameters and step counter live on the
// device; a step in steady state makes no buffer, no bind group and no pipeline, and reads back only losses.

import type { Engine, EngineSpec, LaunchStrategy } from '../engine/engine.ts';
import { checkSpec, eachAlone, joined, membersOf, partOf } from '../engine/models.ts';
import { evaluateRows, type DocumentRows } from '../model/evaluation.ts';
import { decodePlan, evaluationPlan, RING_LENGTH, ROW_REGIONS } from '../model/plans.ts';
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
  checkState,
  checkTokens,
} from '../util/engine-checks.ts';
import { ConfigError, DeviceError } from '../util/errors.ts';
import { takeTurns } from '../util/turns.ts';
import { adapterName } from './adapter.ts';
import type { GpuDevice } from './adapter.ts';
import { modelCapacity } from './capacity.ts';
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
  /** Unless told `graph`, and `resident`, which alone can do that, for several models. */
  readonly launch?: LaunchStrategy;
  /** Of the strategy `resident`. */
  readonly resident?: ResidentOptions;
}

/**
 * Throws ConfigError for a wrong spec, also where the strategy cannot train such models, and DeviceError where they do not fit the
 * device.
 */
export async function createWebGpuEngine(spec: EngineSpec, options: WebGpuOptions): Promise<Engine> {
  const { gpu } = options;
  const { model, training } = spec;
  checkSpec(spec);
  const members = membersOf(spec);
  const size = members.length; // N
  const count = countParameters(model); // P

  const layout = parameterLayout(model);
  const { steps: run, why } = await chooseSteps(spec, options);
  const upload = (region: StateRegion, flat: FloatArray) => {
    const padded = new Float32Array(size * layout.length);
    for (let i = 0; i < size; i++) scatterParameters(layout, partOf(flat, i, size), partOf(padded, i, size));
    run.write(region, padded);
  };
  upload('parameters', joined(members.map(({ parameters }) => parameters)));

  const pace = new Pace(run.targetMs);
  let step = 0;

  const download = async (region: StateRegion): Promise<Float32Array> => {
    const flat = new Float32Array(size * count);
    const padded = await run.read(region);
    for (let i = 0; i < size; i++) gatherParameters(layout, partOf(padded, i, size), partOf(flat, i, size));
    return flat;
  };

  // One token at a time, with the keys and values of the tokens before it on the device, for each model.
  const decoders: ForwardPass[] = [];
  let position = 0;
  const feed = async (tokens: readonly number[]): Promise<Float32Array> => {
    const first = position;
    position += tokens.length;
    const logits: Float32Array[] = [];
    for (let which = 0; which < size; which++) {
      if (decoders[which] === undefined) {
        const plan = decodePlan(model, layout);
        decoders[which] = await ForwardPass.create(gpu, plan, run.parameters, size, 'logits');
        decoders[which].setRows(1);
      }
      const decoder = decoders[which];
      if (first === 0) decoder.take(which);
      for (const [i, token] of tokens.entries()) {
        decoder.write('token', Uint32Array.of(token));
        decoder.write('position', Uint32Array.of(first + i));
        decoder.launch(i === tokens.length - 1);
      }
      logits.push(await decoder.result());
    }
    return joined(logits);
  };

  let evaluator: ForwardPass | null = null;
  const surprises = async (rows: DocumentRows, which: number): Promise<Float32Array> => {
    if (evaluator === null) {
      const rules = RULES[run.launch === 'resident' ? 'fused' : run.launch];
      const plan = evaluationPlan(model, layout, rules);
      evaluator = await ForwardPass.create(gpu, plan, run.parameters, size, 'nll');
    }
    evaluator.take(which);
    evaluator.setRows(rows.rows);
    for (const name of ROW_REGIONS) evaluator.write(name, rows[name]);
    evaluator.launch(true);
    return evaluator.result();
  };

  // Calls share the readback buffers, so they take turns.
  let disposed = false;
  const inTurn = takeTurns(() => {
    checkNotDisposed(disposed);
    gpu.check();
  });

  return {
    info: {
      engine: 'webgpu',
      description: `webgpu (${run.launch}${why}) on ${adapterName(gpu.info)}`,
      precision: 'f32',
      launch: run.launch,
      build: gpu.build,
      adapter: gpu.info,
    },
    size,

    get latency() {
      return pace.latency;
    },

    advance: (k) =>
      inTurn(async () => {
        checkAdvance(k, step, training.steps);
        position = 0;
        const losses = new Float64Array(size * k);
        await pace.measureLatency(() => run.idle());
        const train = (steps: number) => run.train(steps, pace.stepMs);
        await inBatches(k, pace, train, (rings, done, steps) => {
          for (const [which, ring] of rings.entries())
            for (let i = 0; i < steps; i++) losses[which * k + done + i] = ring[(step + i) % RING_LENGTH];
          step += steps;
        });
        return losses;
      }),

    gradients: () =>
      inTurn(async () => {
        const rings = await run.differentiate(pace.stepMs);
        const losses = Float64Array.from(rings, (ring) => ring[step % RING_LENGTH]);
        return { losses, gradients: await download('gradients') };
      }),

    evaluate: (some) =>
      inTurn(async () => {
        checkDocuments(some, model.vocabSize);
        const losses: Float64Array[] = [];
        for (let which = 0; which < size; which++)
          losses.push(await evaluateRows(model, some, (rows) => surprises(rows, which)));
        return joined(losses);
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
        checkState(state, size * count);
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
      for (const decoder of decoders) decoder.destroy();
      evaluator?.destroy();
    },
  };
}

/** The training steps as asked for; where one workgroup should not train the model, the next best, and why. */
async function chooseSteps(
  spec: EngineSpec,
  { gpu, launch: asked, resident }: WebGpuOptions,
): Promise<{ steps: DeviceSteps; why: string }> {
  const { model, training, others = [] } = spec;
  const size = 1 + others.length;
  const launch = asked ?? (size === 1 ? 'graph' : 'resident');
  const reason = launch === 'resident' ? whyNotResident(model, training) : undefined;
  if (size === 1 && (launch !== 'resident' || reason !== undefined)) {
    const [alone] = eachAlone(spec);
    if (launch !== 'resident') return { steps: await plannedSteps(alone, gpu, launch), why: '' };
    return { steps: await plannedSteps(alone, gpu, 'fused'), why: `, not resident: ${reason}` };
  }
  if (launch !== 'resident') {
    throw new ConfigError(
      `launch ${launch}: expected 1 model, got ${size}. Use resident, which trains several.`,
    );
  }
  if (reason !== undefined) {
    throw new ConfigError(
      `${size} models: ${reason}. Use a smaller model, block or batch, or the CPU engine.`,
    );
  }
  const most = modelCapacity(gpu, spec);
  if (size > 1 && size > most) {
    throw new DeviceError(`expected at most ${most} models on ${adapterName(gpu.info)}, got ${size}.`);
  }
  const steps = await residentSteps(spec, gpu, resident);
  return { steps, why: size === 1 ? '' : ', a workgroup per model' };
}
