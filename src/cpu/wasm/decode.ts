// One token after another, with the keys and values of the positions before it in a cache, per layer: keys as columns
// (A, T), so that four positions are scored at once, then values as rows (T, A).
//
// What depends on nothing but the token and its position (x and the first layer's q, k and v, or more), small models keep in a table
// of V·T entries, which fills as tokens come.

import { exp, fma, larger, maxOfLanes, sumOfLanes } from './lanes';
import * as m from './memory';
import { Field, get, int } from './memory';
import { runRow } from './program';

/** Empties the table and what generate.ts keeps: to be called when parameters have changed. */
export function forgetRows(): void {
  memory.fill(get(Field.known), 0, get(Field.knownBytes));
  memory.fill(get(Field.beginningsKnown), 0, get(Field.beginningCount));
}

/** Logits (V) of `token` at `position`, at `logits`. */
export function decode(token: u32, position: i32): void {
  prefix(token, position);
  runRow(get(Field.decode));
}

/** Key and value of `token` at `position` into the cache; only where they do not depend on what the model attends to. */
export function rememberToken(token: u32, position: i32): void {
  prefix(token, position);
  runRow(get(Field.cache));
}

/** The rows that depend on nothing but `token` and `position`: made, or taken from the table. */
function prefix(token: u32, position: i32): void {
  store<u32>(get(Field.token), token);
  store<u32>(get(Field.position), position);
  const index = <usize>(<i32>token * int(Field.T) + position);
  const kept = get(Field.table) + index * get(Field.prefixBytes);
  const small = get(Field.knownBytes) != 0;
  if (small && load<u8>(get(Field.known) + index) != 0) {
    memory.copy(get(Field.prefixRows), kept, get(Field.prefixBytes));
    return;
  }
  runRow(get(Field.prefix));
  if (!small) return;
  memory.copy(kept, get(Field.prefixRows), get(Field.prefixBytes));
  store<u8>(get(Field.known) + index, 1);
}

/** Key and value (A) of the present position into the cache. */
export function remember(A: i32, keys: usize, strideT: usize, values: usize, strideA: usize, k: usize, v: usize): void {
  const position = <usize>load<u32>(get(Field.position));
  const bytes = <usize>A << 2;
  let to = keys + (position << 2);
  for (let i: usize = 0; i < bytes; i += 4, to += strideT) store<f32>(to, load<f32>(k + i));
  memory.copy(values + position * strideA, v, bytes);
}

/** Mixed values of all positions up to the present one for `query`; the weights of a head are kept in `m.scratchT`. */
export function attend(
  H: i32, Dp: i32, scale: f32, keys: usize, strideT: usize, values: usize, strideA: usize, query: usize, out: usize,
): void {
  const n = load<i32>(get(Field.position)) + 1;
  const scales = f32x4.splat(scale);
  const none = f32x4.splat(-Infinity);
  const bytes = <usize>Dp << 2;
  const weights = m.scratchT;
  const width = <usize>m.padded(n) << 2;
  // The last four positions of the scores are not all there.
  const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(((n - 1) & 3) + 1));
  for (let h = 0; h < H; h++) {
    let largest = none;
    for (let t: usize = 0; t < width; t += 16) {
      let score = f32x4.splat(0);
      let key = keys + t;
      for (let i: usize = 0; i < bytes; i += 4, key += strideT) score = fma(v128.load32_splat(query + i), v128.load(key), score);
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
      for (let w = weights; w < end; w += 4, v += strideA) sum = fma(v128.load32_splat(w), v128.load(v), sum);
      v128.store(out + i, f32x4.mul(sum, share));
    }
    query += bytes;
    values += bytes;
    out += bytes;
    keys += <usize>Dp * strideT;
  }
}
