// Contestants timed in turns, so that what slows the machine for a while slows them all.

import { mad, median } from '../../src/report/measure/statistics.ts';
import { inTurns } from '../../src/report/measure/subjects.ts';
import { PythonRandom } from '../../src/util/python-random.ts';

/** One way to do the work that is measured. */
export interface Contestant {
  readonly name: string;
  /** Does one round's share of the work and gives its time in milliseconds, in a unit of its own choice. */
  round(): Promise<number>;
}

export interface Timing {
  readonly name: string;
  readonly median: number;
  readonly mad: number;
  /** One figure per round, in the order of the rounds. */
  readonly rounds: readonly number[];
}

/** Lets every contestant run once in each of `rounds` rounds, in an order drawn anew from `seed`. */
export async function runRounds(
  contestants: readonly Contestant[],
  rounds: number,
  seed: number,
): Promise<Timing[]> {
  const figures: number[][] = contestants.map(() => []);
  await inTurns(
    contestants.length,
    new PythonRandom(seed),
    async (i) => {
      figures[i].push(await contestants[i].round());
    },
    (round) => round < rounds,
  );
  return contestants.map(({ name }, i) => ({
    name,
    median: median(figures[i]),
    mad: mad(figures[i]),
    rounds: figures[i],
  }));
}

/** `12.3 ± 0.4` of a timing: median and MAD. */
export function show(timing: Timing, digits = 2): string {
  return `${timing.median.toFixed(digits)} ± ${timing.mad.toFixed(digits)}`;
}
