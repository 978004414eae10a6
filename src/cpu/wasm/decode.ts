// One token after another, with the keys and values of the positions before it in a cache, per layer: keys as columns
// (A, T), so that four positions are scored at once, then values as rows (T, A).
//
// What the first layer makes of a token at a position, up to q, k and v, depends on nothing before it: small models keep
// it in a table (V·T rows of x|q|k|v), which fills as tokens come.

import { exp, fma, larger, maxOfLanes, sumOfLanes } from './lanes';
import { Finish } from './matmul';
import * as m from './memory';
import { rmsnorm } from './norm';
import { rowProduct } from './row';

/** Empties the table and what generate.ts keeps: to be called when parameters have changed. */
export function forgetRows(): void {
  memory.fill(m.known, 0, m.knownBytes);
  memory.fill(m.beginningsKnown, 0, m.beginningCount);
}

/** Logits (V) of `token` at `position`, at `m.logits`. Overwrites the activations of the last training step. */
export function decode(token: u32, position: i32): void {
  const heads = m.saved + m.toHeads;
  const b = m.saved + m.toB;
  const hidden = m.saved + m.toHidden;
  const qkv = m.saved + m.toQkv;
  let weight = m.layersT;
  let cache = m.cache;
  for (let l = 0; l < m.L; l++) {
    if (l == 0) {
      firstRow(token, position, qkv);
    } else {
      rmsnorm(1, m.C, m.strideC, m.x, m.saved, m.saved + m.toSa);
      rowProduct(3 * m.A, m.Cp, m.saved, weight, qkv, Finish.STORE, 0);
    }
    remember(position, qkv, cache);
    attend(position + 1, qkv, cache, heads);
    rowProduct(m.Cp, m.A, heads, weight + m.wo, m.x, Finish.ADD, m.x);
    rmsnorm(1, m.C, m.strideC, m.x, b, m.saved + m.toSb);
    rowProduct(m.F, m.Cp, b, weight + m.fc1, hidden, Finish.RELU, 0);
    rowProduct(m.Cp, m.F, hidden, weight + m.fc2, m.x, Finish.ADD, m.x);
    weight += m.layerBytes;
    cache += m.cacheBytes;
  }
  rowProduct(m.Vp, m.Cp, m.x, m.lmHeadT, m.logits, Finish.STORE, 0);
}

/** Key and value of `token` at `position` into the cache of a model's only layer. */
export function rememberToken(token: u32, position: i32): void {
  const qkv = m.saved + m.toQkv;
  firstRow(token, position, qkv);
  remember(position, qkv, m.cache);
}

/** x and the first layer's q|k|v of `token` at `position`: made, or taken from the table. */
function firstRow(token: u32, position: i32, qkv: usize): void {
  const width = <usize>m.Cp << 2;
  const index = <usize>(<i32>token * m.T + position);
  const kept = m.table + index * (m.strideC + m.strideQ);
  const small = m.knownBytes != 0;
  if (small && load<u8>(m.known + index) != 0) {
    memory.copy(m.x, kept, width);
    memory.copy(qkv, kept + m.strideC, <usize>(3 * m.A) << 2);
    return;
  }
  const wte = m.wte + <usize>token * m.strideC;
  const wpe = m.wpe + <usize>position * m.strideC;
  for (let i: usize = 0; i < width; i += 16) {
    v128.store(m.xn + i, f32x4.add(v128.load(wte + i), v128.load(wpe + i)));
  }
  rmsnorm(1, m.C, m.strideC, m.xn, m.x, m.sEmbed);
  rmsnorm(1, m.C, m.strideC, m.x, m.saved, m.saved + m.toSa);
  rowProduct(3 * m.A, m.Cp, m.saved, m.layersT, qkv, Finish.STORE, 0);
  if (!small) return;
  memory.copy(kept, m.x, width);
  memory.copy(kept + m.strideC, qkv, <usize>(3 * m.A) << 2);
  store<u8>(m.known + index, 1);
}

/** Key and value of `position` into the cache of the layer. */
function remember(position: i32, qkv: usize, cache: usize): void {
  const bytes = <usize>m.A << 2;
  let to = cache + (<usize>position << 2);
  for (let i: usize = 0; i < bytes; i += 4, to += m.strideT) store<f32>(to, load<f32>(qkv + bytes + i));
  memory.copy(cache + m.toValues + <usize>position * m.strideA, qkv + 2 * bytes, bytes);
}

/** Mixed values of `n` positions for the query at `query`; the weights of a head are kept in `m.scratchT`. */
function attend(n: i32, query: usize, cache: usize, out: usize): void {
  const scales = f32x4.splat(m.scale);
  const none = f32x4.splat(-Infinity);
  const bytes = <usize>m.Dp << 2;
  const weights = m.scratchT;
  const width = <usize>m.padded(n) << 2;
  // The last four positions of the scores are not all there.
  const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(((n - 1) & 3) + 1));
  let values = cache + m.toValues;
  for (let h = 0; h < m.H; h++) {
    let largest = none;
    for (let t: usize = 0; t < width; t += 16) {
      let score = f32x4.splat(0);
      let key = cache + t;
      for (let i: usize = 0; i < bytes; i += 4, key += m.strideT) score = fma(v128.load32_splat(query + i), v128.load(key), score);
      if (t + 16 == width) score = v128.bitselect(score, none, mask);
      v128.store(weights + t, score);
      largest = larger(largest, score);
    }
    largest = maxOfLanes(largest);
    let total = f32x4.splat(0);
    for (let t: usize = 0; t < width; t += 16) {
      const e = exp(f32x4.mul(f32x4.sub(v128.load(weights + t), largest), scales));
      v128.store(weights + t, e);
      total = f32x4.add(total, e);
    }
    const share = f32x4.div(f32x4.splat(1), sumOfLanes(total));
    const end = weights + (<usize>n << 2);
    for (let i: usize = 0; i < bytes; i += 16) {
      let v = values + i;
      let sum = f32x4.splat(0);
      for (let w = weights; w < end; w += 4, v += m.strideA) sum = fma(v128.load32_splat(w), v128.load(v), sum);
      v128.store(out + i, f32x4.mul(sum, share));
    }
    query += bytes;
    values += bytes;
    out += bytes;
    cache += <usize>m.Dp * m.strideT;
  }
}
