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
  /** Its place among the contestants. */
  readonly index: number;
  readonly name: string;
  readonly median: number;
  readonly mad: number;
  /** One figure per round, in the order of the rounds. */
  readonly rounds: readonly number[];
}

/** What has failed in a bench, by name. Each is told when it happens, and the others go on; the exit status is 1 then. */
export class Failures {
  readonly reasons: Record<string, string> = {};

  /** What `work` gives; undefined where it fails. A wrong answer has no speed. */
  async guard<T>(name: string, work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.reasons[name] = reason;
      console.log(`  ${name.padEnd(16)} FAILED: ${reason}`);
      process.exitCode = 1;
      return undefined;
    }
  }
}

/** More in a line nobody reads. */
const MOST_FIGURES = 12;

/**
 * Lets every contestant run once in each of `rounds` rounds, in an order drawn anew from `seed`. One that fails is out, and not
 * among the results. `tell`: a line after each round, so that what is measured is there before the end.
 */
export async function runRounds(
  contestants: readonly Contestant[],
  rounds: number,
  seed: number,
  failures: Failures,
  { tell = true }: { readonly tell?: boolean } = {},
): Promise<Timing[]> {
  const figures = contestants.map((): number[] => []);
  const out = new Set<number>();
  const told = (round: number) => {
    if (round === 0 || !tell) return;
    const last = contestants.flatMap(({ name }, i) => {
      return out.has(i) ? [] : [`${name} ${figures[i][round - 1].toFixed(2)}`];
    });
    const shown = last.length <= MOST_FIGURES ? `: ${last.join(', ')}` : '';
    console.log(`  round ${round} of ${rounds}${shown}`);
  };
  await inTurns(
    contestants.length,
    new PythonRandom(seed),
    async (i) => {
      if (out.has(i)) return;
      const figure = await failures.guard(contestants[i].name, () => contestants[i].round());
      if (figure === undefined) out.add(i);
      else figures[i].push(figure);
    },
    (round) => {
      told(round);
      return round < rounds && out.size < contestants.length;
    },
  );
  return contestants.flatMap(({ name }, i) => {
    const own = figures[i];
    return out.has(i) ? [] : [{ index: i, name, median: median(own), mad: mad(own), rounds: own }];
  });
}

/** `12.3 ± 0.4` of a timing: median and MAD. */
export function show(timing: Timing, digits = 2): string {
  return `${timing.median.toFixed(digits)} ± ${timing.mad.toFixed(digits)}`;
}
