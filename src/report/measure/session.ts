// The time that a measurement may take, and the clock that it reads: a real one, or one that a test drives.

import type { PythonRandom } from '../../util/python-random.ts';

/** Microseconds since some moment. */
export type Clock = () => number;

export const realClock: Clock = () => performance.now() * 1000;

/** Readings after which a clock counts as one that stands still: far more than a millisecond of a real one. */
const STANDS_STILL = 1e6;

/**
 * Microseconds between two readings that differ: browsers round their clock to 5 µs, 100 µs or a millisecond. 0 where it stands
 * still, as one that a test drives.
 */
export function tickOf(clock: Clock): number {
  let least = Infinity;
  for (let i = 0; i < 5; i++) {
    const start = clock();
    let now = start;
    for (let readings = 0; now === start; readings++) {
      if (readings === STANDS_STILL) return 0;
      now = clock();
    }
    least = Math.min(least, now - start);
  }
  return least;
}

export interface SessionOptions {
  readonly clock: Clock;
  /** Draws the order of the rounds. */
  readonly random: PythonRandom;
  /** Of the intervals: each is drawn anew from it. */
  readonly seed: number;
  /** Ends everything at the next sample. */
  readonly signal?: AbortSignal | undefined;
  /** Microseconds from now. */
  readonly time: number;
}

/** A stretch of time to measure in. Being stopped looks like having no time left, so what was measured is kept. */
export class Session {
  readonly clock: Clock;
  readonly random: PythonRandom;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly deadline: number;

  constructor({ clock, random, seed, signal, time }: SessionOptions) {
    this.clock = clock;
    this.random = random;
    this.seed = seed;
    this.signal = signal;
    this.deadline = clock() + time;
  }

  get stopped(): boolean {
    return this.signal?.aborted ?? false;
  }

  /** Microseconds left. */
  get left(): number {
    return this.stopped ? 0 : Math.max(0, this.deadline - this.clock());
  }

  get over(): boolean {
    return this.left === 0;
  }

  /** A session of at most `time` microseconds that ends with this one, but is not shorter than `least`, unless stopped. */
  part(time: number, least = 0): Session {
    return new Session({ ...this.options(), time: Math.max(least, Math.min(time, this.left)) });
  }

  /** Lets signals and messages in: engines on the CPU never give up the thread by themselves. */
  async breathe(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
  }

  private options(): Omit<SessionOptions, 'time'> {
    const { clock, random, seed, signal } = this;
    return { clock, random, seed, signal };
  }
}
