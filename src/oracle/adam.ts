// Adam, the optimizer: how parameters move once their gradients are known.

import type { TrainingConfig } from '../config/config.ts';
import type { Value } from './value.ts';

/**
 * Shortens the gradient of all parameters together to the length `clip` where it is longer: g ← g · min(1, clip / ‖g‖).
 * One that is not finite becomes NaN as a whole: clip / ∞ would hide it as 0.
 * Source: Pascanu et al., "On the difficulty of training recurrent neural networks", algorithm 1.
 */
export function clipGradients(params: readonly Value[], clip: number): void {
  let squares = 0;
  for (const p of params) squares += p.grad ** 2;
  const norm = Math.sqrt(squares);
  if (norm <= clip) return;
  const scale = Number.isFinite(norm) ? clip / norm : NaN;
  for (const p of params) p.grad *= scale;
}

/** The two numbers Adam keeps for each parameter. */
export interface Moments {
  /** Running mean of the gradient: the direction, with the noise of single steps smoothed away. */
  readonly m: Float64Array;
  /** Running mean of the squared gradient: how large gradients usually are here. */
  readonly v: Float64Array;
}

export function createMoments(count: number): Moments {
  return { m: new Float64Array(count), v: new Float64Array(count) };
}

/**
 * Moves every parameter against its gradient by about the learning rate, whatever the gradient's
 * size, because it is divided by its usual size. Sets the gradients back to 0 for the next step.
 * Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", algorithm 1.
 *
 * @param step steps done before this one
 */
export function adam(params: readonly Value[], moments: Moments, config: TrainingConfig, step: number): void {
  const { m, v } = moments;
  const { beta1, beta2, eps, learningRate, steps } = config;
  const rate = learningRate * (1 - step / steps); // falls linearly to 0 at the end of the run
  // Both means start at 0 and so begin too small; these two divisors make up for it.
  const mCorrection = 1 - beta1 ** (step + 1);
  const vCorrection = 1 - beta2 ** (step + 1);
  for (let i = 0; i < params.length; i++) {
    const p = params[i];
    m[i] = beta1 * m[i] + (1 - beta1) * p.grad;
    v[i] = beta2 * v[i] + (1 - beta2) * (p.grad * p.grad);
    const mHat = m[i] / mCorrection;
    const vHat = v[i] / vCorrection;
    p.data -= (rate * mHat) / (Math.sqrt(vHat) + eps);
    p.grad = 0;
  }
}
