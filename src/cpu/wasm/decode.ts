// One token after another, with the keys and values of the positions before it in a cache: rows q|k|v, per layer (T, 3A).
// The activations are those of a training step of one row.

import { exp, fma, sumOfLanes } from './lanes';
import { Finish, product } from './matmul';
import * as m from './memory';
import { rmsnorm } from './norm';

/** Logits (V) of `token` at `position`, at `m.logits`. Overwrites the activations of the last training step. */
export function decode(token: u32, position: i32): void {
  const wte = m.wte + <usize>token * m.strideC;
  const wpe = m.wpe + <usize>position * m.strideC;
  const width = <usize>m.Cp << 2;
  for (let i: usize = 0; i < width; i += 16) {
    v128.store(m.xn + i, f32x4.add(v128.load(wte + i), v128.load(wpe + i)));
  }
  rmsnorm(1, m.C, m.strideC, m.xn, m.x, m.sEmbed);

  const a = m.saved;
  const b = m.saved + m.toB;
  const heads = m.saved + m.toHeads;
  const hidden = m.saved + m.toHidden;
  let weight = m.layersT;
  let cache = m.cache;
  for (let l = 0; l < m.L; l++) {
    rmsnorm(1, m.C, m.strideC, m.x, a, m.saved + m.toSa);
    const row = cache + <usize>position * m.strideQ;
    product(1, 3 * m.A, m.Cp, a, m.strideC, weight, m.strideQ, row, m.strideQ, Finish.STORE, 0);
    attend(position + 1, row, cache, heads);
    product(1, m.Cp, m.A, heads, m.strideA, weight + m.woT, m.strideC, m.x, m.strideC, Finish.ADD, m.x);
    rmsnorm(1, m.C, m.strideC, m.x, b, m.saved + m.toSb);
    product(1, m.F, m.Cp, b, m.strideC, weight + m.fc1T, m.strideF, hidden, m.strideF, Finish.RELU, 0);
    product(1, m.Cp, m.F, hidden, m.strideF, weight + m.fc2T, m.strideC, m.x, m.strideC, Finish.ADD, m.x);
    weight += m.layerBytesT;
    cache += m.cacheBytes;
  }
  product(1, m.Vp, m.Cp, m.x, m.strideC, m.lmHeadT, m.strideV, m.logits, m.strideV, Finish.STORE, 0);
}

/** Mixed values of `n` positions for the query at `query`; scores are kept in `m.scratchT`. */
function attend(n: i32, query: usize, cache: usize, out: usize): void {
  const bytes = <usize>m.Dp << 2;
  const scores = m.scratchT;
  const padded = m.padded(n);
  for (let h = 0; h < m.H; h++) {
    const channel = <usize>h * bytes;
    const q = query + channel;
    let k = cache + (<usize>m.A << 2) + channel;
    let largest: f32 = -Infinity;
    for (let t = 0; t < n; t++) {
      let sum = f32x4.splat(0);
      for (let i: usize = 0; i < bytes; i += 16) sum = fma(v128.load(q + i), v128.load(k + i), sum);
      const score = f32x4.extract_lane(sumOfLanes(sum), 0) * m.scale;
      store<f32>(scores + (<usize>t << 2), score);
      largest = max(largest, score);
      k += m.strideQ;
    }
    for (let t = n; t < padded; t++) store<f32>(scores + (<usize>t << 2), -Infinity);
    let total = f32x4.splat(0);
    for (let t = 0; t < padded; t += 4) {
      const at = scores + (<usize>t << 2);
      const e = exp(f32x4.sub(v128.load(at), f32x4.splat(largest)));
      v128.store(at, e);
      total = f32x4.add(total, e);
    }
    const share = f32x4.div(f32x4.splat(1), sumOfLanes(total));
    for (let i: usize = 0; i < bytes; i += 16) {
      let v = cache + (<usize>m.A << 3) + channel + i;
      let sum = f32x4.splat(0);
      for (let t = 0; t < n; t++) {
        sum = fma(v128.load32_splat(scores + (<usize>t << 2)), v128.load(v), sum);
        v += m.strideQ;
      }
      v128.store(out + channel + i, f32x4.mul(sum, share));
    }
  }
}
