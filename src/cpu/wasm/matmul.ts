// product: c (M, N) = a (M, K) · b (K, N). The forward pass has Wᵀ as b, the derivative for inputs W itself.
//
// A 4×8 block of c stays in eight registers while k runs once; the last 1–3 rows have blocks of their own height, so
// that nothing is written but the M rows, and every row gets the same bits in whatever block it lies. N is a multiple
// of 4: the buffers are padded with zeros. Strides are in bytes.

import { fma } from './lanes';

/** What `product` does with a result before it is stored; `other` has the shape and the stride of c, or is 0. */
export namespace Finish {
  export const STORE: i32 = 0;
  /** c = other + result: a residual. */
  export const ADD: i32 = 1;
  /** c = max(0, result). */
  export const RELU: i32 = 2;
  /** c = result where other > 0, else 0: the derivative of relu. */
  export const GATE: i32 = 3;
}

export function product(
  M: i32, N: i32, K: i32,
  a: usize, aStride: usize,
  b: usize, bStride: usize,
  c: usize, cStride: usize,
  finish: i32, other: usize,
): void {
  const fromC = other - c;
  for (let m = 4; m <= M; m += 4) {
    band(4, N, K, a, aStride, b, bStride, c, cStride, finish, fromC);
    a += 4 * aStride;
    c += 4 * cStride;
  }
  const rest = M & 3;
  if (rest == 1) band(1, N, K, a, aStride, b, bStride, c, cStride, finish, fromC);
  else if (rest == 2) band(2, N, K, a, aStride, b, bStride, c, cStride, finish, fromC);
  else if (rest == 3) band(3, N, K, a, aStride, b, bStride, c, cStride, finish, fromC);
}

/** `rows` (a constant, 1–4) rows of c. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function band(
  rows: i32, N: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize,
  finish: i32, fromC: usize,
): void {
  const bEnd = b + ((<usize>N) << 2);
  const wideEnd = b + ((<usize>(N & -8)) << 2);
  for (; b < wideEnd; b += 32, c += 32) block(rows, true, K, a, aStride, b, bStride, c, cStride, finish, fromC);
  if (b < bEnd) block(rows, false, K, a, aStride, b, bStride, c, cStride, finish, fromC);
}

/** A block of `rows` × 8, or × 4 if not `wide`. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function block(
  rows: i32, wide: bool, K: i32, a0: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize,
  finish: i32, fromC: usize,
): void {
  let a1 = a0 + aStride;
  let a2 = a1 + aStride;
  let a3 = a2 + aStride;
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  const end = a0 + ((<usize>K) << 2);
  // One k at a time: V8 moves the loads of an unrolled body to its front and then spills most of its registers.
  while (a0 < end) {
    const b0 = v128.load(b);
    const b1 = wide ? v128.load(b, 16) : b0;
    let x = v128.load32_splat(a0); c00 = fma(x, b0, c00); if (wide) c01 = fma(x, b1, c01);
    if (rows > 1) { x = v128.load32_splat(a1); c10 = fma(x, b0, c10); if (wide) c11 = fma(x, b1, c11); a1 += 4; }
    if (rows > 2) { x = v128.load32_splat(a2); c20 = fma(x, b0, c20); if (wide) c21 = fma(x, b1, c21); a2 += 4; }
    if (rows > 3) { x = v128.load32_splat(a3); c30 = fma(x, b0, c30); if (wide) c31 = fma(x, b1, c31); a3 += 4; }
    b += bStride;
    a0 += 4;
  }
  put(c, c00, finish, fromC); if (wide) put(c + 16, c01, finish, fromC); c += cStride;
  if (rows > 1) { put(c, c10, finish, fromC); if (wide) put(c + 16, c11, finish, fromC); c += cStride; }
  if (rows > 2) { put(c, c20, finish, fromC); if (wide) put(c + 16, c21, finish, fromC); c += cStride; }
  if (rows > 3) { put(c, c30, finish, fromC); if (wide) put(c + 16, c31, finish, fromC); }
}

/** Stores four results at `c`; `other` lies `fromC` bytes behind it. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function put(c: usize, result: v128, finish: i32, fromC: usize): void {
  if (finish == Finish.ADD) result = f32x4.add(v128.load(c + fromC), result);
  else if (finish == Finish.RELU) result = f32x4.pmax(f32x4.splat(0), result);
  else if (finish == Finish.GATE) result = v128.and(result, f32x4.gt(v128.load(c + fromC), f32x4.splat(0)));
  v128.store(c, result);
}
