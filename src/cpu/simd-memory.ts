// The memory of one WASM engine: sizes from the corpus, and parameters in and out of the padded layout.

import type { EngineSpec } from '../engine/engine.ts';
import type { ModelConfig } from '../config/config.ts';
import { epsilonInF32 } from '../ops/adam.ts';
import { countParameters, parameterSpecs } from '../model/parameters.ts';
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
    ['configureAdam', beta1, beta2, epsilonInF32(eps), clip],
  ];
  kernels.layOutMemory(...sizes, 0, threads);
  kernels.configureAdam(beta1, beta2, epsilonInF32(eps), clip);
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

/** Weights lie in panels of so many columns, see src/cpu/wasm/panels.ts. */
const PANEL = 16;

/** Copies lists of parameters in microgpt.py's order into the engine's memory and out of it. */
export class ParameterCopier {
  readonly #kernels: Kernels;
  readonly #model: ModelConfig;
  readonly #floats: Float32Array;

  constructor({ kernels, memory }: SimdMemory, model: ModelConfig) {
    this.#kernels = kernels;
    this.#model = model;
    this.#floats = new Float32Array(memory.buffer);
  }

  /** `distance`: bytes from the parameters to the region that is meant. */
  write(flat: FloatArray, distance = 0): void {
    this.#forEachPiece((from, at, length) => {
      const to = at + distance / 4;
      for (let i = 0; i < length; i++) this.#floats[to + i] = flat[from + i];
    });
  }

  read(distance = 0): Float32Array {
    const flat = new Float32Array(countParameters(this.#model));
    this.#forEachPiece((to, at, length) => {
      const from = at + distance / 4;
      for (let i = 0; i < length; i++) flat[to + i] = this.#floats[from + i];
    });
    return flat;
  }

  /**
   * Pieces of rows that lie together in the flat list and in the memory: where in each, in elements, and how long. Heads are
   * padded to a multiple of 4 channels: rows of wq, wk, wv and columns of wo.
   */
  #forEachPiece(visit: (flat: number, at: number, length: number) => void): void {
    const D = this.#model.nEmbd / this.#model.nHead;
    const padded = Math.ceil(D / 4) * 4;
    const inHeads = (channel: number) => Math.floor(channel / D) * padded + (channel % D);
    for (const [index, { name, shape, offset }] of parameterSpecs(this.#model).entries()) {
      const [rows, columns] = shape;
      const headRows = padded !== D && /attn_w[qkv]$/.test(name);
      const headColumns = padded !== D && name.endsWith('attn_wo');
      for (let row = 0; row < rows; row++) {
        const place = headRows ? inHeads(row) : row;
        for (let column = 0; column < columns;) {
          const at = headColumns ? inHeads(column) : column;
          const together = Math.min(PANEL - (at % PANEL), headColumns ? D - (column % D) : columns);
          const length = Math.min(together, columns - column);
          const address = this.#kernels.parameterAt(index, place, at) >>> 0;
          visit(offset + row * columns + column, address / 4, length);
          column += length;
        }
      }
    }
  }
}
