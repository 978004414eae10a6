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

/**
 * out = (x − mean) · s · weight + bias, with s = (variance + 1e-5)^(−1/2); mean and s of each row go to `stats`. Padding stands at the
 * end of a row and is 0, in weight and bias as well.
 */
export function affineNorm(
  R: i32, C: i32, width: usize, stride: usize, x: usize, out: usize, stats: usize, weight: usize, bias: usize,
): void {
  const perChannel: f32 = 1 / <f32>C;
  const padding = <f32>((<i32>width >> 2) - C);
  for (let r = 0; r < R; r++) {
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < width; i += 16) sum = f32x4.add(sum, v128.load(x + i));
    const mean: f32 = f32x4.extract_lane(sumOfLanes(sum), 0) * perChannel;
    const means = f32x4.splat(mean);
    let squares = f32x4.splat(0);
    for (let i: usize = 0; i < width; i += 16) {
      const distance = f32x4.sub(v128.load(x + i), means);
      squares = fma(distance, distance, squares);
    }
    const variance: f32 = (f32x4.extract_lane(sumOfLanes(squares), 0) - padding * mean * mean) * perChannel;
    const s: f32 = 1 / sqrt<f32>(variance + EPSILON);
    store<f32>(stats, mean);
    store<f32>(stats, s, 4);
    const factors = f32x4.splat(s);
    for (let i: usize = 0; i < width; i += 16) {
      const normed = f32x4.mul(f32x4.sub(v128.load(x + i), means), factors);
      v128.store(out + i, fma(normed, v128.load(weight + i), v128.load(bias + i)));
    }
    x += stride;
    out += stride;
    stats += 8;
  }
}

/**
 * dx = s · (g − mean(g) − normed · mean(g · normed)) with g = dout · weight and normed = (x − mean) · s, and `products` = dout · normed,
 * whose sum over the rows is the gradient of `weight`.
 */
export function affineNormGrad(
  R: i32, C: i32, width: usize, stride: usize, x: usize, stats: usize, dout: usize, dx: usize, products: usize, weight: usize,
): void {
  const perChannel = f32x4.splat(1 / <f32>C);
  for (let r = 0; r < R; r++) {
    const means = v128.load32_splat(stats);
    const factors = v128.load32_splat(stats, 4);
    let sum = f32x4.splat(0);
    let sumOfProducts = f32x4.splat(0);
    for (let i: usize = 0; i < width; i += 16) {
      const d = v128.load(dout + i);
      const product = f32x4.mul(d, f32x4.mul(f32x4.sub(v128.load(x + i), means), factors));
      v128.store(products + i, product);
      sum = fma(d, v128.load(weight + i), sum);
      sumOfProducts = fma(product, v128.load(weight + i), sumOfProducts);
    }
    const mean = f32x4.mul(sumOfLanes(sum), perChannel);
    const meanProduct = f32x4.mul(sumOfLanes(sumOfProducts), perChannel);
    for (let i: usize = 0; i < width; i += 16) {
      const normed = f32x4.mul(f32x4.sub(v128.load(x + i), means), factors);
      const g = f32x4.sub(f32x4.mul(v128.load(dout + i), v128.load(weight + i)), mean);
      v128.store(dx + i, f32x4.mul(factors, f32x4.sub(g, f32x4.mul(normed, meanProduct))));
    }
    for (let i = <usize>C << 2; i < width; i += 4) store<f32>(dx + i, 0); // the padding
    x += stride;
    stats += 8;
    dout += stride;
    dx += stride;
    products += stride;
  }
}
