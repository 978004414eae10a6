// The price of a launch: a designed experiment over dispatches, passes, submits and readbacks, and the costs that explain it;
// and one over the phases of a workgroup, for what happens inside a dispatch.

import { MicrogptError } from '../../util/errors.ts';
import type { GpuDevice } from '../../webgpu/adapter.ts';
import type { LaunchCosts, LaunchPoint, Report } from '../schema.ts';
import { PLANNED, residentCounts, stepCounts, stepRoofline } from './counts.ts';
import { timeDesign, type Fitted } from './design.ts';
import { launchRunner } from './launch-runner.ts';
import type { Fit } from './regression.ts';
import type { SectionContext } from './section.ts';
import { phaseDesign, timePhases } from './workgroup.ts';
import { workgroupRunner } from './workgroup-runner.ts';

/** One run: `readbacks` times `submits` submits of `passes` passes of `dispatches` dispatches each. */
export type LaunchRun = Pick<
  LaunchPoint,
  'kernel' | 'dependent' | 'dispatches' | 'passes' | 'submits' | 'readbacks'
>;

/** Makes a run and waits until its last readback is there. */
export type LaunchRunner = (run: LaunchRun) => Promise<void>;

export const COSTS = ['dispatch', 'barrier', 'pass', 'submit', 'readback', 'work'] as const;

/** How often a run pays each of COSTS. Between dependent dispatches stands a barrier; a run of `work` also does the work. */
export function countsOf({ kernel, dependent, dispatches, passes, submits, readbacks }: LaunchRun): number[] {
  const allSubmits = submits * readbacks;
  const allPasses = passes * allSubmits;
  const all = dispatches * allPasses;
  return [all, dependent ? all : 0, allPasses, allSubmits, readbacks, kernel === 'work' ? all : 0];
}

/** The largest number of dispatches in a run: some 20 ms on the slowest adapter known, which is software. */
const MOST_DISPATCHES = 1024;

/**
 * The design: every kind of dispatch over a grid of dispatches per pass, passes per submit and submits, and some runs with more
 * readbacks. Independent dispatches write nothing, as two that write the same buffer depend on each other; so what
 * does known work is always dependent.
 */
export function launchDesign(): LaunchRun[] {
  const runs: LaunchRun[] = [];
  const kinds = [
    { kernel: 'empty', dependent: false },
    { kernel: 'empty', dependent: true },
    { kernel: 'work', dependent: true },
  ] as const;
  for (const kind of kinds) {
    for (const dispatches of [1, 16, 256]) {
      for (const [passes, submits] of [
        [1, 1],
        [16, 1],
        [1, 16],
        [4, 4],
      ])
        // prettier-ignore
        if (dispatches * passes * submits <= MOST_DISPATCHES)
          runs.push({ ...kind, dispatches, passes, submits, readbacks: 1 });
    }
    runs.push({ ...kind, dispatches: 4, passes: 1, submits: 1, readbacks: 4 });
    runs.push({ ...kind, dispatches: 16, passes: 2, submits: 2, readbacks: 8 });
  }
  return runs;
}

/** Of the section's time; the rest is for the phases of a workgroup. */
const LAUNCHES_SHARE = 0.65;

export async function measureLaunch(context: SectionContext): Promise<LaunchCosts | null> {
  const { session, progress } = context;
  /** One of the two experiments. */
  const half = (which: number, time: number): SectionContext => ({
    ...context,
    session: session.part(time),
    progress: (done, total) => progress(which * total + done, 2 * total),
  });
  const gpu = await context.openDevice!();
  try {
    const runner = await launchRunner(gpu);
    const launches = half(0, LAUNCHES_SHARE * session.left);
    const { costs, points, r2, fit } = (await timeLaunches(runner, launchDesign(), launches)) ?? {};
    if (!points || !costs || !fit || r2 === undefined) return null;
    const phases = await measurePhases(gpu, half(1, session.left));
    const workgroup = phases && withoutFit(phases);
    const steps = predictions(fit, context.found);
    const resident = phases ? residentPrediction(phases, context.found) : [];
    return {
      software: gpu.info.software,
      points,
      costs,
      r2,
      predictions: [...steps, ...resident],
      workgroup,
    };
  } finally {
    gpu.destroy();
  }
}

/** Times the runs of `design` in turns and fits the costs; null where it was stopped before the first round. */
export async function timeLaunches(
  runner: LaunchRunner,
  design: readonly LaunchRun[],
  context: SectionContext,
): Promise<Fitted<LaunchRun> | null> {
  return timeDesign({ design, runner, names: COSTS, countsOf }, context);
}

/** A step of each strategy whose steps are dispatches, from its calls and the roofline of its kernels. */
function predictions(fit: Fit, { ladder, kernels }: Partial<Report>): LaunchCosts['predictions'] {
  const found: LaunchCosts['predictions'] = [];
  if (!ladder) return found;
  for (const strategy of PLANNED) {
    const rung = `webgpu-${strategy}`;
    const measured = ladder.rungs.find(({ id }) => id === rung)?.step;
    if (!measured) continue;
    const work = kernels ? stepRoofline(ladder.shape, strategy, kernels.ceilings) : 0;
    const { value, low, high } = fit.predict(stepCounts(ladder.shape, strategy));
    found.push({ rung, predicted: { value: value + work, low: low + work, high: high + work }, measured });
  }
  return found;
}

type Phases = NonNullable<Awaited<ReturnType<typeof timePhases>>>;

/** null where the workgroup computes something else, or was stopped: the prices of launches stand without it. */
async function measurePhases(gpu: GpuDevice, context: SectionContext): Promise<Phases | null> {
  try {
    const runner = await workgroupRunner(gpu);
    return await timePhases(runner, phaseDesign(runner.workers, gpu.info.software), context);
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
    context.note(`inside a dispatch nothing was measured. ${error.message}`);
    return null;
  }
}

function withoutFit({ workers, points, costs, r2 }: Phases): LaunchCosts['workgroup'] {
  return { workers, points, costs, r2 };
}

/** A resident step is a part of one dispatch: its barriers and its arithmetic, and a share of the dispatch. */
function residentPrediction(phases: Phases, { ladder }: Partial<Report>): LaunchCosts['predictions'] {
  const rung = 'webgpu-resident';
  const measured = ladder?.rungs.find(({ id }) => id === rung)?.step;
  if (!ladder || !measured) return [];
  return [{ rung, predicted: phases.fit.predict(residentCounts(ladder.shape, phases)), measured }];
}
