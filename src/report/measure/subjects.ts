// Subjects timed in turns, so that what slows the machine for a while slows them all.

import type { PythonRandom } from '../../util/python-random.ts';
import { MicrogptError } from '../../util/errors.ts';
import type { Session } from './session.ts';

/** Something that makes steps and is timed. */
export interface Subject {
  readonly name: string;
  /** Before each sample of `steps`, off the clock. */
  prepare?(steps: number): Promise<void>;
  /** Makes `steps` steps. A number is its own measure of the time in microseconds: of another process, say. */
  run(steps: number): Promise<unknown>;
  /** The number of steps of a sample, for at least `wanted` where it can make so many; any number unless told. */
  steps?(wanted: number): number;
}

export interface TurnOptions {
  /** Shortest sample, in microseconds: what a clock of 5 µs, or 100 µs in a page, resolves well. */
  readonly sample: number;
  /** At least so many rounds, even where time is over, unless the session was stopped. */
  readonly least: number;
  readonly most: number;
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Told of a subject that fails, which is left out from then on; without it the error ends everything. */
  readonly failed?: ((which: number, error: MicrogptError) => void) | undefined;
}

export interface Timed {
  readonly name: string;
  /** Of one sample. */
  readonly steps: number;
  /** Microseconds a step, one for each round. */
  readonly samples: readonly number[];
}

/** Rounds of `inTurns` before a subject's time counts as stable, and how much better it may still have become. */
const WARM_GROUP = 3;
const WARM_GAIN = 0.03;
const WARM_GROUPS = 5;
/** Steps of a sample grow at most so many times from one to the next. */
const MOST_GROWTH = 16;
/** Share of the session that may go into warming up. */
const WARM_SHARE = 0.3;

/**
 * Times `subjects` in rounds, each in an order of its own. First each warms up: the steps of a sample double until it is
 * long enough, then groups of three samples follow until the shortest of a group is not 3% shorter than that of the group
 * before, five groups at most.
 */
export async function timeInTurns(
  subjects: readonly Subject[],
  session: Session,
  { sample, least, most, progress, failed }: TurnOptions,
): Promise<Timed[]> {
  const out = new Set<number>();
  const guarded = async (which: number, work: () => Promise<void>) => {
    if (out.has(which)) return;
    try {
      await work();
    } catch (error) {
      if (!failed || !(error instanceof MicrogptError)) throw error;
      failed(which, error);
      out.add(which);
    }
  };
  const steps = subjects.map(() => 1);
  for (const [i, subject] of subjects.entries()) {
    const part = session.part((WARM_SHARE * session.left) / subjects.length);
    await guarded(i, async () => {
      steps[i] = await warmUp(subject, sample, part);
    });
  }
  const samples: number[][] = subjects.map(() => []);
  await inTurns(
    subjects.length,
    session.random,
    async (i) => {
      if (session.stopped) return;
      await guarded(i, async () => {
        samples[i].push(await timeOnce(subjects[i], steps[i], session));
      });
    },
    (round) => {
      progress?.(round, most);
      return round < least ? !session.stopped : round < most && !session.over;
    },
  );
  for (const i of out) samples[i] = [];
  // A round that was stopped half way has no pairs.
  const rounds = Math.min(...samples.filter((_, i) => !out.has(i)).map((own) => own.length));
  return subjects.map(({ name }, i) => ({ name, steps: steps[i], samples: samples[i].slice(0, rounds) }));
}

/** Calls `turn` for each of 0 … count − 1, in an order drawn anew for each round, while `goesOn(rounds done)`. */
export async function inTurns(
  count: number,
  random: PythonRandom,
  turn: (which: number) => Promise<void>,
  goesOn: (round: number) => boolean,
): Promise<void> {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let round = 0; goesOn(round); round++) {
    random.shuffle(order);
    for (const which of order) await turn(which);
  }
}

/** One sample, in microseconds a step. */
async function timeOnce(subject: Subject, steps: number, session: Session): Promise<number> {
  await session.breathe();
  await subject.prepare?.(steps);
  const start = session.clock();
  const own = await subject.run(steps);
  return (typeof own === 'number' ? own : session.clock() - start) / steps;
}

/** The number of steps that a sample needs. */
async function warmUp(subject: Subject, sample: number, session: Session): Promise<number> {
  const allowed = (wanted: number) => subject.steps?.(wanted) ?? wanted;
  let steps = allowed(1);
  for (;;) {
    const elapsed = steps * (await timeOnce(subject, steps, session));
    if (elapsed >= sample || session.over) break;
    // Twice, or nearly what it takes if that is far; a clock that ticks seldom may have said 0.
    const far = Math.min(MOST_GROWTH * steps, Math.floor((steps * sample) / Math.max(2 * elapsed, 1)));
    const next = allowed(Math.max(2 * steps, far));
    if (next <= steps) break;
    steps = next;
  }
  let before = Infinity;
  for (let group = 0; group < WARM_GROUPS && !session.over; group++) {
    let shortest = Infinity;
    for (let i = 0; i < WARM_GROUP && !session.over; i++) {
      shortest = Math.min(shortest, await timeOnce(subject, steps, session));
    }
    if (shortest > (1 - WARM_GAIN) * before) break;
    before = shortest;
  }
  return steps;
}
