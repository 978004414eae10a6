// adam: m ← g + β1·(m − g), v ← β2·v + (1−β2)·g², parameter ← parameter − lr/c1 · m / (√(v / c2) + ε).
// Weights are updated where their gradient is made, see outer.ts; tables here.

import { fma } from './lanes';

/** An ε that f32 rounds to 0 would make 0 / 0 of a parameter without a gradient. */
const LEAST_EPSILON: f64 = 1e-30;

let epsilon: f64 = 0;
// The same number in four lanes each: set by the run, and by the step.
let beta1 = f32x4.splat(0);
let beta2 = f32x4.splat(0);
let rest2 = f32x4.splat(0);
let rate = f32x4.splat(0);
let eps = f32x4.splat(0);

export function configureAdam(b1: f64, b2: f64, e: f64): void {
  epsilon = Math.max(e, LEAST_EPSILON);
  beta1 = f32x4.splat(<f32>b1);
  beta2 = f32x4.splat(<f32>b2);
  rest2 = f32x4.splat(<f32>(1 - b2));
}

/**
 * `stepRate` is lr_t / c1, `correction` c2. With √(v / c2) = √v / √c2 the kernel need not divide by c2:
 * lr_t/c1 · m / (√(v / c2) + ε) = (lr_t/c1 · √c2) · m / (√v + ε·√c2).
 */
export function beginAdam(stepRate: f64, correction: f64): void {
  const root = Math.sqrt(correction);
  rate = f32x4.splat(<f32>(stepRate * root));
  eps = f32x4.splat(<f32>(epsilon * root));
}

/** Moves four parameters at `w` along their gradient and gives their new values; m and v lie `toM` and `toV` bytes behind. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function update(w: usize, g: v128, toM: usize, toV: usize): v128 {
  const m = fma(f32x4.sub(v128.load(w + toM), g), beta1, g);
  const v = fma(f32x4.mul(g, g), rest2, f32x4.mul(v128.load(w + toV), beta2));
  v128.store(w + toM, m);
  v128.store(w + toV, v);
  const slope = f32x4.div(f32x4.mul(m, rate), f32x4.add(f32x4.sqrt(v), eps));
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
