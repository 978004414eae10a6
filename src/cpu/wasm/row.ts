// rowProduct: c (N) = a (K) · b (K, N), one row as sampling makes them; b lies in panels. A row gives each number of b one multiplication
// only, so what counts is to have eight sums under way at once: an addition takes three or four cycles.
// K and N are multiples of 4.

import { fma } from './lanes';
import { put } from './matmul';

export function rowProduct(N: i32, K: i32, a: usize, b: usize, c: usize, finish: i32, other: usize): void {
  const fromC = other - c;
  const end = c + (<usize>N << 2);
  const aEnd = a + (<usize>K << 2);
  const panel = <usize>K << 6;
  for (; c + 128 <= end; c += 128, b += 2 * panel) columns32(a, aEnd, b, b + panel, c, finish, fromC);
  for (; c + 64 <= end; c += 64, b += panel) columns16(a, aEnd, b, c, finish, fromC);
  for (const width = end - c; c < end; c += 16, b += 16) columns4(a, aEnd, b, width, c, finish, fromC);
}

/** Two panels. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function columns32(a: usize, aEnd: usize, b: usize, second: usize, c: usize, finish: i32, fromC: usize): void {
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0;
  for (; a < aEnd; a += 4, b += 64, second += 64) {
    const x = v128.load32_splat(a);
    c0 = fma(x, v128.load(b), c0);
    c1 = fma(x, v128.load(b, 16), c1);
    c2 = fma(x, v128.load(b, 32), c2);
    c3 = fma(x, v128.load(b, 48), c3);
    c4 = fma(x, v128.load(second), c4);
    c5 = fma(x, v128.load(second, 16), c5);
    c6 = fma(x, v128.load(second, 32), c6);
    c7 = fma(x, v128.load(second, 48), c7);
  }
  put(c, c0, finish, fromC);
  put(c + 16, c1, finish, fromC);
  put(c + 32, c2, finish, fromC);
  put(c + 48, c3, finish, fromC);
  put(c + 64, c4, finish, fromC);
  put(c + 80, c5, finish, fromC);
  put(c + 96, c6, finish, fromC);
  put(c + 112, c7, finish, fromC);
}

/** A panel, even and odd k apart. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function columns16(a: usize, aEnd: usize, b: usize, c: usize, finish: i32, fromC: usize): void {
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, d0 = c0, d1 = c0, d2 = c0, d3 = c0;
  for (; a < aEnd; a += 8, b += 128) {
    let x = v128.load32_splat(a);
    c0 = fma(x, v128.load(b), c0);
    c1 = fma(x, v128.load(b, 16), c1);
    c2 = fma(x, v128.load(b, 32), c2);
    c3 = fma(x, v128.load(b, 48), c3);
    x = v128.load32_splat(a, 4);
    d0 = fma(x, v128.load(b, 64), d0);
    d1 = fma(x, v128.load(b, 80), d1);
    d2 = fma(x, v128.load(b, 96), d2);
    d3 = fma(x, v128.load(b, 112), d3);
  }
  put(c, f32x4.add(c0, d0), finish, fromC);
  put(c + 16, f32x4.add(c1, d1), finish, fromC);
  put(c + 32, f32x4.add(c2, d2), finish, fromC);
  put(c + 48, f32x4.add(c3, d3), finish, fromC);
}

/** Four columns of a narrower panel, four k at a time. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function columns4(a: usize, aEnd: usize, b: usize, bStride: usize, c: usize, finish: i32, fromC: usize): void {
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
  for (; a < aEnd; a += 16) {
    c0 = fma(v128.load32_splat(a), v128.load(b), c0); b += bStride;
    c1 = fma(v128.load32_splat(a, 4), v128.load(b), c1); b += bStride;
    c2 = fma(v128.load32_splat(a, 8), v128.load(b), c2); b += bStride;
    c3 = fma(v128.load32_splat(a, 12), v128.load(b), c3); b += bStride;
  }
  put(c, f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), finish, fromC);
}
