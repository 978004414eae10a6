// A designed experiment: runs that pay known numbers of costs, timed in turns, and the costs that explain their times.

import type { Estimate, Interval } from '../schema.ts';
import { fitCosts, type Fit } from './regression.ts';
import { estimateIn, resolvedBy, turnOptions, type SectionContext } from './section.ts';
import { timeInTurns } from './subjects.ts';

/** Shortest sample, in microseconds, where the clock is fine enough, and the rounds at most: the runs are many and short. */
const SAMPLE = 2000;
const MOST_ROUNDS = 51;

export interface Experiment<Run> {
  readonly design: readonly Run[];
  /** Makes a run and waits for its end. */
  readonly runner: (run: Run) => Promise<unknown>;
  /** Names of the costs, and how often a run pays each. */
  readonly names: readonly string[];
  readonly countsOf: (run: Run) => readonly number[];
}

export interface Fitted<Run> {
  readonly points: (Run & { time: Estimate; predicted: number })[];
  readonly costs: { name: string; cost: Interval }[];
  readonly r2: number;
  readonly fit: Fit;
}

/**
 * Times the runs of the design in turns and fits the costs; null where it was stopped before the first round, or where the clock
 * did not move for a run, of which a note is made.
 */
export async function timeDesign<Run>(
  { design, runner, names, countsOf }: Experiment<Run>,
  context: SectionContext,
): Promise<Fitted<Run> | null> {
  const subjects = design.map((run) => ({
    name: JSON.stringify(run),
    run: async (times: number) => {
      for (let i = 0; i < times; i++) await runner(run);
    },
  }));
  const options = { ...turnOptions(context), sample: resolvedBy(context, SAMPLE), most: MOST_ROUNDS };
  const timed = await timeInTurns(subjects, context.session, options);
  if (timed[0].samples.length === 0) return null;
  const estimates = timed.map(({ samples }) => estimateIn(context, samples));
  if (estimates.some(({ median }) => !(median > 0))) {
    context.note('no costs: there was no time for samples that this clock can resolve');
    return null;
  }
  const rows = design.map(countsOf);
  const fit = fitCosts(rows, estimates.map(({ median }) => median)); // prettier-ignore
  return {
    points: design.map((run, i) => ({
      ...run,
      time: estimates[i],
      predicted: fit.predict(rows[i]).value,
    })),
    costs: names.map((name, i) => ({ name, cost: fit.costs[i] })),
    r2: fit.r2,
    fit,
  };
}
