// From what was recorded to the parts of a step.

import type { PassTime } from '../../webgpu/timing.ts';
import type { TimedDispatch, Watched } from './instrument.ts';
import type { Anatomy, Interval } from '../schema.ts';
import { estimate, intervalOf, median } from './statistics.ts';

/** One round's measurements of the same steps. Times are in microseconds, of all steps together. */
export interface Round {
  readonly wall: number;
  /** The wall time while calls were timed. */
  readonly watched: number;
  readonly calls: Watched['calls'];
  /** null where the device has no timestamps. */
  readonly passes: readonly PassTime[] | null;
  readonly dispatches: readonly TimedDispatch[] | null;
}

export interface Recording {
  /** Of a sample. */
  readonly steps: number;
  readonly rounds: Round[];
}

const SUBMIT = ['submit', 'writeBuffer'];
const READBACK = ['getMappedRange', 'unmap'];
const WAIT = 'mapAsync';

/** |unexplained| up to this share of the wall time counts as closed. */
const CLOSED = 0.1;

/**
 * The parts, per step:
 *   encode    calls that record commands
 *   submit    handing them to the queue
 *   gpu       the dispatches, by the GPU's clock
 *   gaps      from the GPU's first dispatch to the end of its last, less the dispatches
 *   wait      from asking for the losses to having them, less gpu and gaps: what the way to the GPU and back takes. Negative
 *             where the GPU worked while the CPU was still encoding.
 *   readback  taking the losses out of the buffer
 *   unexplained  the rest of the wall time
 */
export function anatomyOf(
  strategy: string,
  software: boolean,
  { steps, rounds }: Recording,
  seed: number,
): Anatomy {
  const perStep = (of: (round: Round) => number) => rounds.map((round) => of(round) / steps);
  const interval = (samples: readonly number[]) => intervalOf([samples], ([own]) => median(own), seed);
  const notes: string[] = [`${steps} steps between two readbacks`];

  const callTime = (round: Round, among: (name: string) => boolean) => {
    let sum = 0;
    for (const [name, { time }] of round.calls) if (among(name)) sum += time;
    return sum;
  };
  const others = [...SUBMIT, ...READBACK, WAIT];
  const parts = new Map<string, number[]>([
    ['encode', perStep((round) => callTime(round, (name) => !others.includes(name)))],
    ['submit', perStep((round) => callTime(round, (name) => SUBMIT.includes(name)))],
  ]);
  const waited = perStep((round) => callTime(round, (name) => name === WAIT));
  const timed = rounds.every(({ passes, dispatches }) => usable(passes) && usable(dispatches));
  const oneByOne = timed ? rounds.map(({ dispatches }) => exclusive(dispatches!)) : [];
  if (timed) {
    const span = perStep(({ passes }) => spanOf(passes!));
    const busy = oneByOne.map((dispatches) => lengthOf(dispatches) / steps);
    const over = median(busy) - median(span);
    if (over > 0) {
      notes.push(
        `the dispatches, timed one by one, take ${over.toFixed(2)} µs a step more than all of them in the passes of the ` +
          'strategy: they do not show the gaps',
      );
    }
    const gpu = over > 0 ? span : busy;
    parts.set('gpu', gpu);
    parts.set('gaps', span.map((time, i) => time - gpu[i])); // prettier-ignore
    parts.set('wait', waited.map((time, i) => time - span[i])); // prettier-ignore
  } else {
    notes.push('no usable timestamps: what the GPU does is part of wait');
    parts.set('wait', waited);
  }
  parts.set('readback', perStep((round) => callTime(round, (name) => READBACK.includes(name)))); // prettier-ignore

  const walls = perStep(({ wall }) => wall);
  const wall = estimate(walls, seed);
  const unexplained = intervalOf(
    [walls, ...parts.values()],
    ([whole, ...own]) => median(whole) - own.reduce((sum, samples) => sum + median(samples), 0),
    seed,
    { paired: true },
  );
  const watched = median(perStep((round) => round.watched));
  const calls = callNames(rounds);
  const made = calls.reduce((sum, name) => sum + countOf(rounds[0], name), 0) / steps;
  notes.push(
    `with ${made.toFixed(1)} calls a step timed, a step took ${signed(watched - wall.median)} µs ` +
      `(${signed((100 * (watched - wall.median)) / wall.median)}%); wall time is without`,
  );
  return {
    strategy,
    software,
    wall,
    parts: [
      ...[...parts].map(([name, samples]) => ({ name, time: interval(samples) })),
      { name: 'unexplained', time: unexplained },
    ],
    calls: calls.map((name) => ({
      name,
      count: countOf(rounds[0], name) / steps,
      time: interval(perStep((round) => callTime(round, (own) => own === name))),
    })),
    kernels: timed ? kernelsOf(oneByOne, steps, interval) : [],
    unexplained: unexplained.value / wall.median,
    closes: Math.abs(unexplained.value) <= CLOSED * wall.median,
    notes,
  };
}

function countOf({ calls }: Round, name: string): number {
  return calls.get(name)?.count ?? 0;
}

function callNames(rounds: readonly Round[]): string[] {
  return [...new Set(rounds.flatMap(({ calls }) => [...calls.keys()]))];
}

function kernelsOf(
  rounds: readonly (readonly TimedDispatch[])[],
  steps: number,
  interval: (samples: readonly number[]) => Interval,
): Anatomy['kernels'] {
  const names = [...new Set(rounds[0].map(({ name }) => name))];
  return names.map((name) => {
    const own = rounds.map((dispatches) => dispatches.filter((dispatch) => dispatch.name === name));
    return {
      name,
      count: own[0].length / steps,
      time: interval(own.map((dispatches) => lengthOf(dispatches) / steps)),
    };
  });
}

/** Some drivers leave out the stamps of some passes, or write some that run backwards. */
function usable(times: readonly PassTime[] | null): boolean {
  return times !== null && times.length > 0 && times.every(({ begin, end }) => end >= begin);
}

function spanOf(times: readonly PassTime[]): number {
  let begin = Infinity;
  let end = -Infinity;
  for (const time of times) {
    begin = Math.min(begin, time.begin);
    end = Math.max(end, time.end);
  }
  return end - begin;
}

/**
 * What each adds to those before it: a dispatch begins where they end. Drivers stamp the beginning of a pass when they come to
 * it, and it may then have to wait for the one before.
 */
function exclusive(times: readonly TimedDispatch[]): TimedDispatch[] {
  let last = -Infinity;
  return times.map((time) => {
    const begin = Math.min(time.end, Math.max(time.begin, last));
    last = Math.max(last, time.end);
    return { ...time, begin };
  });
}

function lengthOf(times: readonly PassTime[]): number {
  return times.reduce((sum, { begin, end }) => sum + end - begin, 0);
}

function signed(x: number): string {
  const decimals = Math.abs(x) < 10 ? 2 : 0;
  return `${x < 0 ? '−' : '+'}${Math.abs(x).toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })}`;
}
