// Causal attention of one document of n rows, head by head. q, k and v lie side by side in rows of `qkv`; a head has Dp
// channels of which D are true and the rest 0. The weights p (n, n) are kept for the derivative, their columns padded to a
// multiple of 4 with zeros. Only the document's own rows are read and written: others may be in another thread's hands.

import { exp, fma, larger, maxOfLanes, storeTransposed, sumOfLanes, transpose4x4 } from './lanes';
import { Finish, product } from './matmul';
import { padded, strideOf } from './memory';
import { outer } from './outer';

/** Rows that go through a product together: what they cannot see is skipped in units of this. */
const ROWS: i32 = 16;

/** Bytes of p for one document and one head. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function weightBytes(n: i32): usize {
  return <usize>n * strideOf(n);
}

/** out[r] = Σₜ p[r, t] · v[t] with p[r] = softmax over t ≤ r of q[r]·k[t] · scale. `keys` is scratch for kᵀ. */
export function attention(
  n: i32, H: i32, Dp: i32, scale: f32, qkv: usize, qkvStride: usize, p: usize, out: usize, outStride: usize, keys: usize,
): void {
  const stride = strideOf(n);
  const A = <usize>(H * Dp) << 2;
  for (let h = 0; h < H; h++) {
    transpose(n, Dp, qkv + A, qkvStride, keys, stride);
    for (let r = 0; r < n; r += ROWS) {
      const M = min(ROWS, n - r);
      const seen = r + M;
      const at = p + <usize>r * stride;
      product(M, padded(seen), Dp, qkv + <usize>r * qkvStride, qkvStride, keys, stride, at, stride, Finish.STORE, 0);
      softmax(r, M, padded(seen), scale, at, stride);
      product(M, Dp, seen, at, stride, qkv + 2 * A, qkvStride, out + <usize>r * outStride, outStride, Finish.STORE, 0);
    }
    qkv += <usize>Dp << 2;
    out += <usize>Dp << 2;
    p += <usize>n * stride;
  }
}

/**
 * dqkv from dout. ds[r, t] = p[r, t] · (dout[r]·v[t] − delta[r]) · scale with delta[r] = Σₜ p[r, t] · dout[r]·v[t];
 * dq[r] = Σₜ ds[r, t]·k[t], dk[t] = Σᵣ ds[r, t]·q[r], dv[t] = Σᵣ p[r, t]·dout[r]. `values` and `ds` are scratch.
 */
export function attentionGrad(
  n: i32, H: i32, Dp: i32, scale: f32, qkv: usize, dqkv: usize, qkvStride: usize, p: usize, dout: usize, outStride: usize,
  values: usize, ds: usize,
): void {
  const stride = strideOf(n);
  const A = <usize>(H * Dp) << 2;
  for (let h = 0; h < H; h++) {
    transpose(n, Dp, qkv + 2 * A, qkvStride, values, stride);
    for (let r = 0; r < n; r += ROWS) {
      const M = min(ROWS, n - r);
      const seen = r + M;
      const at = ds + <usize>r * stride;
      product(M, padded(seen), Dp, dout + <usize>r * outStride, outStride, values, stride, at, stride, Finish.STORE, 0);
      softmaxGrad(M, padded(seen), scale, p + <usize>r * stride, at, stride);
      product(M, Dp, seen, at, stride, qkv + A, qkvStride, dqkv + <usize>r * qkvStride, qkvStride, Finish.STORE, 0);
    }
    for (let t = 0; t < n; t += ROWS) {
      const M = min(ROWS, n - t);
      const from = <usize>t * stride + (<usize>t << 2); // rows before t do not see t
      const to = dqkv + <usize>t * qkvStride;
      outer(0, M, M, Dp, n - t, ds + from, stride, qkv + <usize>t * qkvStride, qkvStride, to + A, qkvStride);
      outer(0, M, M, Dp, n - t, p + from, stride, dout + <usize>t * outStride, outStride, to + 2 * A, qkvStride);
    }
    qkv += <usize>Dp << 2;
    dqkv += <usize>Dp << 2;
    dout += <usize>Dp << 2;
    p += <usize>n * stride;
  }
}

/** to (cols, rows) = fromᵀ, in blocks of 4×4; columns from `rows` to the next multiple of 4 become 0. */
function transpose(rows: i32, cols: i32, from: usize, fromStride: usize, to: usize, toStride: usize): void {
  let end = from + (<usize>cols << 2);
  const zero = f32x4.splat(0);
  for (; rows > 0; rows -= 4) {
    let at = to;
    for (let c = from; c < end; c += 16) {
      if (rows >= 4) {
        transpose4x4(c, fromStride, at, toStride);
      } else {
        const second = rows > 1 ? v128.load(c + fromStride) : zero;
        const third = rows > 2 ? v128.load(c + 2 * fromStride) : zero;
        storeTransposed(v128.load(c), second, third, zero, at, toStride);
      }
      at += 4 * toStride;
    }
    from += 4 * fromStride;
    end += 4 * fromStride;
    to += 16;
  }
}

/** Makes M rows of scores, the first for row `first` of the document, into weights; `seen` columns, 0 beyond the row. */
function softmax(first: i32, M: i32, seen: i32, scale: f32, at: usize, stride: usize): void {
  const scales = f32x4.splat(scale);
  const width = <usize>seen << 2;
  for (let r = first; r < first + M; r++) {
    const edge = <usize>(r & -4) << 2; // the four columns that hold the last one this row sees
    const mask = i32x4.le_s(i32x4(0, 1, 2, 3), i32x4.splat(r & 3));
    const last = v128.bitselect(v128.load(at + edge), f32x4.splat(-Infinity), mask);
    let largest = last;
    for (let i: usize = 0; i < edge; i += 16) largest = larger(largest, v128.load(at + i));
    largest = maxOfLanes(largest);

    const lastWeights = exp(f32x4.mul(f32x4.sub(last, largest), scales));
    let sum = lastWeights;
    for (let i: usize = 0; i < edge; i += 16) {
      const e = exp(f32x4.mul(f32x4.sub(v128.load(at + i), largest), scales));
      v128.store(at + i, e);
      sum = f32x4.add(sum, e);
    }
    const share = f32x4.div(f32x4.splat(1), sumOfLanes(sum));
    for (let i: usize = 0; i < edge; i += 16) v128.store(at + i, f32x4.mul(v128.load(at + i), share));
    v128.store(at + edge, f32x4.mul(lastWeights, share));
    for (let i = edge + 16; i < width; i += 16) v128.store(at + i, f32x4.splat(0));
    at += stride;
  }
}

/** ds, which holds dout·vᵀ, becomes p · (ds − Σ p·ds) · scale. */
function softmaxGrad(M: i32, seen: i32, scale: f32, p: usize, ds: usize, stride: usize): void {
  const scales = f32x4.splat(scale);
  const width = <usize>seen << 2;
  for (let r = 0; r < M; r++) {
    let delta = f32x4.splat(0);
    for (let i: usize = 0; i < width; i += 16) delta = fma(v128.load(p + i), v128.load(ds + i), delta);
    delta = sumOfLanes(delta);
    for (let i: usize = 0; i < width; i += 16) {
      const slope = f32x4.sub(v128.load(ds + i), delta);
      v128.store(ds + i, f32x4.mul(f32x4.mul(v128.load(p + i), scales), slope));
    }
    p += stride;
    ds += stride;
  }
}
