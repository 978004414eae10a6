// adam: m ← β1·m + (1−β1)·g, v ← β2·v + (1−β2)·g², parameter ← parameter − lr/c1 · m / (√(v / c2) + ε).
// Weights are updated where their gradient is made, see outer.ts; tables here.

import { fma } from './lanes';

// What the run sets, and the step: all f32 in four lanes.
let beta1 = f32x4.splat(0);
let rest1 = f32x4.splat(0);
let beta2 = f32x4.splat(0);
let rest2 = f32x4.splat(0);
let eps = f32x4.splat(0);
let rate = f32x4.splat(0);
let inverse2 = f32x4.splat(0);

export function configureAdam(b1: f64, b2: f64, epsilon: f64): void {
  beta1 = f32x4.splat(<f32>b1);
  rest1 = f32x4.splat(<f32>(1 - b1));
  beta2 = f32x4.splat(<f32>b2);
  rest2 = f32x4.splat(<f32>(1 - b2));
  eps = f32x4.splat(<f32>epsilon);
}

/** `stepRate` is lr_t / (1 − β1^(t+1)), `inverse` 1 / (1 − β2^(t+1)). */
export function beginAdam(stepRate: f64, inverse: f64): void {
  rate = f32x4.splat(<f32>stepRate);
  inverse2 = f32x4.splat(<f32>inverse);
}

/** Moves four parameters at `w` along their gradient and gives their new values; m and v lie `toM` and `toV` bytes behind. */
// @ts-ignore: decorator
@inline
export function update(w: usize, g: v128, toM: usize, toV: usize): v128 {
  const m = fma(g, rest1, f32x4.mul(v128.load(w + toM), beta1));
  const v = fma(f32x4.mul(g, g), rest2, f32x4.mul(v128.load(w + toV), beta2));
  v128.store(w + toM, m);
  v128.store(w + toV, v);
  const slope = f32x4.div(f32x4.mul(m, rate), f32x4.add(f32x4.sqrt(f32x4.mul(v, inverse2)), eps));
  const value = f32x4.sub(v128.load(w), slope);
  v128.store(w, value);
  return value;
}

/** A table, whose gradient lies `toG` bytes behind. */
export function adamTable(rows: i32, width: usize, stride: usize, w: usize, toG: usize, toM: usize, toV: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let i: usize = 0; i < width; i += 16) update(w + i, v128.load(w + i + toG), toM, toV);
    w += stride;
  }
}
