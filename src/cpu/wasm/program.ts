// Runs programs: lists of instructions, each a word (its code and its length in bytes) and its arguments, u32 all of them. The kernels
// do the work; each function here unpacks the arguments of one instruction, which are listed above it. An operand is its address and its
// stride, unless it has that of another. src/cpu/instructions.ts has the codes in the same order.
//
// Instructions on rows do the rows of this thread's documents, which do not depend on others. Instructions that sum over rows stand
// behind a meeting of the threads, and each thread does its part of them, over all rows in order. So the bits do not depend on the
// number of threads.

import { adamKept, adamTable, beginAdam, beginClip } from './adam';
import { attention, attentionGrad } from './attention';
import { endDocument, firstDocument, firstRow, layOut, nextDocuments, oneRow, R, rows, startOf } from './batch';
import { attend, forgetRows, remember } from './decode';
import { elements, gather, scatter } from './elements';
import { crossEntropy, sumLosses } from './loss';
import { Finish, product } from './matmul';
import { Field, get, padded, pairStarts, scratchP, scratchT } from './memory';
import { affineNorm, affineNormGrad, rmsnorm, rmsnormGrad } from './norm';
import { outer, outerAdam } from './outer';
import { IN_PANELS, placeOf } from './panels';
import { rowProduct } from './row';
import { sumBlocks, sumSquares } from './squares';
import { meet } from './threads';

/** This thread, and how many share the step. */
let thread: i32 = 0;
let threads: i32 = 1;
/** The number of the step, and where its loss is to go. */
let index: u32 = 0;
let lossAt: usize = 0;
/** Work on weights in units of 4×4 blocks: from where to where it is this thread's. */
let workFrom: i64 = 0;
let workTo: i64 = 0;

/** By code, from 1 on. Calls through a table are not inlined: V8 makes poor code of one large function. */
const INSTRUCTIONS: StaticArray<(at: usize) => void> = [
  batch, share, doGather, doElements, doNorm, doNormGrad, doProduct, doRowProduct, doAttention, doCrossEntropy, doRemember, doAttend,
  doWeight, doScatter, doTable, doSum, doSquares, doClip, doLoss, doTranspose, doAffineNorm, doAffineNormGrad,
];
const MEET: u32 = INSTRUCTIONS.length + 1;
/** Jumps back by so many bytes while the thread has more documents. */
const AGAIN: u32 = MEET + 1;

// They are the first functions of the module's table, so that `run` need not look there for where they are.
for (let i = 0; i < INSTRUCTIONS.length; i++) if (INSTRUCTIONS[i].index != i + 1) unreachable();

/** False where another thread did not come to a meeting. */
function run(at: usize): bool {
  for (let word = load<u32>(at); word != 0; word = load<u32>(at)) {
    const code = word & 255;
    if (code < MEET) call_indirect<void>(code, at + 4);
    else if (code == MEET && !meet(threads)) return false;
    at += word >>> 8;
    if (code == AGAIN && nextDocuments()) at -= load<u32>(at - 4);
  }
  return true;
}

function word(at: usize, i: usize): usize {
  return load<u32>(at + (i << 2));
}

function size(at: usize, i: usize): i32 {
  return load<i32>(at + (i << 2));
}

/** The thread's first row of the operand whose address is word `i`, with the stride that is word `s`. */
function own(at: usize, i: usize, s: usize): usize {
  return word(at, i) + firstRow * word(at, s);
}

// --- rows of this thread's documents ------------------------------------------------------------------------

function batch(_at: usize): void {
  layOut(index, thread, threads);
}

/** width, adds, table, rows of the table, its stride, ids, out */
function doGather(at: usize): void {
  const ids = word(at, 5) + (firstRow << 2);
  gather(rows, word(at, 0), size(at, 1) != 0, word(at, 2), size(at, 3), word(at, 4), ids, own(at, 6, 7), word(at, 7));
}

/** finish, width, from, other, to */
function doElements(at: usize): void {
  const other = own(at, 4, 5);
  elements(size(at, 0), rows, word(at, 1), own(at, 2, 3), word(at, 3), other, word(at, 5), own(at, 6, 7), word(at, 7));
}

/** C, width, factors, x, out (of its stride) */
function doNorm(at: usize): void {
  const factors = word(at, 2) + (firstRow << 2);
  rmsnorm(rows, size(at, 0), word(at, 1), word(at, 4), own(at, 3, 4), own(at, 5, 4), factors);
}

/** C, width, factors, out, dout, dx, residual or 0 (of its stride) */
function doNormGrad(at: usize): void {
  const factors = word(at, 2) + (firstRow << 2);
  const residual: usize = word(at, 7) == 0 ? 0 : own(at, 7, 4);
  rmsnormGrad(rows, size(at, 0), word(at, 1), word(at, 4), own(at, 3, 4), factors, own(at, 5, 4), own(at, 6, 4), residual);
}

/** C, width, stats, x, out (of its stride), weight, bias */
function doAffineNorm(at: usize): void {
  const stats = word(at, 2) + (firstRow << 3);
  affineNorm(rows, size(at, 0), word(at, 1), word(at, 4), own(at, 3, 4), own(at, 5, 4), stats, word(at, 6), word(at, 7));
}

/** C, width, stats, x, dout, dx, products (of its stride), weight */
function doAffineNormGrad(at: usize): void {
  const stats = word(at, 2) + (firstRow << 3);
  const dout = own(at, 5, 4);
  const dx = own(at, 6, 4);
  affineNormGrad(rows, size(at, 0), word(at, 1), word(at, 4), own(at, 3, 4), stats, dout, dx, own(at, 7, 4), word(at, 8));
}

/** N, K, a, b (in panels, no stride), c, finish, other (of the stride of c) */
function doProduct(at: usize): void {
  const c = own(at, 5, 6);
  const other = own(at, 8, 6);
  product(rows, size(at, 0), size(at, 1), own(at, 2, 3), word(at, 3), word(at, 4), IN_PANELS, c, word(at, 6), size(at, 7), other);
}

/** The same with one row. */
function doRowProduct(at: usize): void {
  rowProduct(size(at, 0), size(at, 1), word(at, 2), word(at, 4), word(at, 5), size(at, 7), word(at, 8));
}

/** Scores are divided by √D. */
function scaleOf(D: i32): f32 {
  return 1 / sqrt<f32>(<f32>D);
}

/** H, D, p (no stride), q|k|v, out, 0; or q|k|v, dout, dq|dk|dv (of the stride of q|k|v) */
function doAttention(at: usize): void {
  const H = size(at, 0);
  const D = size(at, 1);
  const Dp = padded(D);
  const stride = word(at, 4);
  const outStride = word(at, 6);
  const dqkv = word(at, 7);
  for (let d = firstDocument; d < endDocument; d++) {
    const from = <usize>startOf(d);
    const n = startOf(d + 1) - <i32>from;
    const p = word(at, 2) + <usize>H * load<usize>(pairStarts + (<usize>d << 2));
    const qkv = word(at, 3) + from * stride;
    const out = word(at, 5) + from * outStride;
    if (dqkv == 0) attention(n, H, Dp, scaleOf(D), qkv, stride, p, out, outStride, scratchT);
    else attentionGrad(n, H, Dp, scaleOf(D), qkv, dqkv + from * stride, stride, p, out, outStride, scratchT, scratchP);
  }
}

/** V, logits */
function doCrossEntropy(at: usize): void {
  const toRow = firstRow << 2;
  const losses = get(Field.rowLosses) + (firstRow << 3);
  const weights = get(Field.rowWeights) + toRow;
  crossEntropy(rows, size(at, 0), word(at, 2), own(at, 1, 2), get(Field.targets) + toRow, weights, losses);
}

/** H, D, keys, values, k, v (no stride) */
function doRemember(at: usize): void {
  const A = size(at, 0) * padded(size(at, 1));
  remember(A, word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6), word(at, 7));
}

/** H, D, keys, values, q, out (no stride) */
function doAttend(at: usize): void {
  const D = size(at, 1);
  attend(size(at, 0), padded(D), scaleOf(D), word(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6), word(at, 7));
}

// --- sums over all rows, shared among the threads -----------------------------------------------------------

/** The work of all weights until the next meeting. */
function share(at: usize): void {
  const all = <i64>word(at, 0);
  workFrom = (all * thread) / threads;
  workTo = (all * (thread + 1)) / threads;
}

/** The first row of a matrix (M, N) that begins at or behind the block `work`, which counts from its beginning. */
function bandAt(work: i64, M: i32, N: i32): i32 {
  const perBand = <i64>(N >> 2);
  return <i32>min(<i64>(M >> 2), max(0, (work + perBand - 1) / perBand)) << 2;
}

/** What becomes of the gradient of a weight: Adam spends it as it comes, or it is kept, or Adam spends what was kept. */
const enum Spend { AT_ONCE, NOT, KEPT }

/** work before, how it is spent, M, N, w or its gradient, the transposed copy of w (no strides), dout (R, M), x (R, N) */
function doWeight(at: usize): void {
  const before = <i64>word(at, 0);
  const spend = word(at, 1);
  const M = size(at, 2);
  const N = size(at, 3);
  const w = word(at, 4);
  const transposed = word(at, 5);
  const first = bandAt(workFrom - before, M, N);
  const end = bandAt(workTo - before, M, N);
  if (first >= end) return;
  const toM = get(Field.toM);
  const toV = get(Field.toV);
  if (spend == Spend.AT_ONCE) {
    outerAdam(first, end, M, N, R, word(at, 6), word(at, 7), word(at, 8), word(at, 9), w, transposed, toM, toV);
  } else if (spend == Spend.NOT) {
    outer(first, end, M, N, R, word(at, 6), word(at, 7), word(at, 8), word(at, 9), w, IN_PANELS);
  } else {
    adamKept(first, end, M, N, w, transposed, get(Field.toGradient), toM, toV);
  }
}

/** The first byte of a thread's part of `width` bytes. */
function partOf(width: usize, part: i32): usize {
  return <usize>((<u64>(width >>> 4) * part) / threads) << 4;
}

/** width, gradient of the table, rows of the table, its stride, ids, dout: this thread's columns */
function doScatter(at: usize): void {
  const width = word(at, 0);
  const end = partOf(width, thread + 1);
  scatter(R, width, partOf(width, thread), end, word(at, 1), size(at, 2), word(at, 3), word(at, 4), word(at, 5), word(at, 6));
}

/** width, table, rows of the table, its stride: Adam spends what was kept of this thread's columns. */
function doTable(at: usize): void {
  const first = partOf(word(at, 0), thread);
  const width = partOf(word(at, 0), thread + 1) - first;
  const w = word(at, 1) + first;
  adamTable(size(at, 2), width, word(at, 3), w, get(Field.toGradient), get(Field.toM), get(Field.toV));
}

/** bytes, a, b: this thread's part of a + b in the place of a */
function doSum(at: usize): void {
  const first = partOf(word(at, 0), thread);
  const width = partOf(word(at, 0), thread + 1) - first;
  const a = word(at, 1) + first;
  elements(Finish.ADD, 1, width, a, 0, word(at, 2) + first, 0, a, 0);
}

function doSquares(_at: usize): void {
  sumBlocks(thread, threads);
}

function doClip(_at: usize): void {
  beginClip(sumSquares());
}

function doLoss(_at: usize): void {
  if (thread == 0) store<f64>(lossAt, sumLosses(R, get(Field.rowLosses)));
}

/** M, N, w, its transposed copy: after JavaScript wrote the parameters */
function doTranspose(at: usize): void {
  const M = size(at, 0);
  const N = size(at, 1);
  for (let r = 0; r < M; r++) {
    for (let c = 0; c < N; c++) {
      store<f32>(word(at, 3) + placeOf(N, M, c, r), load<f32>(word(at, 2) + placeOf(M, N, r, c)));
    }
  }
}

// --- whole programs -----------------------------------------------------------------------------------------

/** Runs a program of decoding. */
export function runRow(program: usize): void {
  oneRow();
  run(program);
}

/** Runs a program of step `step`, if it is about one, on this thread alone. Gives its loss, if it has one. */
export function runAlone(program: usize, step: u32): f64 {
  forgetRows();
  thread = 0;
  threads = 1;
  index = step;
  lossAt = get(Field.losses);
  run(program);
  return load<f64>(lossAt);
}

/**
 * Steps `first` … `first + k − 1`, as `part` of `parts` threads, each of which has to call it. Their rates (lr_t / c1, c2) lie
 * at `rates`, their losses go to `losses`. False where another thread did not come; then the memory is worth nothing.
 */
export function train(first: u32, k: i32, part: i32, parts: i32): bool {
  thread = part;
  threads = parts;
  if (thread == 0) forgetRows();
  for (let i = 0; i < k; i++) {
    index = first + i;
    lossAt = get(Field.losses) + (<usize>i << 3);
    const rates = get(Field.rates) + (<usize>i << 4);
    beginAdam(load<f64>(rates), load<f64>(rates, 8));
    if (!run(get(Field.step))) return false;
  }
  return true;
}
