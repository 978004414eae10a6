// What changes from step to step: the learning rate, and what Adam divides its moments by. In WGSL: shaders/lib/schedule.wgsl.

import { power } from '../util/power.ts';

/** Of TrainingConfig. */
interface Rates {
  readonly learningRate: number;
  readonly steps: number;
  readonly beta1: number;
  readonly beta2: number;
}

/** The learning rate of step `index`, from 0: it falls linearly to 0 at the end of the run. */
export function learningRateAt({ learningRate, steps }: Rates, index: number): number {
  return learningRate * (1 - index / steps);
}

/** What the moments after step `index` are divided by, since both begin at 0: 1 − β1^(index + 1) and 1 − β2^(index + 1). */
export function biasCorrections({ beta1, beta2 }: Rates, index: number): [first: number, second: number] {
  return [1 - power(beta1, index + 1), 1 - power(beta2, index + 1)];
}
