// One training step: batch layout, forward, backward, Adam. Rows of all documents lie packed, one after the other;
// R is rounded up to a multiple of 4 with rows of zeros, which stay zeros in every product and norm.

import { adamTable, beginAdam } from './adam';
import { attention, attentionGrad, weightBytes } from './attention';
import { crossEntropy } from './loss';
import { Finish, product } from './matmul';
import * as m from './memory';
import { rmsnorm, rmsnormGrad } from './norm';
import { outer, outerAdam } from './outer';

/** Rows of the step, padded; documents' rows start at `m.starts`. */
let R: i32 = 0;

/** Tokens, targets and weights of step `index`: documents (index·B … index·B + B−1) mod N, each cut to T. */
function layOut(index: u32): i32 {
  let row = 0;
  let document = <i32>((<u64>index * m.B) % m.N);
  for (let b = 0; b < m.B; b++) {
    const first = load<u32>(m.offsets + (<usize>document << 2));
    const length = min(m.T, <i32>(load<u32>(m.offsets + (<usize>document << 2), 4) - first) - 1);
    const weight = <f32>(1 / (<f64>m.B * length));
    store<i32>(m.starts + (<usize>b << 2), row);
    for (let t = 0; t < length; t++) {
      const text = m.corpus + (<usize>(first + t) << 2);
      const at = <usize>(row + t) << 2;
      store<u32>(m.tokens + at, load<u32>(text));
      store<u32>(m.targets + at, load<u32>(text, 4));
      store<f32>(m.rowWeights + at, weight);
    }
    row += length;
    if (++document == m.N) document = 0;
  }
  store<i32>(m.starts + (<usize>m.B << 2), row);
  return row;
}

/** x (R, C) = wte[token] + wpe[position]; rows up to `padded` become 0. */
function embed(rows: i32, padded: i32): void {
  const width = <usize>m.Cp << 2;
  let x = m.x;
  for (let b = 0; b < m.B; b++) {
    const from = load<i32>(m.starts + (<usize>b << 2));
    const to = load<i32>(m.starts + (<usize>b << 2), 4);
    let wpe = m.wpe;
    for (let r = from; r < to; r++) {
      const wte = m.wte + <usize>load<u32>(m.tokens + (<usize>r << 2)) * m.strideC;
      for (let i: usize = 0; i < width; i += 16) {
        v128.store(x + i, f32x4.add(v128.load(wte + i), v128.load(wpe + i)));
      }
      wpe += m.strideC;
      x += m.strideC;
    }
  }
  memory.fill(x, 0, <usize>(padded - rows) * m.strideC);
}

/** Adds the gradient of the embedding's rows to dwte and dwpe, document after document. */
function embedGrad(): void {
  const width = <usize>m.Cp << 2;
  memory.fill(m.wte + m.toGradient, 0, m.lmHead - m.wte);
  let dx = m.dx;
  for (let b = 0; b < m.B; b++) {
    const from = load<i32>(m.starts + (<usize>b << 2));
    const to = load<i32>(m.starts + (<usize>b << 2), 4);
    let dwpe = m.wpe + m.toGradient;
    for (let r = from; r < to; r++) {
      const dwte = m.wte + m.toGradient + <usize>load<u32>(m.tokens + (<usize>r << 2)) * m.strideC;
      for (let i: usize = 0; i < width; i += 16) {
        const slope = v128.load(dx + i);
        v128.store(dwte + i, f32x4.add(v128.load(dwte + i), slope));
        v128.store(dwpe + i, f32x4.add(v128.load(dwpe + i), slope));
      }
      dwpe += m.strideC;
      dx += m.strideC;
    }
  }
}

/** Logits (R, V) of the rows laid out. */
function forward(rows: i32): void {
  embed(rows, R);
  rmsnorm(R, m.C, m.strideC, m.x, m.xn, m.sEmbed);
  memory.copy(m.x, m.xn, <usize>R * m.strideC);

  let saved = m.saved;
  let weight = m.layersT;
  for (let l = 0; l < m.L; l++) {
    const qkv = saved + m.toQkv;
    const heads = saved + m.toHeads;
    const b = saved + m.toB;
    const hidden = saved + m.toHidden;

    // 1) multi-head attention
    rmsnorm(R, m.C, m.strideC, m.x, saved, saved + m.toSa);
    product(R, 3 * m.A, m.Cp, saved, m.strideC, weight, m.strideQ, qkv, m.strideQ, Finish.STORE, 0);
    let p = saved + m.toP;
    for (let d = 0; d < m.B; d++) {
      const from = load<i32>(m.starts + (<usize>d << 2));
      const n = load<i32>(m.starts + (<usize>d << 2), 4) - from;
      const first = <usize>from;
      attention(n, m.H, m.Dp, m.scale, qkv + first * m.strideQ, m.strideQ, p, heads + first * m.strideA, m.strideA, m.scratchT);
      p += <usize>m.H * weightBytes(n);
    }
    product(R, m.Cp, m.A, heads, m.strideA, weight + m.woT, m.strideC, m.x, m.strideC, Finish.ADD, m.x);

    // 2) MLP
    rmsnorm(R, m.C, m.strideC, m.x, b, saved + m.toSb);
    product(R, m.F, m.Cp, b, m.strideC, weight + m.fc1T, m.strideF, hidden, m.strideF, Finish.RELU, 0);
    product(R, m.Cp, m.F, hidden, m.strideF, weight + m.fc2T, m.strideC, m.x, m.strideC, Finish.ADD, m.x);
    saved += m.savedBytes;
    weight += m.layerBytesT;
  }
  product(R, m.Vp, m.Cp, m.x, m.strideC, m.lmHeadT, m.strideV, m.logits, m.strideV, Finish.STORE, 0);
}

/** What becomes of the gradients: Adam spends them as they come, or they are kept. */
let training = false;

/** The weight w (M, N) from dout (rows, M) and its input (rows, N). Its last use in the step has to lie behind. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function weightGrad(
  M: i32, N: i32, rows: i32, dout: usize, doutStride: usize, x: usize, xStride: usize, w: usize, transposed: usize, toStride: usize,
): void {
  if (training) {
    outerAdam(M, N, rows, dout, doutStride, x, xStride, w, xStride, transposed, toStride, m.toM, m.toV);
  } else {
    outer(M, N, rows, dout, doutStride, x, xStride, w + m.toGradient, xStride);
  }
}

/** All gradients, from dlogits, which lie where the logits were. */
function backward(rows: i32): void {
  product(R, m.Cp, m.Vp, m.logits, m.strideV, m.lmHead, m.strideC, m.dx, m.strideC, Finish.STORE, 0);
  weightGrad(m.Vp, m.Cp, rows, m.logits, m.strideV, m.x, m.strideC, m.lmHead, m.lmHeadT, m.strideV);

  let saved = m.saved + m.savedBytes * (m.L - 1);
  let weight = m.layers + m.layerBytes * (m.L - 1);
  let copy = m.layersT + m.layerBytesT * (m.L - 1);
  for (let l = m.L - 1; l >= 0; l--) {
    const qkv = saved + m.toQkv;
    const heads = saved + m.toHeads;
    const b = saved + m.toB;
    const hidden = saved + m.toHidden;

    product(R, m.F, m.Cp, m.dx, m.strideC, weight + m.fc2, m.strideF, m.dHidden, m.strideF, Finish.GATE, hidden);
    weightGrad(m.Cp, m.F, rows, m.dx, m.strideC, hidden, m.strideF, weight + m.fc2, copy + m.fc2T, m.strideC);
    product(R, m.Cp, m.F, m.dHidden, m.strideF, weight + m.fc1, m.strideC, m.dNormed, m.strideC, Finish.STORE, 0);
    weightGrad(m.F, m.Cp, rows, m.dHidden, m.strideF, b, m.strideC, weight + m.fc1, copy + m.fc1T, m.strideF);
    rmsnormGrad(R, m.C, m.strideC, b, saved + m.toSb, m.dNormed, m.dx, true);

    product(R, m.A, m.Cp, m.dx, m.strideC, weight + m.wo, m.strideA, m.dHeads, m.strideA, Finish.STORE, 0);
    weightGrad(m.Cp, m.A, rows, m.dx, m.strideC, heads, m.strideA, weight + m.wo, copy + m.woT, m.strideC);
    let p = saved + m.toP;
    for (let d = 0; d < m.B; d++) {
      const from = load<i32>(m.starts + (<usize>d << 2));
      const n = load<i32>(m.starts + (<usize>d << 2), 4) - from;
      const q = <usize>from * m.strideQ;
      const dout = m.dHeads + <usize>from * m.strideA;
      attentionGrad(n, m.H, m.Dp, m.scale, qkv + q, m.dQkv + q, m.strideQ, p, dout, m.strideA, m.scratchT, m.scratchP);
      p += <usize>m.H * weightBytes(n);
    }
    product(R, m.Cp, 3 * m.A, m.dQkv, m.strideQ, weight, m.strideC, m.dNormed, m.strideC, Finish.STORE, 0);
    weightGrad(3 * m.A, m.Cp, rows, m.dQkv, m.strideQ, saved, m.strideC, weight, copy, m.strideQ);
    rmsnormGrad(R, m.C, m.strideC, saved, saved + m.toSa, m.dNormed, m.dx, true);
    saved -= m.savedBytes;
    weight -= m.layerBytes;
    copy -= m.layerBytesT;
  }
  rmsnormGrad(R, m.C, m.strideC, m.xn, m.sEmbed, m.dx, m.dx, false);
  embedGrad();
}

function lossAndGradients(index: u32): f64 {
  const rows = layOut(index);
  R = m.padded(rows);
  forward(rows);
  const loss = crossEntropy(rows, m.V, m.strideV, m.logits, m.targets, m.rowWeights);
  backward(rows);
  return loss;
}

/** Loss of step `index`; the gradients are left in memory. */
export function gradients(index: u32): f64 {
  training = false;
  return lossAndGradients(index);
}

/** Steps `first` … `first + k − 1`; their rates (lr_t / c1, c2) lie at `m.rates`, their losses go to `m.losses`. */
export function train(first: u32, k: i32): void {
  training = true;
  for (let i = 0; i < k; i++) {
    const rates = m.rates + (<usize>i << 4);
    beginAdam(load<f64>(rates), load<f64>(rates, 8));
    store<f64>(m.losses + (<usize>i << 3), lossAndGradients(first + i));
    adamTable(m.V, <usize>m.Cp << 2, m.strideC, m.wte, m.toGradient, m.toM, m.toV);
    adamTable(m.T, <usize>m.Cp << 2, m.strideC, m.wpe, m.toGradient, m.toM, m.toV);
  }
}

/** Makes the transposed copies anew: after JavaScript wrote the parameters. */
export function refresh(): void {
  copyTransposed(m.Vp, m.Cp, m.strideC, m.lmHead, m.lmHeadT, m.strideV);
  let w = m.layers;
  let t = m.layersT;
  for (let l = 0; l < m.L; l++) {
    copyTransposed(3 * m.A, m.Cp, m.strideC, w, t, m.strideQ);
    copyTransposed(m.Cp, m.A, m.strideA, w + m.wo, t + m.woT, m.strideC);
    copyTransposed(m.F, m.Cp, m.strideC, w + m.fc1, t + m.fc1T, m.strideF);
    copyTransposed(m.Cp, m.F, m.strideF, w + m.fc2, t + m.fc2T, m.strideC);
    w += m.layerBytes;
    t += m.layerBytesT;
  }
}

function copyTransposed(rows: i32, cols: i32, stride: usize, from: usize, to: usize, toStride: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const value = load<f32>(from + <usize>r * stride + (<usize>c << 2));
      store<f32>(to + <usize>c * toStride + (<usize>r << 2), value);
    }
  }
}
