// outer: c (M, N) = aᵀ (M, K) · b (K, N) with a (K, M) in memory: the gradient of a weight from the rows of its output's
// gradient and of its input. N is a multiple of 4, K is the number of rows; M rows of c are written, and a has columns
// (of whatever value) up to the next multiple of 4. Strides are in bytes.
//
// A 4×8 block of c stays in eight registers while k runs once. `outerAdam` hands the block to Adam there and then: the
// gradient is never stored, and the roots and divisions of one block run beside the products of the next.

import { update } from './adam';
import { fma, storeTransposed } from './lanes';

/** c = aᵀ·b. */
export function outer(
  M: i32, N: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize,
): void {
  blocks(M, N, K, a, aStride, b, bStride, c, cStride, false, 0, 0, 0, 0);
}

/** Moves the weight w (M, N), M a multiple of 4, by Adam along the gradient aᵀ·b, and writes its transposed copy (N, M). */
export function outerAdam(
  M: i32, N: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize, w: usize, wStride: usize,
  transposed: usize, toStride: usize, toM: usize, toV: usize,
): void {
  blocks(M, N, K, a, aStride, b, bStride, w, wStride, true, transposed, toStride, toM, toV);
}

// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function blocks(
  M: i32, N: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize,
  adam: bool, transposed: usize, toStride: usize, toM: usize, toV: usize,
): void {
  const bEnd = b + ((<usize>N) << 2);
  const wideEnd = b + ((<usize>(N & -8)) << 2);
  for (let m = 0; m < M; m += 4) {
    const rows = M - m;
    let at = c;
    let panel = b;
    let to = transposed;
    for (; panel < wideEnd; panel += 32, at += 32, to += 8 * toStride) {
      block4x8(rows, K, a, aStride, panel, bStride, at, cStride, adam, to, toStride, toM, toV);
    }
    if (panel < bEnd) block4x4(rows, K, a, aStride, panel, bStride, at, cStride, adam, to, toStride, toM, toV);
    a += 16;
    c += 4 * cStride;
    transposed += 16;
  }
}

// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function block4x8(
  rows: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize,
  adam: bool, to: usize, toStride: usize, toM: usize, toV: usize,
): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  for (let k = 0; k < K; k++) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a); c00 = fma(x, b0, c00); c01 = fma(x, b1, c01);
    x = v128.load32_splat(a, 4); c10 = fma(x, b0, c10); c11 = fma(x, b1, c11);
    x = v128.load32_splat(a, 8); c20 = fma(x, b0, c20); c21 = fma(x, b1, c21);
    x = v128.load32_splat(a, 12); c30 = fma(x, b0, c30); c31 = fma(x, b1, c31);
    a += aStride;
    b += bStride;
  }
  put4x4(rows, c, cStride, c00, c10, c20, c30, adam, to, toStride, toM, toV);
  put4x4(rows, c + 16, cStride, c01, c11, c21, c31, adam, to + 4 * toStride, toStride, toM, toV);
}

// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function block4x4(
  rows: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize,
  adam: bool, to: usize, toStride: usize, toM: usize, toV: usize,
): void {
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
  for (let k = 0; k < K; k++) {
    const b0 = v128.load(b);
    c0 = fma(v128.load32_splat(a), b0, c0);
    c1 = fma(v128.load32_splat(a, 4), b0, c1);
    c2 = fma(v128.load32_splat(a, 8), b0, c2);
    c3 = fma(v128.load32_splat(a, 12), b0, c3);
    a += aStride;
    b += bStride;
  }
  put4x4(rows, c, cStride, c0, c1, c2, c3, adam, to, toStride, toM, toV);
}

/** Stores four rows of four gradients, the first `rows` of them if there are fewer, or spends them. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function put4x4(
  rows: i32, c: usize, cStride: usize, g0: v128, g1: v128, g2: v128, g3: v128,
  adam: bool, to: usize, toStride: usize, toM: usize, toV: usize,
): void {
  const row2 = c + 2 * cStride;
  if (!adam) {
    v128.store(c, g0);
    if (rows > 1) v128.store(c + cStride, g1);
    if (rows > 2) v128.store(row2, g2);
    if (rows > 3) v128.store(row2 + cStride, g3);
    return;
  }
  const w0 = update(c, g0, toM, toV);
  const w1 = update(c + cStride, g1, toM, toV);
  const w2 = update(row2, g2, toM, toV);
  const w3 = update(row2 + cStride, g3, toM, toV);
  storeTransposed(w0, w1, w2, w3, to, toStride);
}
