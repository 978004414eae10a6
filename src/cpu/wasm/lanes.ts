// Four f32 lanes at a time: multiply-add, sums over lanes, exp, 4×4 transposition.

/** a·b + c: one rounding in the relaxed build, two in the SIMD128 build. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function fma(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

/** Sum of the four lanes, in every lane. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function sumOfLanes(x: v128): v128 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.add(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2));
}

/** Largest of the four lanes, in every lane. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function maxOfLanes(x: v128): v128 {
  const pairs = larger(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return larger(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2));
}

/** max as one machine instruction: f32x4.max takes several for its rules about NaN and −0. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function larger(a: v128, b: v128): v128 {
  return f32x4.pmax(a, b);
}

/**
 * exp of four numbers ≤ 0, 0 below −87 (where f32 runs out of normal numbers). exp(x) = 2ⁿ·exp(r), n the nearest whole
 * number to x / ln 2: |r| ≤ ln 2 / 2, where Cephes' polynomial of expf is right to 1 unit in the last place.
 */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function exp(x: v128): v128 {
  const inRange = f32x4.ge(x, f32x4.splat(-87));
  // Adding 1.5·2²³ rounds to a whole number, which then stands in the low bits.
  const shifted = fma(x, f32x4.splat(1.44269504), f32x4.splat(12582912));
  const n = f32x4.sub(shifted, f32x4.splat(12582912));
  // ln 2 in two parts: n times the first is exact.
  let r = fma(n, f32x4.splat(-0.693359375), x);
  r = fma(n, f32x4.splat(2.12194440e-4), r);
  let p = f32x4.splat(1.9875691500e-4);
  p = fma(p, r, f32x4.splat(1.3981999507e-3));
  p = fma(p, r, f32x4.splat(8.3334519073e-3));
  p = fma(p, r, f32x4.splat(4.1665795894e-2));
  p = fma(p, r, f32x4.splat(1.6666665459e-1));
  p = fma(p, r, f32x4.splat(5.0000001201e-1));
  p = f32x4.add(fma(p, f32x4.mul(r, r), r), f32x4.splat(1));
  const scaled = i32x4.add(p, i32x4.shl(shifted, 23)); // times 2ⁿ
  return v128.and(scaled, inRange);
}

/** to[j][i] = from[i][j] for a block of 4×4; rows lie `fromStride` and `toStride` bytes apart. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function transpose4x4(from: usize, fromStride: usize, to: usize, toStride: usize): void {
  const row2 = from + 2 * fromStride;
  storeTransposed(v128.load(from), v128.load(from + fromStride), v128.load(row2), v128.load(row2 + fromStride), to, toStride);
}

/** Stores two rows as columns. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function storePairs(a: v128, b: v128, to: usize, toStride: usize): void {
  const low = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const high = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const to2 = to + 2 * toStride;
  v128.store64_lane(to, low, 0);
  v128.store64_lane(to + toStride, low, 1);
  v128.store64_lane(to2, high, 0);
  v128.store64_lane(to2 + toStride, high, 1);
}

/** Stores four rows as columns. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function storeTransposed(a: v128, b: v128, c: v128, d: v128, to: usize, toStride: usize): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const to2 = to + 2 * toStride;
  v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  v128.store(to + toStride, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
  v128.store(to2, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
  v128.store(to2 + toStride, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
}
