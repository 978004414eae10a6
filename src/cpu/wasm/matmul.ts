// product: c (M, N) = a (M, K) · b (K, N). The forward pass has Wᵀ as b, the derivative for inputs W itself.
//
// A 4×8 block of c stays in eight registers while k runs once. M, N and K are multiples of 4: the buffers are padded
// with zeros. Strides are in bytes.

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
  const bEnd = b + ((<usize>N) << 2);
  const wideEnd = b + ((<usize>(N & -8)) << 2);
  const fromC = other - c;
  for (let m = 0; m < M; m += 4) {
    let to = c;
    let panel = b;
    for (; panel < wideEnd; panel += 32, to += 32) product4x8(K, a, aStride, panel, bStride, to, cStride, finish, fromC);
    if (panel < bEnd) product4x4(K, a, aStride, panel, bStride, to, cStride, finish, fromC);
    a += 4 * aStride;
    c += 4 * cStride;
  }
}

// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function product4x8(
  K: i32, a0: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize, finish: i32, fromC: usize,
): void {
  let a1 = a0 + aStride;
  let a2 = a1 + aStride;
  let a3 = a2 + aStride;
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  const end = a0 + ((<usize>K) << 2);
  // One k at a time: V8 moves the loads of an unrolled body to its front and then spills most of its registers.
  while (a0 < end) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a0); c00 = fma(x, b0, c00); c01 = fma(x, b1, c01);
    x = v128.load32_splat(a1); c10 = fma(x, b0, c10); c11 = fma(x, b1, c11);
    x = v128.load32_splat(a2); c20 = fma(x, b0, c20); c21 = fma(x, b1, c21);
    x = v128.load32_splat(a3); c30 = fma(x, b0, c30); c31 = fma(x, b1, c31);
    b += bStride;
    a0 += 4; a1 += 4; a2 += 4; a3 += 4;
  }
  put(c, c00, finish, fromC); put(c + 16, c01, finish, fromC); c += cStride;
  put(c, c10, finish, fromC); put(c + 16, c11, finish, fromC); c += cStride;
  put(c, c20, finish, fromC); put(c + 16, c21, finish, fromC); c += cStride;
  put(c, c30, finish, fromC); put(c + 16, c31, finish, fromC);
}

// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function product4x4(
  K: i32, a0: usize, aStride: usize, b: usize, bStride: usize, c: usize, cStride: usize, finish: i32, fromC: usize,
): void {
  let a1 = a0 + aStride;
  let a2 = a1 + aStride;
  let a3 = a2 + aStride;
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
  const end = a0 + ((<usize>K) << 2);
  while (a0 < end) {
    const b0 = v128.load(b);
    c0 = fma(v128.load32_splat(a0), b0, c0);
    c1 = fma(v128.load32_splat(a1), b0, c1);
    c2 = fma(v128.load32_splat(a2), b0, c2);
    c3 = fma(v128.load32_splat(a3), b0, c3);
    b += bStride;
    a0 += 4; a1 += 4; a2 += 4; a3 += 4;
  }
  put(c, c0, finish, fromC);
  put(c + cStride, c1, finish, fromC);
  put(c + 2 * cStride, c2, finish, fromC);
  put(c + 3 * cStride, c3, finish, fromC);
}

/** Stores four results at `c`; `other` lies `fromC` bytes behind it. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function put(c: usize, result: v128, finish: i32, fromC: usize): void {
  if (finish == Finish.ADD) result = f32x4.add(v128.load(c + fromC), result);
  else if (finish == Finish.RELU) result = f32x4.pmax(f32x4.splat(0), result);
  else if (finish == Finish.GATE) result = v128.and(result, f32x4.gt(v128.load(c + fromC), f32x4.splat(0)));
  v128.store(c, result);
}
