// The price of a launch: a designed experiment over dispatches, passes, submits and readbacks, and the costs that explain it.

import { stepCounts, stepRoofline } from './counts.ts';
import { timeDesign, type Fitted } from './design.ts';
import { launchRunner } from './launch-runner.ts';
import type { Fit } from './regression.ts';
import type { LaunchCosts, LaunchPoint, Report } from '../schema.ts';
import type { SectionContext } from './section.ts';

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

export async function measureLaunch(context: SectionContext): Promise<LaunchCosts | null> {
  const gpu = await context.openDevice!();
  try {
    const runner = await launchRunner(gpu);
    const { costs, points, r2, fit } = (await timeLaunches(runner, launchDesign(), context)) ?? {};
    if (!points || !costs || !fit || r2 === undefined) return null;
    return { software: gpu.info.software, points, costs, r2, predictions: predictions(fit, context.found) };
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

/**
 * A step of each strategy, from its calls and the roofline of its kernels. A resident step is a part of one dispatch: there is
 * nothing in it that these costs could foretell.
 */
function predictions(fit: Fit, { ladder, kernels }: Partial<Report>): LaunchCosts['predictions'] {
  const found: LaunchCosts['predictions'] = [];
  if (!ladder) return found;
  for (const strategy of ['eager', 'graph', 'fused'] as const) {
    const rung = `webgpu-${strategy}`;
    const measured = ladder.rungs.find(({ id }) => id === rung)?.step;
    if (!measured) continue;
    const work = kernels ? stepRoofline(ladder.shape, strategy, kernels.ceilings) : 0;
    const { value, low, high } = fit.predict(stepCounts(ladder.shape, strategy));
    found.push({ rung, predicted: { value: value + work, low: low + work, high: high + work }, measured });
  }
  return found;
}
