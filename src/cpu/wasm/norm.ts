// rmsnorm: out = x · s with s = (mean(x²) + 1e-5)^(−1/2), row by row. C counts the true channels, `width` (in bytes) their padding as
// well, which is 0.

import { fma, sumOfLanes } from './lanes';

const EPSILON: f32 = 1e-5;

/** out (R, C) and s (R), kept for the derivative. */
export function rmsnorm(R: i32, C: i32, width: usize, stride: usize, x: usize, out: usize, s: usize): void {
  const perChannel: f32 = 1 / <f32>C;
  for (let r = 0; r < R; r++) {
    let squares = f32x4.splat(0);
    for (let i: usize = 0; i < width; i += 16) {
      const value = v128.load(x + i);
      squares = fma(value, value, squares);
    }
    const mean = f32x4.extract_lane(sumOfLanes(squares), 0) * perChannel;
    const factor: f32 = 1 / sqrt<f32>(mean + EPSILON);
    store<f32>(s, factor);
    const factors = f32x4.splat(factor);
    for (let i: usize = 0; i < width; i += 16) v128.store(out + i, f32x4.mul(v128.load(x + i), factors));
    x += stride;
    out += stride;
    s += 4;
  }
}

/**
 * dx = residual + s·(dout − out · mean(dout·out)), which is s·dout − x · s³/C · Σ dout·x with out = s·x. `residual` is the
 * gradient that goes past the norm; its address is 0 where none does.
 */
export function rmsnormGrad(
  R: i32, C: i32, width: usize, stride: usize, out: usize, s: usize, dout: usize, dx: usize, residual: usize,
): void {
  const toResidual = residual - dx;
  const perChannel: f32 = 1 / <f32>C;
  for (let r = 0; r < R; r++) {
    let products = f32x4.splat(0);
    for (let i: usize = 0; i < width; i += 16) products = fma(v128.load(dout + i), v128.load(out + i), products);
    const mean = f32x4.mul(sumOfLanes(products), f32x4.splat(perChannel));
    const factors = v128.load32_splat(s);
    for (let i: usize = 0; i < width; i += 16) {
      let slope = f32x4.mul(factors, f32x4.sub(v128.load(dout + i), f32x4.mul(v128.load(out + i), mean)));
      if (residual != 0) slope = f32x4.add(slope, v128.load(dx + i + toResidual));
      v128.store(dx + i, slope);
    }
    out += stride;
    dout += stride;
    dx += stride;
    s += 4;
  }
}
