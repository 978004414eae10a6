// Whether training can continue from a state: all of its numbers are finite.

import type { TrainingState } from '../engine/engine.ts';
import { DEFAULT_TRAINING, type ModelConfig, type TrainingConfig } from '../config/config.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { MicrogptError } from '../util/errors.ts';

/** The training cannot go on: a number is not finite any more. */
export class TrainingError extends MicrogptError {
  override name = 'TrainingError';
}

/** Initial weights that are this far spread overflow by themselves. */
const WIDE_SCALE = 1;

/** What to try after a divergence, `updates` updates having been made: without one the learning rate is not to blame. */
export function advice(
  { learningRate, initScale }: Pick<TrainingConfig, 'learningRate' | 'initScale'>,
  updates: number,
): string {
  const scale = `a smaller init_scale, such as ${smaller(initScale, DEFAULT_TRAINING.initScale)}`;
  const rate = `a smaller learning rate, such as ${smallerRate(learningRate)}`;
  if (updates === 0) return `Try ${scale}.`;
  return initScale > WIDE_SCALE ? `Try ${scale}, or ${rate}.` : `Try ${rate}.`;
}

export function smallerRate(learningRate: number): number {
  return smaller(learningRate, DEFAULT_TRAINING.learningRate);
}

/** A tenth, or the default where that is still far above it. */
function smaller(x: number, usual: number): number {
  return x > 10 * usual ? usual : Number((x / 10).toPrecision(3));
}

/** The first tensor, in microgpt.py's order, with a number that is not finite: `layer0.attn_wq`, or `m.layer0.attn_wq`. */
export function firstNotFinite(model: ModelConfig, state: TrainingState): string | undefined {
  const { parameters, m, v } = state;
  for (const { name, offset, size } of parameterSpecs(model)) {
    for (const [prefix, values] of [
      ['', parameters],
      ['m.', m],
      ['v.', v],
    ] as const) {
      // prettier-ignore
      for (let i = offset; i < offset + size; i++) {
        if (!Number.isFinite(values[i])) return `${prefix}${name}`;
      }
    }
  }
  return undefined;
}
