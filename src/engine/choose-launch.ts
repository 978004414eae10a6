// `--launch auto`: which launch strategy is fastest for a model on a device. Measured, because the answer depends on what a
// launch, a barrier and a byte cost there.

import type { EngineSpec, LaunchStrategy } from './engine.ts';
import { figure, timeSteps, trialSpec } from './trial.ts';
import { DeviceError } from '../util/errors.ts';
import type { GpuDevice } from '../webgpu/adapter.ts';
import { modelFlops } from '../webgpu/cost.ts';
import { createWebGpuEngine } from '../webgpu/engine.ts';
import { whyNotResident } from '../webgpu/resident/step.ts';

export interface LaunchTrial {
  readonly launch: LaunchStrategy;
  /** Of a step. */
  readonly milliseconds: number;
}

export interface LaunchChoice {
  readonly launch: LaunchStrategy;
  /** What was measured, fastest first; empty where a trial would take too long. */
  readonly measured: readonly LaunchTrial[];
  /** What was measured and what could not be taken, for a person. */
  readonly why: string;
}

/** How long each strategy is tried, in milliseconds. */
const TRIAL = 200;

/** Steps of more floating-point operations take seconds to try: some 0.1 s on a GPU and 0.3 s on a CPU that plays one. */
const TRIAL_FLOPS = { gpu: 1e11, software: 3e8 };

/** Without a trial: the fewest dispatches and bytes of those that take any model. */
const UNTRIED: LaunchStrategy = 'fused';

/** `eager` is not among them: it is `graph` with more submits. */
const CANDIDATES: readonly LaunchStrategy[] = ['fused', 'graph', 'resident'];

/**
 * Tries the strategies (all that make sense, unless told) that can take the model, one after another, so that never more than one
 * is on the device. Throws DeviceError where none of them works.
 */
export async function chooseLaunch(
  spec: EngineSpec,
  gpu: GpuDevice,
  candidates: readonly LaunchStrategy[] = CANDIDATES,
): Promise<LaunchChoice> {
  const flops = modelFlops(spec.model, spec.training.batchSize);
  const notes: string[] = [];
  const notResident = whyNotResident(spec.model, spec.training);
  if (notResident !== undefined && candidates.includes('resident')) {
    notes.push(`not resident: ${notResident}`);
    candidates = [...new Set(candidates.map((launch) => (launch === 'resident' ? 'fused' : launch)))];
  }
  if (flops > TRIAL_FLOPS[gpu.info.software ? 'software' : 'gpu']) {
    const launch = candidates.includes(UNTRIED) ? UNTRIED : candidates[0];
    const why = `a step of ${(flops / 1e9).toPrecision(3)} GFLOP is too large to try launch strategies`;
    return { launch, measured: [], why: [why, ...notes].join('; ') };
  }
  const trial = trialSpec(spec);
  const measured: LaunchTrial[] = [];
  let failure: DeviceError | undefined;
  for (const launch of candidates) {
    try {
      const engine = await createWebGpuEngine(trial, { gpu, launch });
      measured.push({ launch, milliseconds: await timeSteps(engine, trial.training.steps, 2, TRIAL) });
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      failure = error;
      notes.push(`not ${launch}: ${error.message.split('\n', 1)[0]}`);
    }
  }
  if (measured.length === 0) throw failure!;
  measured.sort((a, b) => a.milliseconds - b.milliseconds);
  const [best, ...others] = measured.map(({ launch, milliseconds }) => [launch, figure(milliseconds)]);
  const figures = [`${best.join(' ')} ms a step`, ...others.map((other) => `${other.join(' ')} ms`)].join(
    ', ',
  );
  return { launch: measured[0].launch, measured, why: [figures, ...notes].join('; ') };
}
