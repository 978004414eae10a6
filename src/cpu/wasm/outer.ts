// outer: c (M, N) = aᵀ (M, K) · b (K, N) with a (K, M) in memory: the gradient of a weight from the rows of its output's
// gradient and of its input. N is a multiple of 4, K is the number of rows; M rows of c are written, and a has columns
// (of whatever value) up to the next multiple of 4. Strides are in bytes.
//
// Blocks of c stay in registers while k runs once, 2×16 where there are as many columns, see matmul.ts. `outerAdam` hands
// a block to Adam there and then: the gradient is never stored, and the roots and divisions of one block run beside the
// products of the next.

import { update } from './adam';
import { fma, storePairs, storeTransposed } from './lanes';
import { IN_PANELS, panelStride, placeOf } from './panels';

/** c = aᵀ·b, rows `first` … `end − 1`. */
export function outer(
  first: i32, end: i32, M: i32, N: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize,
): void {
  panels(false, first, end, M, N, K, a, aStride, b, bStride, c, cStride, 0, 0, 0);
}

/**
 * Moves rows `first` … `end − 1`, multiples of 4, of the weight w (M, N) by Adam along the gradient aᵀ·b, and writes its
 * transposed copy (N, M). Both lie in panels.
 */
export function outerAdam(
  first: i32, end: i32, M: i32, N: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize,
  w: usize, transposed: usize, toM: usize, toV: usize,
): void {
  panels(true, first, end, M, N, K, a, aStride, b, bStride, w, IN_PANELS, transposed, toM, toV);
}

// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function panels(
  adam: bool, first: i32, end: i32, M: i32, N: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize,
  c: usize, cStride: usize, transposed: usize, toM: usize, toV: usize,
): void {
  // Whole panels in a loop of their own: with the choice of a width in it, V8's code takes twice the time.
  const wide = N & -16;
  const next: usize = cStride == IN_PANELS ? <usize>M << 6 : 64;
  const stride: usize = cStride == IN_PANELS ? 64 : cStride;
  a += <usize>first << 2;
  for (let n = 0; n < wide; n += 16, b += 64, c += next) {
    rows(4, adam, first, end, M, N, n, K, a, aStride, b, bStride, c, stride, transposed, toM, toV);
  }
  const rest = N - wide;
  const restStride: usize = cStride == IN_PANELS ? <usize>rest << 2 : cStride;
  if (rest == 12) rows(3, adam, first, end, M, N, wide, K, a, aStride, b, bStride, c, restStride, transposed, toM, toV);
  else if (rest == 8) rows(2, adam, first, end, M, N, wide, K, a, aStride, b, bStride, c, restStride, transposed, toM, toV);
  else if (rest == 4) rows(1, adam, first, end, M, N, wide, K, a, aStride, b, bStride, c, restStride, transposed, toM, toV);
}

/** 4 · `quads` (a constant, 1–4) columns from n on. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function rows(
  quads: i32, adam: bool, first: i32, end: i32, M: i32, N: i32, n: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize,
  c: usize, cStride: usize, transposed: usize, toM: usize, toV: usize,
): void {
  const high = quads > 2 ? 2 : 4;
  c += <usize>first * cStride;
  for (let m = first; m < end; m += high) {
    const to = adam ? transposed + placeOf(N, M, n, m) : 0;
    block(high, quads, end - m, K, a, aStride, b, bStride, c, cStride, adam, to, panelStride(M, m), toM, toV);
    a += <usize>high << 2;
    c += <usize>high * cStride;
  }
}

/** A block of `high` × 4 · `quads`, of which the first `left` rows are written. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function block(
  high: i32, quads: i32, left: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize,
  adam: bool, to: usize, toStride: usize, toM: usize, toV: usize,
): void {
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00;
  let c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  for (let k = 0; k < K; k++) {
    const b0 = v128.load(b);
    const b1 = quads > 1 ? v128.load(b, 16) : b0;
    const b2 = quads > 2 ? v128.load(b, 32) : b0;
    const b3 = quads > 3 ? v128.load(b, 48) : b0;
    let x = v128.load32_splat(a);
    c00 = fma(x, b0, c00);
    if (quads > 1) c01 = fma(x, b1, c01);
    if (quads > 2) c02 = fma(x, b2, c02);
    if (quads > 3) c03 = fma(x, b3, c03);
    x = v128.load32_splat(a, 4);
    c10 = fma(x, b0, c10);
    if (quads > 1) c11 = fma(x, b1, c11);
    if (quads > 2) c12 = fma(x, b2, c12);
    if (quads > 3) c13 = fma(x, b3, c13);
    if (high > 2) {
      x = v128.load32_splat(a, 8);
      c20 = fma(x, b0, c20);
      if (quads > 1) c21 = fma(x, b1, c21);
      x = v128.load32_splat(a, 12);
      c30 = fma(x, b0, c30);
      if (quads > 1) c31 = fma(x, b1, c31);
    }
    a += aStride;
    b += bStride;
  }
  put(high, left, c, cStride, c00, c10, c20, c30, adam, to, toStride, toM, toV);
  if (quads > 1) put(high, left, c + 16, cStride, c01, c11, c21, c31, adam, to + 4 * toStride, toStride, toM, toV);
  if (quads > 2) put(high, left, c + 32, cStride, c02, c12, c02, c12, adam, to + 8 * toStride, toStride, toM, toV);
  if (quads > 3) put(high, left, c + 48, cStride, c03, c13, c03, c13, adam, to + 12 * toStride, toStride, toM, toV);
}

/** Stores `high` rows of four gradients, the first `left` of them if there are fewer, or spends them. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function put(
  high: i32, left: i32, c: usize, cStride: usize, g0: v128, g1: v128, g2: v128, g3: v128,
  adam: bool, to: usize, toStride: usize, toM: usize, toV: usize,
): void {
  const row2 = c + 2 * cStride;
  if (!adam) {
    v128.store(c, g0);
    if (left > 1) v128.store(c + cStride, g1);
    if (high > 2 && left > 2) v128.store(row2, g2);
    if (high > 2 && left > 3) v128.store(row2 + cStride, g3);
    return;
  }
  const w0 = update(c, g0, toM, toV);
  const w1 = update(c + cStride, g1, toM, toV);
  if (high == 2) {
    storePairs(w0, w1, to, toStride);
    return;
  }
  const w2 = update(row2, g2, toM, toV);
  const w3 = update(row2 + cStride, g3, toM, toV);
  storeTransposed(w0, w1, w2, w3, to, toStride);
}
