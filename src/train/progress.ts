// How far a training is and how fast it goes: for a progress line or a page.

import type { EngineSpec } from '../engine/engine.ts';
import { problemOf, TELLING_STEPS, type LossSummary } from './outcome.ts';
import type { TrainChunk } from './trainer.ts';

export interface Progress {
  /** Steps done, and of how many. */
  readonly step: number;
  readonly steps: number;
  /** Of the last step. */
  readonly loss: number;
  /** Mean over the last 50 steps or so, recent ones counting more. */
  readonly smoothedLoss: number;
  /** Over the last two seconds or so. */
  readonly stepsPerSecond: number;
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
}

/** Weight of the older losses: 1 / (1 - 0.98) = 50 steps. */
const LOSS_DECAY = 0.98;
/** Time after which a measured rate counts 1/e, in milliseconds. */
const RATE_MEMORY = 2000;

/** The decaying mean of some losses. */
export class LossSmoother {
  #sum = 0;
  #weight = 0;
  #steps = 0;
  #first = NaN;
  #lowest = Infinity;

  /** NaN before the first loss. */
  get mean(): number {
    return this.#sum / this.#weight;
  }

  /** Gives the mean with this one. */
  add(loss: number): number {
    this.#sum = this.#sum * LOSS_DECAY + loss;
    this.#weight = this.#weight * LOSS_DECAY + 1;
    if (this.#steps++ === 0) this.#first = loss;
    if (this.#steps >= TELLING_STEPS) this.#lowest = Math.min(this.#lowest, this.mean);
    return this.mean;
  }

  get summary(): LossSummary {
    return { steps: this.#steps, first: this.#first, smoothed: this.mean, lowest: this.#lowest };
  }
}

/** Turns the chunks of one training, in order, into figures. Times are wall-clock, whatever the consumer does included. */
export class ProgressMeter {
  #spec: Pick<EngineSpec, 'model' | 'training' | 'documents'>;
  #now: () => number;
  #start: number;
  #last: number;
  #smoother = new LossSmoother();
  // Decaying sums, and over the whole training.
  #recent = { milliseconds: 0, steps: 0, tokens: 0 };
  #total = { steps: 0, tokens: 0 };

  constructor(spec: Pick<EngineSpec, 'model' | 'training' | 'documents'>, now = () => performance.now()) {
    this.#spec = spec;
    this.#now = now;
    this.#start = this.#last = now();
  }

  /** Losses of steps that were done before, for the smoothed one. Gives it after each of them. */
  recall(losses: ArrayLike<number>): Float64Array {
    return Float64Array.from(losses, (loss) => this.#smoother.add(loss));
  }

  update({ from, step, losses }: TrainChunk): Progress {
    const { model, training, documents } = this.#spec;
    for (const loss of losses) this.#smoother.add(loss);
    const now = this.#now();
    const milliseconds = Math.max(now - this.#last, 1e-3);
    const tokens = countTokens(
      documents,
      model.blockSize,
      from * training.batchSize,
      step * training.batchSize,
    );
    const keep = Math.exp(-milliseconds / RATE_MEMORY);
    const recent = this.#recent;
    recent.milliseconds = recent.milliseconds * keep + milliseconds;
    recent.steps = recent.steps * keep + losses.length;
    recent.tokens = recent.tokens * keep + tokens;
    this.#last = now;
    this.#total.steps += losses.length;
    this.#total.tokens += tokens;

    const stepsPerSecond = (1000 * recent.steps) / recent.milliseconds;
    return {
      step,
      steps: training.steps,
      loss: losses[losses.length - 1],
      smoothedLoss: this.#smoother.mean,
      stepsPerSecond,
      tokensPerSecond: (1000 * recent.tokens) / recent.milliseconds,
      secondsLeft: (training.steps - step) / stepsPerSecond,
    };
  }

  /** What is wrong with a run that ends here, and what to do; '' where nothing is. */
  problem(): string {
    return problemOf(this.#smoother.summary, this.#spec.model.vocabSize, this.#spec.training);
  }

  /** Of the whole training so far; rates are 0 before the first step. */
  total(): { seconds: number; stepsPerSecond: number; tokensPerSecond: number } {
    const seconds = Math.max(this.#last - this.#start, 1e-6) / 1000;
    const { steps, tokens } = this.#total;
    return { seconds, stepsPerSecond: steps / seconds, tokensPerSecond: tokens / seconds };
  }
}

/** Tokens predicted in documents `from` … `to` - 1, counted on and on over the data as training does. */
export function countTokens(
  { count, offsets }: EngineSpec['documents'],
  blockSize: number,
  from: number,
  to: number,
): number {
  let tokens = 0;
  for (let i = from; i < to; i++) {
    const d = i % count;
    tokens += Math.min(blockSize, offsets[d + 1] - offsets[d] - 1);
  }
  return tokens;
}
