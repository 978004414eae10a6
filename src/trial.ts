// What a step takes on an engine, found out by trying. Trials run on engines of their own.

import type { EngineSpec } from './engine.ts';

/** How long a trial takes unless told, in milliseconds. */
const TRIAL = 300;

/** `spec` for a trial: it may run longer than the real run, but over no more documents than engines count to. */
export function trialSpec(spec: EngineSpec): EngineSpec {
  const { training } = spec;
  const countable = Math.floor(2 ** 32 / training.batchSize);
  const steps = Math.max(training.steps, Math.min(1_000_000, countable));
  return { ...spec, training: { ...training, steps } };
}

/**
 * Milliseconds a step, the best of some rounds: whatever else the machine does only adds to them. Takes about `time`, or as long
 * as `rounds` rounds of one step; the first one may compile. At most `limit` steps. Disposes of the engine.
 */
export async function timeSteps(
  engine: { advance(k: number): Promise<unknown>; dispose(): void },
  limit: number,
  rounds: number,
  time = TRIAL,
): Promise<number> {
  let best = Infinity;
  let steps = 1;
  const start = performance.now();
  try {
    let done = 0;
    for (let round = 0; round < rounds || performance.now() - start < time; round++) {
      if (done + steps > limit) break;
      done += steps;
      const began = performance.now();
      await engine.advance(steps);
      const elapsed = performance.now() - began;
      best = Math.min(best, elapsed / steps);
      if (elapsed < time / 8) steps *= 2;
    }
  } finally {
    engine.dispose();
  }
  return best;
}

/** Milliseconds for a person: `0.0513`, `8.90`, `412`. */
export function figure(milliseconds: number): string {
  return milliseconds >= 100 ? milliseconds.toFixed(0) : milliseconds.toPrecision(3);
}
