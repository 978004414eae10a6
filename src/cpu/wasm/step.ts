// Training steps: batch layout, forward, backward, Adam. Rows of all documents lie packed, one after the other.
//
// Threads share a step in two phases. First each takes some of the documents through forward and backward, whose rows do
// not depend on other documents; then, when all rows are done, each makes the gradients of some of the weights from all
// rows, in order, and moves them. So the bits do not depend on the number of threads, and two meetings a step are enough.
//
// Clipping needs all gradients before the first one is spent: they are kept, then their squares summed, then spent, with a
// meeting after each.

import { adamClipped, adamTable, adamTableClipped, beginAdam, beginClip, clips } from './adam';
import { attention, attentionGrad, weightBytes } from './attention';
import { forgetRows } from './decode';
import { crossEntropy, sumLosses } from './loss';
import { Finish, product } from './matmul';
import * as m from './memory';
import { rmsnorm, rmsnormGrad } from './norm';
import { outer, outerAdam } from './outer';
import { IN_PANELS, placeOf } from './panels';
import { sumBlocks, sumSquares } from './squares';
import { meet } from './threads';

/** Rows of the step; this thread's documents and their rows: first, and behind the last. Set by `layOut`. */
let R: i32 = 0;
let firstDocument: i32 = 0;
let endDocument: i32 = 0;
let firstRow: i32 = 0;
let endRow: i32 = 0;

// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function startOf(b: i32): i32 {
  return load<i32>(m.starts + (<usize>b << 2));
}

/** Rows of document `d` of the corpus: its tokens but the last, cut to T. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function rowsOf(d: i32): i32 {
  const at = m.offsets + (<usize>d << 2);
  return min(m.T, <i32>(load<u32>(at, 4) - load<u32>(at)) - 1);
}

/** Work of n rows of one document: products grow as n·C², attention as n²·C. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function costOf(n: i32): u64 {
  return <u64>n * (8 * m.C + n);
}

/**
 * Lays out step `index`, the documents (index·B … index·B + B−1) mod N: where each begins, which are this thread's, and
 * tokens, targets and weights of their rows.
 */
function layOut(index: u32, thread: i32, threads: i32): void {
  const first = <i32>((<u64>index * m.B) % m.N);
  let row = 0;
  let pairs: usize = 0;
  let cost: u64 = 0;
  for (let b = 0, d = first; b < m.B; b++) {
    const n = rowsOf(d);
    store<i32>(m.starts + (<usize>b << 2), row);
    store<usize>(m.pairStarts + (<usize>b << 2), pairs);
    row += n;
    pairs += <usize>m.H * weightBytes(n);
    cost += costOf(n);
    if (++d == m.N) d = 0;
  }
  store<i32>(m.starts + (<usize>m.B << 2), row);
  R = row;

  firstDocument = 0;
  endDocument = m.B;
  if (threads > 1) share(thread, threads, cost);
  firstRow = startOf(firstDocument);
  endRow = startOf(endDocument);

  for (let b = firstDocument; b < endDocument; b++) {
    const from = startOf(b);
    const n = startOf(b + 1) - from;
    const weight = <f32>(1 / (<f64>m.B * n));
    let text = m.corpus + (<usize>load<u32>(m.offsets + (<usize>((first + b) % m.N) << 2)) << 2);
    for (let at = <usize>from << 2; at < <usize>(from + n) << 2; at += 4, text += 4) {
      store<u32>(m.tokens + at, load<u32>(text));
      store<u32>(m.targets + at, load<u32>(text, 4));
      store<f32>(m.rowWeights + at, weight);
    }
  }
}

/** A document is the thread's in whose part of all work its middle lies. */
function share(thread: i32, threads: i32, total: u64): void {
  let before: u64 = 0;
  let b = 0;
  for (let t = 0; t <= thread; t++) {
    firstDocument = b;
    while (b < m.B) {
      const cost = costOf(startOf(b + 1) - startOf(b));
      if ((2 * before + cost) * threads >= 2 * total * (t + 1)) break;
      before += cost;
      b++;
    }
  }
  endDocument = b;
}

/** x = wte[token] + wpe[position]. */
function embed(): void {
  const width = <usize>m.Cp << 2;
  let x = m.xn + <usize>firstRow * m.strideC;
  for (let b = firstDocument; b < endDocument; b++) {
    let wpe = m.wpe;
    for (let r = startOf(b); r < startOf(b + 1); r++) {
      const wte = m.wte + <usize>load<u32>(m.tokens + (<usize>r << 2)) * m.strideC;
      for (let i: usize = 0; i < width; i += 16) {
        v128.store(x + i, f32x4.add(v128.load(wte + i), v128.load(wpe + i)));
      }
      wpe += m.strideC;
      x += m.strideC;
    }
  }
}

/** Logits of this thread's rows. */
function forward(): void {
  const rows = endRow - firstRow;
  const C = <usize>firstRow * m.strideC;
  const A = <usize>firstRow * m.strideA;
  const F = <usize>firstRow * m.strideF;
  const Q = <usize>firstRow * m.strideQ;
  const s = <usize>firstRow << 2;
  const x = m.x + C;
  embed();
  rmsnorm(rows, m.C, m.strideC, m.xn + C, m.xn + C, m.sEmbed + s);
  memory.copy(x, m.xn + C, <usize>rows * m.strideC);

  let saved = m.saved;
  let weight = m.layersT;
  for (let l = 0; l < m.L; l++) {
    const a = saved + C;
    const qkv = saved + m.toQkv;
    const heads = saved + m.toHeads;
    const b = saved + m.toB + C;
    const hidden = saved + m.toHidden + F;

    // 1) multi-head attention
    rmsnorm(rows, m.C, m.strideC, x, a, saved + m.toSa + s);
    product(rows, 3 * m.A, m.Cp, a, m.strideC, weight, IN_PANELS, qkv + Q, m.strideQ, Finish.STORE, 0);
    for (let d = firstDocument; d < endDocument; d++) {
      const from = startOf(d);
      const n = startOf(d + 1) - from;
      const first = <usize>from;
      const p = saved + m.toP + load<usize>(m.pairStarts + (<usize>d << 2));
      attention(n, m.H, m.Dp, m.scale, qkv + first * m.strideQ, m.strideQ, p, heads + first * m.strideA, m.strideA, m.scratchT);
    }
    product(rows, m.Cp, m.A, heads + A, m.strideA, weight + m.wo, IN_PANELS, x, m.strideC, Finish.ADD, x);

    // 2) MLP
    rmsnorm(rows, m.C, m.strideC, x, b, saved + m.toSb + s);
    product(rows, m.F, m.Cp, b, m.strideC, weight + m.fc1, IN_PANELS, hidden, m.strideF, Finish.RELU, 0);
    product(rows, m.Cp, m.F, hidden, m.strideF, weight + m.fc2, IN_PANELS, x, m.strideC, Finish.ADD, x);
    saved += m.savedBytes;
    weight += m.layerBytes;
  }
  const logits = m.logits + <usize>firstRow * m.strideV;
  product(rows, m.Vp, m.Cp, x, m.strideC, m.lmHeadT, IN_PANELS, logits, m.strideV, Finish.STORE, 0);
}

/** Gradients of this thread's activations, from dlogits, which lie where the logits were. */
function backward(): void {
  const rows = endRow - firstRow;
  const C = <usize>firstRow * m.strideC;
  const A = <usize>firstRow * m.strideA;
  const F = <usize>firstRow * m.strideF;
  const Q = <usize>firstRow * m.strideQ;
  const s = <usize>firstRow << 2;
  const normed = m.dNormed + C;

  let saved = m.saved + m.savedBytes * (m.L - 1);
  let slopes = m.slopes + m.slopeBytes * (m.L - 1);
  let weight = m.layers + m.layerBytes * (m.L - 1);
  const logits = m.logits + <usize>firstRow * m.strideV;
  product(rows, m.Cp, m.Vp, logits, m.strideV, m.lmHead, IN_PANELS, slopes + C, m.strideC, Finish.STORE, 0);
  for (let l = m.L - 1; l >= 0; l--) {
    const qkv = saved + m.toQkv;
    const hidden = saved + m.toHidden + F;
    const dx = slopes + C;
    const dHidden = slopes + m.toDHidden + F;
    const middle = slopes + m.toDMiddle + C;
    const dQkv = slopes + m.toDQkv;

    product(rows, m.F, m.Cp, dx, m.strideC, weight + m.fc2, IN_PANELS, dHidden, m.strideF, Finish.GATE, hidden);
    product(rows, m.Cp, m.F, dHidden, m.strideF, weight + m.fc1, IN_PANELS, normed, m.strideC, Finish.STORE, 0);
    rmsnormGrad(rows, m.C, m.strideC, saved + m.toB + C, saved + m.toSb + s, normed, middle, dx);

    product(rows, m.A, m.Cp, middle, m.strideC, weight + m.wo, IN_PANELS, m.dHeads + A, m.strideA, Finish.STORE, 0);
    for (let d = firstDocument; d < endDocument; d++) {
      const from = startOf(d);
      const n = startOf(d + 1) - from;
      const q = <usize>from * m.strideQ;
      const dout = m.dHeads + <usize>from * m.strideA;
      const p = saved + m.toP + load<usize>(m.pairStarts + (<usize>d << 2));
      attentionGrad(n, m.H, m.Dp, m.scale, qkv + q, dQkv + q, m.strideQ, p, dout, m.strideA, m.scratchT, m.scratchP);
    }
    product(rows, m.Cp, 3 * m.A, dQkv + Q, m.strideQ, weight, IN_PANELS, normed, m.strideC, Finish.STORE, 0);
    const below = l > 0 ? slopes - m.slopeBytes + C : m.dEmbed + C;
    rmsnormGrad(rows, m.C, m.strideC, saved + C, saved + m.toSa + s, normed, below, middle);
    saved -= m.savedBytes;
    slopes -= m.slopeBytes;
    weight -= m.layerBytes;
  }
  rmsnormGrad(rows, m.C, m.strideC, m.xn + C, m.sEmbed + s, m.dEmbed + C, m.dEmbed + C, 0);
}

/** What becomes of the gradients of weights: Adam spends them as they come, or they are kept, or Adam spends what was kept. */
const enum Spend { AT_ONCE, NOT, KEPT }
let spend = Spend.NOT;

// Work of the weights in units of 4×4 blocks: that of the matrices before, and from where to where it is this thread's.
let work: i64 = 0;
let workFrom: i64 = 0;
let workTo: i64 = 0;

/** The gradient of this thread's rows of the weight w (M, N), from dout (R, M) and its input (R, N). */
function weightGrad(
  M: i32, N: i32, dout: usize, doutStride: usize, x: usize, xStride: usize, w: usize, transposed: usize,
): void {
  const perBand = <i64>(N >> 2);
  const bands = <i64>(M >> 2);
  const first = <i32>min(bands, max(0, (workFrom - work + perBand - 1) / perBand)) << 2;
  const end = <i32>min(bands, max(0, (workTo - work + perBand - 1) / perBand)) << 2;
  work += bands * perBand;
  if (first >= end) return;
  if (spend == Spend.AT_ONCE) {
    outerAdam(first, end, M, N, R, dout, doutStride, x, xStride, w, transposed, m.toM, m.toV);
  } else if (spend == Spend.KEPT) {
    adamClipped(first, end, M, N, w, transposed, m.toGradient, m.toM, m.toV);
  } else {
    outer(first, end, M, N, R, dout, doutStride, x, xStride, w + m.toGradient, IN_PANELS);
  }
}

/** Gradients of this thread's part of all weights, from all rows. */
function weightGrads(thread: i32, threads: i32): void {
  const C = <i64>(m.Cp >> 2);
  const all = C * (m.Vp >> 2) + m.L * C * ((4 * m.A + 2 * m.F) >> 2);
  work = 0;
  workFrom = (all * thread) / threads;
  workTo = (all * (thread + 1)) / threads;
  weightGrad(m.Vp, m.Cp, m.logits, m.strideV, m.x, m.strideC, m.lmHead, m.lmHeadT);

  let saved = m.saved + m.savedBytes * (m.L - 1);
  let slopes = m.slopes + m.slopeBytes * (m.L - 1);
  let weight = m.layers + m.layerBytes * (m.L - 1);
  let copy = m.layersT + m.layerBytes * (m.L - 1);
  for (let l = m.L - 1; l >= 0; l--) {
    const hidden = saved + m.toHidden;
    const dHidden = slopes + m.toDHidden;
    const dQkv = slopes + m.toDQkv;
    weightGrad(m.Cp, m.F, slopes, m.strideC, hidden, m.strideF, weight + m.fc2, copy + m.fc2);
    weightGrad(m.F, m.Cp, dHidden, m.strideF, saved + m.toB, m.strideC, weight + m.fc1, copy + m.fc1);
    weightGrad(m.Cp, m.A, slopes + m.toDMiddle, m.strideC, saved + m.toHeads, m.strideA, weight + m.wo, copy + m.wo);
    weightGrad(3 * m.A, m.Cp, dQkv, m.strideQ, saved, m.strideC, weight, copy);
    saved -= m.savedBytes;
    slopes -= m.slopeBytes;
    weight -= m.layerBytes;
    copy -= m.layerBytes;
  }
  tableGrads(thread, threads);
}

/** This thread's columns of dwte and dwpe: the gradients of the embedding's rows, document after document. */
function tableGrads(thread: i32, threads: i32): void {
  const quads = m.Cp >> 2;
  const column = <usize>((quads * thread) / threads) << 4;
  const width = (<usize>((quads * (thread + 1)) / threads) << 4) - column;
  const wte = m.wte + column;
  const wpe = m.wpe + column;
  if (spend == Spend.KEPT) {
    adamTableClipped(m.V, width, m.strideC, wte, m.toGradient, m.toM, m.toV);
    adamTableClipped(m.T, width, m.strideC, wpe, m.toGradient, m.toM, m.toV);
    return;
  }
  clear(m.V, width, wte + m.toGradient);
  clear(m.T, width, wpe + m.toGradient);
  let dx = m.dEmbed + column;
  for (let b = 0; b < m.B; b++) {
    let dwpe = wpe + m.toGradient;
    for (let r = startOf(b); r < startOf(b + 1); r++) {
      const dwte = wte + m.toGradient + <usize>load<u32>(m.tokens + (<usize>r << 2)) * m.strideC;
      for (let i: usize = 0; i < width; i += 16) {
        const slope = v128.load(dx + i);
        v128.store(dwte + i, f32x4.add(v128.load(dwte + i), slope));
        v128.store(dwpe + i, f32x4.add(v128.load(dwpe + i), slope));
      }
      dwpe += m.strideC;
      dx += m.strideC;
    }
  }
  if (spend == Spend.NOT) return;
  adamTable(m.V, width, m.strideC, wte, m.toGradient, m.toM, m.toV);
  adamTable(m.T, width, m.strideC, wpe, m.toGradient, m.toM, m.toV);
}

/** Makes `width` bytes of each row of a table 0. */
function clear(rows: i32, width: usize, table: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let i: usize = 0; i < width; i += 16) v128.store(table + i, f32x4.splat(0));
    table += m.strideC;
  }
}

/** Forward, losses of the rows, backward: the first phase of step `index`. */
function activations(index: u32, thread: i32, threads: i32): void {
  layOut(index, thread, threads);
  forward();
  const at = <usize>firstRow << 2;
  const logits = m.logits + <usize>firstRow * m.strideV;
  crossEntropy(
    endRow - firstRow, m.V, m.strideV, logits, m.targets + at, m.rowWeights + at, m.rowLosses + (<usize>firstRow << 3),
  );
  backward();
}

/** Loss of step `index`, without gradients. */
export function loss(index: u32): f64 {
  layOut(index, 0, 1);
  forward();
  crossEntropy(R, m.V, m.strideV, m.logits, m.targets, m.rowWeights, m.rowLosses);
  return sumLosses(R, m.rowLosses);
}

/** Loss of step `index`; the gradients are left in memory. For one thread, while the others do nothing. */
export function gradients(index: u32): f64 {
  spend = Spend.NOT;
  activations(index, 0, 1);
  weightGrads(0, 1);
  return sumLosses(R, m.rowLosses);
}

/**
 * Steps `first` … `first + k − 1`, as `thread` of `threads`, each of which has to call it. Their rates (lr_t / c1, c2) lie
 * at `m.rates`, their losses go to `m.losses`. False where another thread did not come; then the memory is worth nothing.
 */
export function train(first: u32, k: i32, thread: i32, threads: i32): bool {
  const keep = clips();
  spend = Spend.AT_ONCE;
  if (thread == 0) forgetRows();
  for (let i = 0; i < k; i++) {
    activations(first + i, thread, threads);
    if (!meet(threads)) return false;
    const rates = m.rates + (<usize>i << 4);
    beginAdam(load<f64>(rates), load<f64>(rates, 8));
    if (keep) {
      spend = Spend.NOT;
      weightGrads(thread, threads);
      if (!meet(threads)) return false;
      sumBlocks(thread, threads);
      if (!meet(threads)) return false;
      beginClip(sumSquares());
      spend = Spend.KEPT;
    }
    weightGrads(thread, threads);
    if (thread == 0) store<f64>(m.losses + (<usize>i << 3), sumLosses(R, m.rowLosses));
    if (!meet(threads)) return false;
  }
  return true;
}

/** Makes the transposed copies anew: after JavaScript wrote the parameters. */
export function refresh(): void {
  forgetRows();
  copyTransposed(m.Vp, m.Cp, m.lmHead, m.lmHeadT);
  let w = m.layers;
  let t = m.layersT;
  for (let l = 0; l < m.L; l++) {
    copyTransposed(3 * m.A, m.Cp, w, t);
    copyTransposed(m.Cp, m.A, w + m.wo, t + m.wo);
    copyTransposed(m.F, m.Cp, w + m.fc1, t + m.fc1);
    copyTransposed(m.Cp, m.F, w + m.fc2, t + m.fc2);
    w += m.layerBytes;
    t += m.layerBytes;
  }
}

function copyTransposed(rows: i32, columns: i32, from: usize, to: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      store<f32>(to + placeOf(columns, rows, c, r), load<f32>(from + placeOf(rows, columns, r, c)));
    }
  }
}
