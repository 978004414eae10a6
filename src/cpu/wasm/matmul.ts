// product: c (M, N) = a (M, K) · b (K, N). The forward pass has Wᵀ as b, the derivative for inputs W itself.
//
// Blocks of c stay in registers while k runs once: 2×16 where there are as many columns, of which eight sums, four numbers
// of b and two of a fill the 15 registers that V8 has; 2×12, 4×8 and 4×4 at the end of a row. The columns of b that a
// block needs are in the first cache while all rows pass by. The last rows have blocks of their own height, so that
// nothing is written but the M rows, and every number of c gets the same bits in whatever block it lies. N is a multiple
// of 4: the buffers are padded with zeros. Strides are in bytes; that of b may be IN_PANELS.

import { fma } from './lanes';
import { IN_PANELS } from './panels';

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
  const end = c + ((<usize>N) << 2);
  const inPanels = bStride == IN_PANELS;
  const stride: usize = inPanels ? 64 : bStride;
  const next: usize = inPanels ? <usize>K << 6 : 64;
  for (; c + 64 <= end; c += 64, b += next) columns(4, M, K, a, aStride, b, stride, c, cStride, finish, fromC);
  const rest = end - c;
  const restStride: usize = inPanels ? rest : bStride;
  if (rest == 48) columns(3, M, K, a, aStride, b, restStride, c, cStride, finish, fromC);
  else if (rest == 32) columns(2, M, K, a, aStride, b, restStride, c, cStride, finish, fromC);
  else if (rest == 16) columns(1, M, K, a, aStride, b, restStride, c, cStride, finish, fromC);
}

/** 4 · `quads` (a constant, 1–4) columns of c. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function columns(
  quads: i32, M: i32, K: i32, a: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize,
  finish: i32, fromC: usize,
): void {
  if (quads <= 2) {
    for (; M >= 4; M -= 4, a += 4 * aStride, c += 4 * cStride) {
      block(4, quads, K, a, aStride, b, bStride, c, cStride, finish, fromC);
    }
  }
  for (; M >= 2; M -= 2, a += 2 * aStride, c += 2 * cStride) {
    block(2, quads, K, a, aStride, b, bStride, c, cStride, finish, fromC);
  }
  if (M > 0) block(1, quads, K, a, aStride, b, bStride, c, cStride, finish, fromC);
}

/** A block of `rows` × 4 · `quads`. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function block(
  rows: i32, quads: i32, K: i32, a0: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize,
  finish: i32, fromC: usize,
): void {
  let a1 = a0 + aStride;
  let a2 = a1 + aStride;
  let a3 = a2 + aStride;
  let c00 = f32x4.splat(0), c01 = c00, c02 = c00, c03 = c00, c10 = c00, c11 = c00, c12 = c00, c13 = c00;
  let c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  const end = a0 + ((<usize>K) << 2);
  // One k at a time: V8 moves the loads of an unrolled body to its front and then spills most of its registers.
  while (a0 < end) {
    const b0 = v128.load(b);
    const b1 = quads > 1 ? v128.load(b, 16) : b0;
    const b2 = quads > 2 ? v128.load(b, 32) : b0;
    const b3 = quads > 3 ? v128.load(b, 48) : b0;
    let x = v128.load32_splat(a0);
    c00 = fma(x, b0, c00);
    if (quads > 1) c01 = fma(x, b1, c01);
    if (quads > 2) c02 = fma(x, b2, c02);
    if (quads > 3) c03 = fma(x, b3, c03);
    if (rows > 1) {
      x = v128.load32_splat(a1);
      c10 = fma(x, b0, c10);
      if (quads > 1) c11 = fma(x, b1, c11);
      if (quads > 2) c12 = fma(x, b2, c12);
      if (quads > 3) c13 = fma(x, b3, c13);
      a1 += 4;
    }
    if (rows > 2) {
      x = v128.load32_splat(a2);
      c20 = fma(x, b0, c20);
      if (quads > 1) c21 = fma(x, b1, c21);
      a2 += 4;
      x = v128.load32_splat(a3);
      c30 = fma(x, b0, c30);
      if (quads > 1) c31 = fma(x, b1, c31);
      a3 += 4;
    }
    b += bStride;
    a0 += 4;
  }
  putRow(quads, c, c00, c01, c02, c03, finish, fromC);
  if (rows > 1) putRow(quads, c + cStride, c10, c11, c12, c13, finish, fromC);
  if (rows > 2) {
    c += 2 * cStride;
    putRow(quads, c, c20, c21, c00, c00, finish, fromC);
    putRow(quads, c + cStride, c30, c31, c00, c00, finish, fromC);
  }
}

// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function putRow(quads: i32, c: usize, c0: v128, c1: v128, c2: v128, c3: v128, finish: i32, fromC: usize): void {
  put(c, c0, finish, fromC);
  if (quads > 1) put(c + 16, c1, finish, fromC);
  if (quads > 2) put(c + 32, c2, finish, fromC);
  if (quads > 3) put(c + 48, c3, finish, fromC);
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
