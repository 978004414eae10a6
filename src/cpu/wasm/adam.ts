// adam: m ← β1·m + (1−β1)·g, v ← β2·v + (1−β2)·g², parameter ← parameter − lr/c1 · m / (√(v / c2) + ε).
// Weights are updated where their gradient is made, see outer.ts; tables here, and all whose gradient is kept: where it is a sum,
// or clipped, so that none may move before the norm of all is known.

import { fma, storeTransposed } from './lanes';
import { panelStride, placeOf } from './panels';

let epsilon: f64 = 0;
// The same number in four lanes each: set by the run, and by the step.
let beta1 = f32x4.splat(0);
let rest1 = f32x4.splat(0);
let beta2 = f32x4.splat(0);
let rest2 = f32x4.splat(0);
let rate = f32x4.splat(0);
let eps = f32x4.splat(0);

/** The longest gradient where gradients are clipped. */
let most: f64 = 0;
/** What the gradient of the step is multiplied by. */
let shorten = f32x4.splat(0);

export function configureAdam(b1: f64, b2: f64, e: f64, clip: f64): void {
  most = clip;
  epsilon = e;
  beta1 = f32x4.splat(<f32>b1);
  rest1 = f32x4.splat(<f32>(1 - b1)); // not 1 − <f32>b1: next to 1 the rounding of β1 would be most of it
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
  shorten = f32x4.splat(1);
}

/** From the sum of the squares of all gradients. What is not finite becomes NaN as a whole: most / ∞ would hide it as 0. */
export function beginClip(squares: f64): void {
  const norm = Math.sqrt(squares);
  if (norm <= most) shorten = f32x4.splat(1);
  else shorten = f32x4.splat(isFinite(norm) ? <f32>(most / norm) : NaN);
}

/** Moves four parameters at `w` along their gradient and gives their new values; m and v lie `toM` and `toV` bytes behind. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function update(w: usize, g: v128, toM: usize, toV: usize): v128 {
  const m = fma(g, rest1, f32x4.mul(v128.load(w + toM), beta1));
  const v = fma(f32x4.mul(g, g), rest2, f32x4.mul(v128.load(w + toV), beta2));
  v128.store(w + toM, m);
  v128.store(w + toV, v);
  const slope = f32x4.div(f32x4.mul(m, rate), f32x4.add(f32x4.sqrt(v), eps));
  const value = f32x4.sub(v128.load(w), slope);
  v128.store(w, value);
  return value;
}

/** A table whose gradient was kept, `toG` bytes behind. */
export function adamTable(rows: i32, width: usize, stride: usize, w: usize, toG: usize, toM: usize, toV: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let i: usize = 0; i < width; i += 16) updateKept(w + i, toG, toM, toV);
    w += stride;
  }
}

/**
 * Rows `first` … `end − 1`, multiples of 4, of a weight w (M, N) whose gradient was kept, and its transposed copy (N, M). Both
 * lie in panels.
 */
export function adamKept(
  first: i32, end: i32, M: i32, N: i32, w: usize, transposed: usize, toG: usize, toM: usize, toV: usize,
): void {
  for (let panel = 0; panel < N; panel += 16) {
    const stride = panelStride(N, panel);
    let row = w + placeOf(M, N, first, panel);
    for (let m = first; m < end; m += 4, row += 4 * stride) {
      const row2 = row + 2 * stride;
      const toStride = panelStride(M, m);
      let to = transposed + placeOf(N, M, panel, m);
      for (let i: usize = 0; i < stride; i += 16, to += 4 * toStride) {
        const w0 = updateKept(row + i, toG, toM, toV);
        const w1 = updateKept(row + stride + i, toG, toM, toV);
        const w3 = updateKept(row2 + stride + i, toG, toM, toV);
        storeTransposed(w0, w1, updateKept(row2 + i, toG, toM, toV), w3, to, toStride);
      }
    }
  }
}

// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function updateKept(w: usize, toG: usize, toM: usize, toV: usize): v128 {
  return update(w, f32x4.mul(v128.load(w + toG), shorten), toM, toV);
}
