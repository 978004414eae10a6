// cross_entropy of all rows and its gradient in one go: no second buffer of the logits' size.

import { exp, larger, maxOfLanes, sumOfLanes } from './lanes';

/**
 * Turns logits (R, V) into the gradient weight[r] · (softmax − one-hot) and writes weight[r] · nll[r] in f64 to `losses`.
 * Columns from V to the next multiple of 4 become 0.
 */
export function crossEntropy(
  R: i32, V: i32, stride: usize, logits: usize, targets: usize, weights: usize, losses: usize,
): void {
  const width = <usize>((V + 3) & -4) << 2;
  for (let r = 0; r < R; r++) {
    for (let i = <usize>V << 2; i < width; i += 4) store<f32>(logits + i, -Infinity);
    let largest = v128.load(logits);
    for (let i: usize = 16; i < width; i += 16) largest = larger(largest, v128.load(logits + i));
    largest = maxOfLanes(largest);

    const target = logits + (<usize>load<u32>(targets) << 2);
    const margin = f32x4.extract_lane(largest, 0) - load<f32>(target);
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < width; i += 16) {
      const e = exp(f32x4.sub(v128.load(logits + i), largest));
      sum = f32x4.add(sum, e);
      v128.store(logits + i, e);
    }
    const all = f32x4.extract_lane(sumOfLanes(sum), 0);
    const weight = load<f32>(weights);
    store<f64>(losses, <f64>weight * (Math.log(<f64>all) + <f64>margin));

    const factor = f32x4.splat(weight / all);
    for (let i: usize = 0; i < width; i += 16) v128.store(logits + i, f32x4.mul(v128.load(logits + i), factor));
    store<f32>(target, load<f32>(target) - weight);
    logits += stride;
    targets += 4;
    weights += 4;
    losses += 8;
  }
}

/** The sum of R rows' losses, one after the other: the same bits whoever made them. */
export function sumLosses(R: i32, losses: usize): f64 {
  let total: f64 = 0;
  for (const end = losses + (<usize>R << 3); losses < end; losses += 8) total += load<f64>(losses);
  return total;
}
