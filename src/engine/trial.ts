// What a step takes on an engine, found out by trying. Trials run on engines of their own.

import type { Engine, EngineSpec } from './engine.ts';

/** How long a trial takes unless told, in milliseconds. */
const TRIAL = 300;

/**
 * `spec` for a trial: it may run longer than the real run, but over no more documents than engines count to. Several models have no
 * longer orders, and not so short runs: theirs stay as they are.
 */
export function trialSpec(spec: EngineSpec): EngineSpec {
  if (spec.others !== undefined && spec.others.length > 0) return spec;
  const { training } = spec;
  const countable = Math.floor(2 ** 32 / training.batchSize);
  const steps = Math.max(training.steps, Math.min(1_000_000, countable));
  return { ...spec, training: { ...training, steps } };
}

/**
 * Milliseconds of work a step, the best of some rounds: whatever else the machine does only adds to them. Takes about `time`, or as
 * long as `rounds` rounds of one step, of which the first, that may compile, does not count if there are more. Longer where answers
 * are late: the work of a round that counts is at least as long as the wait. At most `limit` steps. Disposes of the engine.
 */
export async function timeSteps(
  engine: Pick<Engine, 'latency' | 'advance' | 'dispose'>,
  limit: number,
  rounds: number,
  time = TRIAL,
): Promise<number> {
  let best = Infinity;
  let withWait = Infinity;
  let steps = 1;
  const start = performance.now();
  try {
    let done = 0;
    for (let round = 1; best === Infinity || performance.now() - start < time; round++) {
      if (done + steps > limit) break;
      done += steps;
      const began = performance.now();
      await engine.advance(steps);
      const elapsed = performance.now() - began;
      const { latency = 0 } = engine;
      const work = elapsed - latency;
      withWait = Math.min(withWait, elapsed / steps);
      if (round < rounds) continue;
      if (work >= latency) best = Math.min(best, work / steps);
      else steps *= 2;
      if (work < time / 8) steps *= 2;
    }
  } finally {
    engine.dispose();
  }
  return best === Infinity ? withWait : best;
}

/** Milliseconds for a person: `0.0513`, `8.90`, `412`. */
export function figure(milliseconds: number): string {
  return milliseconds >= 100 ? milliseconds.toFixed(0) : milliseconds.toPrecision(3);
}
