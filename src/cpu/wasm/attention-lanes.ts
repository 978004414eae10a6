// Causal attention of four heads at a time: each lane is a head, so nothing is summed over lanes, and a row takes part in no
// product with what it cannot see. Rows of four heads of Dp channels are turned into a vector per channel and back, in pieces of
// four channels, whose vectors fit into registers.

import { exp, fma, larger, storeTransposed } from './lanes';

/** Bytes of a piece: four channels of four heads, turned or not. */
const PIECE: usize = 64;
/** Bytes of the weights of one row for another. */
const WEIGHT: usize = 16;

/** Wider heads fill a product's blocks, which then read less. */
const MOST_CHANNELS: i32 = 8;

// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function goesByLanes(H: i32, Dp: i32): bool {
  return (H & 3) == 0 && Dp <= MOST_CHANNELS;
}

/** Scratch that a row takes: of q, k, v, dout, dk and dv. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function turnedBytes(Dp: i32): usize {
  return 6 * <usize>(Dp >> 2) * PIECE;
}

/** Turns n rows of four heads: to[piece][row][channel][head] = from[row][head][piece][channel]. */
function turn(n: i32, Dp: i32, from: usize, stride: usize, to: usize): void {
  const head = <usize>Dp << 2;
  for (let channel: usize = 0; channel < head; channel += 16) {
    let at = from + channel;
    for (const end = to + <usize>n * PIECE; to < end; to += PIECE) {
      const third = at + 2 * head;
      storeTransposed(v128.load(at), v128.load(at + head), v128.load(third), v128.load(third + head), to, 16);
      at += stride;
    }
  }
}

/** The way back. */
function turnBack(n: i32, Dp: i32, from: usize, to: usize, stride: usize): void {
  const head = <usize>Dp << 2;
  for (let channel: usize = 0; channel < head; channel += 16) {
    let at = to + channel;
    for (const end = from + <usize>n * PIECE; from < end; from += PIECE) {
      storeTransposed(v128.load(from), v128.load(from, 16), v128.load(from, 32), v128.load(from, 48), at, head);
      at += stride;
    }
  }
}

/** As `attention` for the four heads at `qkv` and `out`. It is `A` bytes from q to k and from k to v. */
export function attentionOfFour(
  n: i32, Dp: i32, scale: f32, qkv: usize, A: usize, qkvStride: usize, p: usize, pStride: usize, out: usize, outStride: usize,
  scratch: usize,
): void {
  const scales = f32x4.splat(scale);
  const head = <usize>Dp << 2;
  const rows = <usize>n * PIECE;
  const bytes = rows * <usize>(Dp >> 2);
  const queries = scratch;
  const keys = queries + bytes;
  const values = keys + bytes;
  turn(n, Dp, qkv, qkvStride, queries);
  turn(n, Dp, qkv + A, qkvStride, keys);
  turn(n, Dp, qkv + 2 * A, qkvStride, values);
  for (let row: usize = 0; row < rows; row += PIECE) {
    const end = p + (row >> 2); // the weight for itself
    let largest = f32x4.splat(0);
    for (let piece: usize = 0; piece < bytes; piece += rows) {
      const q = queries + piece + row;
      const q0 = v128.load(q);
      const q1 = v128.load(q, 16);
      const q2 = v128.load(q, 32);
      const q3 = v128.load(q, 48);
      largest = f32x4.splat(-Infinity);
      let k = keys + piece;
      for (let at = p; at <= end; at += WEIGHT) {
        let score = f32x4.mul(q0, v128.load(k));
        score = fma(q1, v128.load(k, 16), score);
        score = fma(q2, v128.load(k, 32), score);
        score = fma(q3, v128.load(k, 48), score);
        if (piece > 0) score = f32x4.add(score, v128.load(at));
        v128.store(at, score);
        largest = larger(largest, score);
        k += PIECE;
      }
    }
    let sum = f32x4.splat(0);
    for (let at = p; at <= end; at += WEIGHT) {
      const e = exp(f32x4.mul(f32x4.sub(v128.load(at), largest), scales));
      v128.store(at, e);
      sum = f32x4.add(sum, e);
    }
    const share = f32x4.div(f32x4.splat(1), sum);
    for (let at = p; at <= end; at += WEIGHT) v128.store(at, f32x4.mul(v128.load(at), share));
    let to = out;
    for (let piece: usize = 0; piece < bytes; piece += rows) {
      let o0 = f32x4.splat(0);
      let o1 = o0;
      let o2 = o0;
      let o3 = o0;
      let v = values + piece;
      for (let at = p; at <= end; at += WEIGHT) {
        const weight = v128.load(at);
        o0 = fma(weight, v128.load(v), o0);
        o1 = fma(weight, v128.load(v, 16), o1);
        o2 = fma(weight, v128.load(v, 32), o2);
        o3 = fma(weight, v128.load(v, 48), o3);
        v += PIECE;
      }
      storeTransposed(o0, o1, o2, o3, to, head);
      to += 16;
    }
    p += pStride;
    out += outStride;
  }
}

/** As `attentionGrad` for the four heads at `qkv`, `dqkv` and `dout`; `ds` has room for the weights of a row. */
export function attentionOfFourGrad(
  n: i32, Dp: i32, scale: f32, qkv: usize, dqkv: usize, A: usize, qkvStride: usize, p: usize, pStride: usize, dout: usize,
  outStride: usize, scratch: usize, ds: usize,
): void {
  const scales = f32x4.splat(scale);
  const head = <usize>Dp << 2;
  const rows = <usize>n * PIECE;
  const bytes = rows * <usize>(Dp >> 2);
  const queries = scratch;
  const keys = queries + bytes;
  const values = keys + bytes;
  const douts = values + bytes;
  const dkeys = douts + bytes;
  const dvalues = dkeys + bytes;
  turn(n, Dp, qkv, qkvStride, queries);
  turn(n, Dp, qkv + A, qkvStride, keys);
  turn(n, Dp, qkv + 2 * A, qkvStride, values);
  turn(n, Dp, dout, outStride, douts);
  memory.fill(dkeys, 0, 2 * bytes);
  let dq = dqkv;
  for (let row: usize = 0; row < rows; row += PIECE) {
    const end = ds + (row >> 2);
    let delta = f32x4.splat(0);
    for (let piece: usize = 0; piece < bytes; piece += rows) {
      const o = douts + piece + row;
      const o0 = v128.load(o);
      const o1 = v128.load(o, 16);
      const o2 = v128.load(o, 32);
      const o3 = v128.load(o, 48);
      let weights = p;
      let v = values + piece;
      let dv = dvalues + piece;
      for (let at = ds; at <= end; at += WEIGHT) {
        const weight = v128.load(weights);
        let slope = f32x4.mul(o0, v128.load(v));
        slope = fma(o1, v128.load(v, 16), slope);
        slope = fma(o2, v128.load(v, 32), slope);
        slope = fma(o3, v128.load(v, 48), slope);
        delta = fma(weight, slope, delta);
        if (piece > 0) slope = f32x4.add(slope, v128.load(at));
        v128.store(at, slope);
        v128.store(dv, fma(weight, o0, v128.load(dv)));
        v128.store(dv, fma(weight, o1, v128.load(dv, 16)), 16);
        v128.store(dv, fma(weight, o2, v128.load(dv, 32)), 32);
        v128.store(dv, fma(weight, o3, v128.load(dv, 48)), 48);
        weights += WEIGHT;
        v += PIECE;
        dv += PIECE;
      }
    }
    let weights = p;
    for (let at = ds; at <= end; at += WEIGHT) {
      const slope = f32x4.sub(v128.load(at), delta);
      v128.store(at, f32x4.mul(f32x4.mul(v128.load(weights), scales), slope));
      weights += WEIGHT;
    }
    let to = dq;
    for (let piece: usize = 0; piece < bytes; piece += rows) {
      const q = queries + piece + row;
      const q0 = v128.load(q);
      const q1 = v128.load(q, 16);
      const q2 = v128.load(q, 32);
      const q3 = v128.load(q, 48);
      let dq0 = f32x4.splat(0);
      let dq1 = dq0;
      let dq2 = dq0;
      let dq3 = dq0;
      let k = keys + piece;
      let dk = dkeys + piece;
      for (let at = ds; at <= end; at += WEIGHT) {
        const slope = v128.load(at);
        dq0 = fma(slope, v128.load(k), dq0);
        dq1 = fma(slope, v128.load(k, 16), dq1);
        dq2 = fma(slope, v128.load(k, 32), dq2);
        dq3 = fma(slope, v128.load(k, 48), dq3);
        v128.store(dk, fma(slope, q0, v128.load(dk)));
        v128.store(dk, fma(slope, q1, v128.load(dk, 16)), 16);
        v128.store(dk, fma(slope, q2, v128.load(dk, 32)), 32);
        v128.store(dk, fma(slope, q3, v128.load(dk, 48)), 48);
        k += PIECE;
        dk += PIECE;
      }
      storeTransposed(dq0, dq1, dq2, dq3, to, head);
      to += 16;
    }
    p += pStride;
    dq += qkvStride;
  }
  turnBack(n, Dp, dkeys, dqkv + A, qkvStride);
  turnBack(n, Dp, dvalues, dqkv + 2 * A, qkvStride);
}
