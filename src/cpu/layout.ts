// Where everything of one WASM engine lies: parameters and what belongs to them, the corpus, the rows of a step, the programs.

import type { EngineSpec } from '../engine/engine.ts';
import { decodePlan, trainingPlan } from '../model/plans.ts';
import { parameterLayout } from '../model/parameters.ts';
import { softmaxLossRule } from '../ops/softmax-loss.ts';
import { Buffer, encode, operandsOf, sharePlaces } from './instructions.ts';
import type { Instruction } from './instructions.ts';
import { decodePrograms, stepPrograms } from './programs.ts';
import { strideOf, Weights } from './weights.ts';

/** Most steps of one call: what there is room for losses and rates. */
export const CHUNK = 1024;

/** Most numbers that a call of `writeTexts` may use: enough for one document at least. */
export function drawsAtOnce(blockSize: number): number {
  return Math.max(4096, blockSize + 1);
}

/** Where `Field` of src/cpu/wasm/memory.ts lies, behind the kernels' own tables, and where free memory begins. */
export const FIELDS = 8192;
const START = FIELDS + 256;

/** Enough for every size that a CPU trains; beyond 4 GB addresses would wrap around. */
const MOST_BYTES = 3.5e9;

/** A table of what tokens at positions make that does not fit the second cache would save little. */
const MOST_TABLE_BYTES = 2 ** 20;

/** Three tokens of 27: what is kept is asked for again and again, and to make it takes longer than a read from any cache. */
const MOST_BEGINNINGS_BYTES = 2 ** 22;

/** BLOCK of src/cpu/wasm/squares.ts. */
const SQUARES_BLOCK = 4096;

/** Addresses are in bytes. */
export interface Layout {
  readonly bytes: number;
  /** Fields and programs, by address. */
  readonly contents: readonly (readonly [address: number, words: readonly number[]])[];
  readonly weights: Weights;
  /** Of the largest step. */
  readonly rows: number;
  /** What JavaScript reads and writes, and the programs that it runs. */
  readonly at: Readonly<Record<string, number>>;
  /** From a parameter to its gradient and its moments. */
  readonly toGradient: number;
  readonly toM: number;
  readonly toV: number;
}

/** Null where there is not enough memory. Throws LoweringError where the kernels have no instruction for an op. */
export function layOut(spec: EngineSpec, threads: number): Layout | null {
  const { training, documents, model } = spec;
  const { count, offsets, tokens } = documents;
  const { blockSize: T, vocabSize: V } = model;
  const B = training.batchSize;
  const { rows, longest, pairs } = sizesOf(spec);
  const parameters = parameterLayout(model);
  const corpus = { length: offsets.length + tokens.length, documents: count };
  const plan = trainingPlan(model, training, parameters, corpus, [softmaxLossRule]);
  const planOfDecoding = decodePlan(model, parameters);
  const weights = new Weights(parameters, [plan, planOfDecoding]);

  let end = START;
  const take = (bytes: number) => (end += lines(bytes)) - lines(bytes);
  const placed = new Set<Buffer>();
  const place = (buffer: Buffer, address = take(buffer.bytes)) => {
    placed.add(buffer);
    return (buffer.address = address);
  };
  /** Places what a program works on. */
  const placeAll = (program: readonly Instruction[]) => {
    const hosts = sharePlaces(program, placed);
    for (const host of new Set(hosts.values())) place(host);
    for (const [buffer, host] of hosts) place(buffer, host.address);
    for (const { buffer } of program.flatMap(operandsOf)) if (!placed.has(buffer)) place(buffer);
  };

  for (const { value } of weights.matrices) place(value);
  const parameterBytes = end - START;
  const [toGradient, toM, toV] = [0, 1, 2].map(() => take(parameterBytes) - START);
  for (const { value, gradient } of weights.matrices) place(gradient, value.address + toGradient);
  for (const { transposed } of weights.matrices) place(transposed);

  const ofRows = [4, 4, 4, 4, 8].map((bytes) => new Buffer(bytes * rows));
  const given = {
    tokens: ofRows[0],
    targets: ofRows[1],
    positions: ofRows[2],
    weights: ofRows[3],
    losses: ofRows[4],
  };
  const losses = new Buffer(8 * CHUNK);
  const squares = new Buffer(8 * Math.ceil(parameterBytes / SQUARES_BLOCK));
  const step = stepPrograms(plan, weights, given, { rows, pairs }, { squares, losses });
  placeAll(step.step);
  placeAll(step.gradients);
  const each = [
    4 * (B + 1),
    4 * (B + 1),
    step.headWidth * strideOf(Math.max(longest, T)),
    longest * strideOf(longest),
  ];
  const own = end;
  const ofThread = each.map(take);
  const ownBytes = end - own;
  take((threads - 1) * ownBytes);

  const [token, position] = [new Buffer(4), new Buffer(4)];
  const decode = decodePrograms(planOfDecoding, weights, { token, position });
  const prefixRows = end;
  for (const buffer of decode.between) place(buffer);
  const prefixBytes = end - prefixRows;
  placeAll([...decode.prefix, ...decode.rest]);
  const known = V * T * prefixBytes <= MOST_TABLE_BYTES ? V * T : 0;
  const logitsBytes = strideOf(V);
  const beginnings = known > 0 && decode.cache ? countBeginnings(V, T, logitsBytes) : 0;

  const contents: [number, number[]][] = [];
  const program = (instructions: readonly Instruction[] = []) => {
    const words = encode(instructions);
    contents.push([take(4 * words.length), words]);
    return contents.at(-1)![0];
  };
  const draws = drawsAtOnce(T);
  const at = {
    offsets: take(4 * offsets.length),
    corpus: take(4 * tokens.length),
    rates: take(16 * CHUNK),
    losses: losses.address,
    logits: decode.logits.address,
    texts: take(4 * draws),
    uniforms: take(8 * draws),
    loss: program(step.loss),
    gradients: program(step.gradients),
    refresh: program(step.refresh),
  };
  // prettier-ignore
  const fields = [
    B, count, T, V, step.rowCost, at.offsets, at.corpus, at.rates, at.losses, ...ofRows.map(({ address }) => address),
    START, parameterBytes, toGradient, toM, toV, squares.address, take(128), ownBytes, ...ofThread,
    ...[step.step, decode.prefix, decode.rest, decode.cache].map(program),
    token.address, position.address, at.logits, logitsBytes, prefixRows, prefixBytes,
    take(known * prefixBytes), take(known), known, at.texts, at.uniforms, take(logitsBytes), take(logitsBytes),
    take(beginnings * logitsBytes), take(beginnings), beginnings, take(4 * T),
  ];
  contents.push([FIELDS, fields]);
  return end > MOST_BYTES ? null : { bytes: end, contents, weights, rows, at, toGradient, toM, toV };
}

/** Whole lines of the cache. */
function lines(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Of all lengths that fit. */
function countBeginnings(V: number, T: number, logitsBytes: number): number {
  const most = Math.floor(MOST_BEGINNINGS_BYTES / logitsBytes);
  let count = 0;
  for (let length = 1; length < T && (count + 1) * V <= most; length++) count = (count + 1) * V;
  return count;
}

/** Rows of the largest step and of the longest document, and the most bytes of attention weights of a head in a step. */
function sizesOf({ model, training, documents }: EngineSpec): {
  rows: number;
  longest: number;
  pairs: number;
} {
  const { count, offsets } = documents;
  const rowsOf = (document: number) =>
    Math.min(model.blockSize, offsets[document + 1] - offsets[document] - 1);
  let longest = 0;
  for (let d = 0; d < count; d++) longest = Math.max(longest, rowsOf(d));
  const strides = Array.from({ length: longest + 1 }, (_, n) => n * strideOf(n));
  const B = training.batchSize;
  return {
    rows: largestWindow(rowsOf, count, B),
    longest,
    pairs: largestWindow((document) => strides[rowsOf(document)], count, B),
  };
}

/** The largest sum of `size` over B documents in a row, the first one following the last. */
function largestWindow(size: (document: number) => number, count: number, B: number): number {
  let all = 0;
  for (let d = 0; d < count; d++) all += size(d);
  const rest = B % count;
  let window = 0;
  for (let d = 0; d < rest; d++) window += size(d);
  let largest = window;
  for (let d = 0; d < count; d++) {
    window += size((d + rest) % count) - size(d);
    largest = Math.max(largest, window);
  }
  return Math.floor(B / count) * all + largest;
}
