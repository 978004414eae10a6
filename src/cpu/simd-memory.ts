// The memory of one WASM engine: sizes from the corpus, and parameters in and out of the padded layout.

import type { EngineSpec } from '../engine.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterSpecs } from '../model/parameters.ts';
import type { FloatArray } from '../util/arrays.ts';
import { createMemory, instantiate, kernelModule, REGION } from './kernels.ts';
import type { Kernels, Sharing, SimdBuild } from './kernels.ts';
import type { Call } from './workers.ts';

/** Most steps of one call: what there is room for losses and rates. */
export const CHUNK = 1024;

/** Most numbers that a call of `writeTexts` may use: enough for one document at least. */
export function drawsAtOnce(blockSize: number): number {
  return Math.max(4096, blockSize + 1);
}

/** Arguments of `layOutMemory` but the last two, thread and threads. */
type Sizes = Parameters<Kernels['layOutMemory']> extends [...infer S, number, number] ? S : never;

export interface SimdMemory {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The calls that prepare the instance of `thread`. */
  prepare(thread: number): Call[];
  /** The instance of this thread, prepared. */
  readonly kernels: Kernels;
  /** Of the largest step. */
  readonly rows: number;
}

/** Makes the memory for `threads` threads and copies the corpus. Null where there is not enough. */
export function createSimdMemory(
  spec: EngineSpec,
  build: SimdBuild,
  threads: number,
  sharing: Sharing = threads > 1 ? 'shared' : 'own',
): SimdMemory | null {
  const module = kernelModule(build, sharing)!;
  const planner = instantiate(module, createMemory(1, sharing)!);
  const sizes = sizesOf(planner, spec);
  if (sizes === null) return null;
  const bytes = planner.layOutMemory(...sizes, 0, threads);
  const memory = bytes === 0 ? null : createMemory(bytes >>> 0, sharing);
  if (memory === null) return null;

  const kernels = instantiate(module, memory);
  const { beta1, beta2, eps, clip } = spec.training;
  const prepare = (thread: number): Call[] => [
    ['layOutMemory', ...sizes, thread, threads],
    ['configureAdam', beta1, beta2, eps, clip],
  ];
  kernels.layOutMemory(...sizes, 0, threads);
  kernels.configureAdam(beta1, beta2, eps, clip);
  const { offsets, tokens } = spec.documents;
  new Uint32Array(memory.buffer, kernels.address(REGION.offsets), offsets.length).set(offsets);
  new Uint32Array(memory.buffer, kernels.address(REGION.corpus), tokens.length).set(tokens);
  return { module, memory, prepare, kernels, rows: sizes[8] };
}

function sizesOf(kernels: Kernels, { model, training, documents }: EngineSpec): Sizes | null {
  const { count, offsets, tokens } = documents;
  const rowsOf = (document: number) =>
    Math.min(model.blockSize, offsets[document + 1] - offsets[document] - 1);
  const bytesOf = (document: number) => kernels.pairBytes(rowsOf(document));
  let longest = 0;
  for (let d = 0; d < count; d++) longest = Math.max(longest, rowsOf(d));
  const B = training.batchSize;
  const rows = largestWindow(rowsOf, count, B);
  const pairs = largestWindow(bytesOf, count, B);
  if (Math.max(rows, pairs) > 2 ** 31 - 1) return null;
  const { nLayer, nEmbd, nHead, blockSize, vocabSize } = model;
  return [
    nLayer,
    nEmbd,
    nHead,
    blockSize,
    vocabSize,
    B,
    count,
    tokens.length,
    rows,
    longest,
    pairs,
    CHUNK,
    drawsAtOnce(blockSize),
  ];
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

/** A piece of a row that lies in one piece both in the flat list and in the engine's memory. */
interface Piece {
  /** In the flat list, in elements. */
  readonly flat: number;
  /** In the memory, in elements. */
  readonly at: number;
  readonly length: number;
}

/** Copies lists of parameters in microgpt.py's order into the engine's memory and out of it. */
export class ParameterCopier {
  private readonly pieces: Piece[];
  private readonly count: number;
  private readonly floats: Float32Array;

  constructor({ kernels, memory }: SimdMemory, model: ModelConfig) {
    this.pieces = piecesOf(kernels, model);
    this.count = this.pieces.reduce((sum, { length }) => sum + length, 0);
    this.floats = new Float32Array(memory.buffer);
  }

  /** `distance`: bytes from the parameters to the region that is meant. */
  write(flat: FloatArray, distance = 0): void {
    for (const { flat: from, at, length } of this.pieces) {
      this.floats.set(flat.subarray(from, from + length), at + distance / 4);
    }
  }

  read(distance = 0): Float32Array {
    const flat = new Float32Array(this.count);
    for (const { flat: to, at, length } of this.pieces) {
      const from = at + distance / 4;
      flat.set(this.floats.subarray(from, from + length), to);
    }
    return flat;
  }
}

/** Heads are padded to a multiple of 4 channels: rows of wq, wk, wv and columns of wo. */
function piecesOf(kernels: Kernels, model: ModelConfig): Piece[] {
  const D = model.nEmbd / model.nHead;
  const padded = Math.ceil(D / 4) * 4;
  const inHeads = (channel: number) => Math.floor(channel / D) * padded + (channel % D);
  return parameterSpecs(model).flatMap(({ name, shape, offset }, index) => {
    const [rows, columns] = shape;
    const start = kernels.matrixAt(index) / 4;
    const stride = kernels.matrixStride(index) / 4;
    const headRows = /attn_w[qkv]$/.test(name);
    const length = name.endsWith('attn_wo') && padded !== D ? D : columns;
    const pieces: Piece[] = [];
    for (let row = 0; row < rows; row++) {
      const rowStart = start + (headRows ? inHeads(row) : row) * stride;
      for (let column = 0; column < columns; column += length) {
        const at = rowStart + (length === columns ? column : inHeads(column));
        pieces.push({ flat: offset + row * columns + column, at, length });
      }
    }
    return pieces;
  });
}
