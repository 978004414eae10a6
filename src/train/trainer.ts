// The training loop: asks the engine for some steps at a time, hands on their losses, stops when told to.

import type { Engine } from '../engine/engine.ts';
import type { TrainingConfig } from '../config/config.ts';
import { checkOneModel } from '../util/engine-checks.ts';
import { nextCount, turn } from '../util/turns.ts';
import { diverged } from './outcome.ts';

/** Some consecutive steps. */
export interface TrainChunk {
  /** Steps done before these. */
  readonly from: number;
  /** Steps done: from + losses.length. */
  readonly step: number;
  /** Nats per token, one per step. */
  readonly losses: Float64Array;
}

export interface TrainOptions {
  /** Steps done so far. Default 0. */
  readonly from?: number;
  /** Stops at the next step boundary once it is aborted. */
  readonly signal?: AbortSignal;
  /** Every multiple of so many steps ends a chunk. */
  readonly every?: number | undefined;
  /** How long the engine may keep the thread, in milliseconds. Default 100: about ten reports a second. */
  readonly interval?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/**
 * Trains `engine` up to `training.steps`. Yields after every `interval` or so: as many steps as fit into it are
 * asked for at once, one where a step takes longer. Lets the event loop run before every request, so that a signal
 * is seen and a page stays alive even where the engine computes on this thread.
 *
 * Throws TrainingError at the first loss that is not finite, after the steps before it have been yielded.
 */
export async function* train(
  engine: Engine,
  training: TrainingConfig,
  options: TrainOptions = {},
): AsyncGenerator<TrainChunk, void, void> {
  const { signal, every = Infinity, interval = 100, now = () => performance.now() } = options;
  checkOneModel(engine, 'train');
  let done = options.from ?? 0;
  let k = 1;
  while (done < training.steps) {
    if (engine.latency === undefined) await turn(); // else it runs while the device works
    if (signal?.aborted) return;
    const untilStop = every === Infinity ? Infinity : every - (done % every);
    const asked = Math.min(k, training.steps - done, untilStop);
    const start = now();
    const losses = await engine.advance(asked);
    k = nextCount(asked, now() - start, interval, k, engine.latency);

    const bad = losses.findIndex((loss) => !Number.isFinite(loss));
    const good = bad < 0 ? losses : losses.subarray(0, bad);
    if (good.length > 0) yield { from: done, step: done + good.length, losses: good };
    if (bad >= 0) throw diverged(training, done + bad, losses[bad]);
    done += asked;
  }
}
