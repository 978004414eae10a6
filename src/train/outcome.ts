// What the losses of a run say that a reader should know: that it diverged, learned nothing, or lost what it had learned.

import { learningRateAt } from '../config/schedule.ts';
import type { TrainingConfig } from '../config/config.ts';
import { advice, TrainingError } from './finite.ts';

/** Steps after which a smoothed loss says how good the model is, and not which documents came last. */
export const TELLING_STEPS = 50;

export interface LossSummary {
  /** Steps done. */
  readonly steps: number;
  /** Loss of the first one: of the untrained model. */
  readonly first: number;
  readonly smoothed: number;
  /** Lowest smoothed loss from step TELLING_STEPS on; Infinity before. */
  readonly lowest: number;
}

/** Nats by which a loss is clearly above another, whatever the documents. */
const CLEARLY = 0.5;

/** What is wrong with a run that ends like this, and what to do, in a line; '' where nothing is. */
export function problemOf(losses: LossSummary, vocabSize: number, training: TrainingConfig): string {
  const { steps, first, smoothed, lowest } = losses;
  const chance = Math.log(vocabSize);
  const margin = steps < TELLING_STEPS ? CLEARLY : 0;
  if (smoothed > chance + margin) {
    const than = smoothed > chance + CLEARLY ? 'worse than' : 'no better than';
    const said = `The smoothed loss ended at ${figure(smoothed)}, ${than} chance (ln ${vocabSize} = ${figure(chance)}).`;
    if (smoothed > first + CLEARLY) return `${said} ${advice(training, steps)}`;
    return first > chance + CLEARLY
      ? `${said} It began at ${figure(first)}: try more steps, or smaller initial values (init_scale).`
      : `${said} Try more steps or another learning rate.`;
  }
  if (smoothed - lowest > Math.max(CLEARLY, (chance - lowest) / 2)) {
    return (
      `The smoothed loss ended at ${figure(smoothed)}, far above its lowest, ${figure(lowest)}: the training became unstable. ` +
      advice(training, steps)
    );
  }
  return '';
}

/** What is wrong with a sweep whose best model ends at `loss`, in a line; '' where nothing is. */
export function problemOfBest(loss: number, vocabSize: number): string {
  const chance = Math.log(vocabSize);
  if (!(loss > chance)) return '';
  const than = loss > chance + CLEARLY ? 'worse than' : 'no better than';
  return (
    `The best model ended at ${figure(loss)}, ${than} chance (ln ${vocabSize} = ${figure(chance)}). ` +
    'Try other learning rates or more steps.'
  );
}

/** The error of a loss that is not finite, after `step` steps. */
export function diverged(training: TrainingConfig, step: number, loss: number): TrainingError {
  const rate = Number(learningRateAt(training, step).toPrecision(3));
  const why =
    step === 0
      ? 'before the first update: the initial weights are too large'
      : `at learning rate ${rate}: the training diverged`;
  return new TrainingError(
    `step ${step + 1} of ${training.steps}: expected a finite loss, got ${loss} ${why}. ${advice(training, step)}`,
  );
}

/** `3.30`, `9.93e+29` */
function figure(x: number): string {
  return x < 1e6 ? x.toPrecision(3) : String(Number(x.toPrecision(3)));
}
