// adam: m ← β1·m + (1−β1)·g, v ← β2·v + (1−β2)·g², parameter ← parameter − lr/c1 · m / (√(v / c2) + ε).
// The transposed copy that the forward pass reads is written on the way.

import { fma, storeTransposed } from './lanes';

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

/** The new values of four parameters at `w`; their gradient, m and v lie `toG`, `toM` and `toV` bytes behind. */
// @ts-ignore: decorator
@inline
function update(w: usize, toG: usize, toM: usize, toV: usize): v128 {
  const g = v128.load(w + toG);
  const m = fma(g, rest1, f32x4.mul(v128.load(w + toM), beta1));
  const v = fma(f32x4.mul(g, g), rest2, f32x4.mul(v128.load(w + toV), beta2));
  v128.store(w + toM, m);
  v128.store(w + toV, v);
  const slope = f32x4.div(f32x4.mul(m, rate), f32x4.add(f32x4.sqrt(f32x4.mul(v, inverse2)), eps));
  const value = f32x4.sub(v128.load(w), slope);
  v128.store(w, value);
  return value;
}

/** A table without a transposed copy. */
export function adamTable(rows: i32, width: usize, stride: usize, w: usize, toG: usize, toM: usize, toV: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let i: usize = 0; i < width; i += 16) update(w + i, toG, toM, toV);
    w += stride;
  }
}

/** A matrix (rows, cols), both multiples of 4, and its transposed copy (cols, rows). */
export function adamMatrix(
  rows: i32, cols: i32, stride: usize, w: usize, toG: usize, toM: usize, toV: usize, transposed: usize, toStride: usize,
): void {
  for (let r = 0; r < rows; r += 4) {
    let to = transposed;
    const end = w + (<usize>cols << 2);
    for (let at = w; at < end; at += 16) {
      const a = update(at, toG, toM, toV);
      const b = update(at + stride, toG, toM, toV);
      const c = update(at + 2 * stride, toG, toM, toV);
      const d = update(at + 3 * stride, toG, toM, toV);
      storeTransposed(a, b, c, d, to, toStride);
      to += 4 * toStride;
    }
    w += 4 * stride;
    transposed += 16;
  }
}
