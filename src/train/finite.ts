// Whether a state of training can be gone on from: all of its numbers are finite.

import type { TrainingState } from '../engine.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { MicrogptError } from '../util/errors.ts';

/** The training cannot go on: a number is not finite any more. */
export class TrainingError extends MicrogptError {
  override name = 'TrainingError';
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
