// The arithmetic of a resident step (shaders/resident/), phase by phase: how much there is, and how much of it stands one after
// another. A phase takes one workgroup as long as its busiest invocation, so both count.

import type { ModelConfig } from '../config/config.ts';
import { LANES, packSize } from './resident-layout.ts';

export interface ResidentWork {
  /** Multiply-adds of all invocations, with what is computed again: cost.ts counts operations that have to be. */
  readonly multiplyAdds: number;
  /** Those of the busiest invocation, added up over the phases: no workgroup takes less than these one after another. */
  readonly longest: number;
  readonly phases: number;
}

/** What is common to all of a step's documents. */
export interface StepRows {
  readonly batchSize: number;
  /** Rows in use: predicted tokens of a step, on average. */
  readonly tokensPerStep: number;
}

/** A loop over outputs: how many, and the multiply-adds of each. `share` of the outputs are computed, the others passed over. */
interface Loop {
  readonly outputs: number;
  readonly each: number;
  readonly share?: number;
}

/** Adam's 14 operations a parameter, in multiply-adds; see ops/adam.ts. */
const ADAM = 7;

/**
 * Of a step without clipping. Exponentials, logarithms, divisions and the arithmetic of indices are not counted, and documents
 * count as if all were of mean length.
 */
export function residentWork(
  model: ModelConfig,
  { batchSize, tokensPerStep: R }: StepRows,
  workers: number,
): ResidentWork {
  let multiplyAdds = 0;
  let longest = 0;
  const phases = stepPhases(model, R, R / batchSize);
  for (const phase of phases) {
    for (const { outputs, each, share = 1 } of phase) {
      multiplyAdds += outputs * share * each;
      longest += Math.ceil(outputs / workers) * each;
    }
  }
  return { multiplyAdds, longest, phases: phases.length };
}

/** The phases of main.wgsl in their order, for `R` rows of documents with `length` tokens. */
function stepPhases(model: ModelConfig, R: number, length: number): Loop[][] {
  const { nLayer: L, nEmbd: C, nHead: H, blockSize: T, vocabSize: V } = model;
  const seen = (length + 1) / 2; // rows that a row attends to, on average
  const pairs = { outputs: R * H * T, share: seen / T };
  const row = (each: number): Loop => ({ outputs: R * C, each });
  /** The same in packs: `each` for each channel of a pack, and `once` for all of them. */
  const P = packSize(model);
  const packs = (elements: number, each: number, once = 0): Loop => ({
    outputs: elements / P,
    each: P * each + once,
  });
  /** The gradient of a matrix, and Adam. */
  const update = (outputs: number, inputs: number): Loop => packs(outputs * inputs, R + ADAM);
  // prettier-ignore
  const forward = [
    [{ outputs: 3 * R * C, each: 2 * C }], // project_qkv, with the squares
    [{ ...pairs, each: C / H }], // score
    [packs(R * C, seen)], // mix
    [row(C)], // project_out
    [{ outputs: 4 * R * C, each: 2 * C }], // expand, with the squares
    [row(4 * C)], // contract
  ];
  // prettier-ignore
  const backward = (first: Loop[]) => [
    [...first, packs(4 * R * C, C)], // contract_grad
    [packs(R * C, 4 * C), update(C, 4 * C)], // expand_grad
    [packs(R * C, 0, C), update(4 * C, C)], // norm_grad
    [packs(R * C, C)], // project_out_grad
    [{ ...pairs, each: (3 * C) / H }, update(C, C)], // score_grad
    [packs(R * C, 3 * seen)], // mix_grad
    [packs(R * C, 3 * C)], // project_qkv_grad
    [packs(R * C, 0, C), update(C, C), update(C, C), update(C, C)], // norm_grad
  ];
  const layers = <T>(own: (layer: number) => T[]): T[] => Array.from({ length: L }, (_, i) => own(i)).flat();
  return [
    [], // lay_out
    [packs(R * C, 0, C)], // embed
    ...layers(() => forward),
    [{ outputs: R * V, each: C }], // make_logits
    [], // survey_logits
    [{ outputs: R * LANES, each: LANES }], // softmax_grad
    [packs(R * C, V)], // logits_grad
    ...layers((i) => backward(i === 0 ? [update(V, C), { outputs: 1, each: R }] : [])), // lm_head, mean_loss
    [packs(R * C, 0, C)], // input_grad
    [update(V + T, C)], // update_embeddings
  ];
}
