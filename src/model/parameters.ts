// The parameters of the model: names and shapes in microgpt.py's order, and their initial values.

import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import { DEFAULT_TRAINING, type ModelConfig } from './config.ts';

/** One parameter matrix, [out, in] as in microgpt.py, inside the flat list of all parameters. */
export interface ParameterSpec {
  /** microgpt.py's key in state_dict, such as `layer0.attn_wq`. */
  readonly name: string;
  readonly shape: readonly [number, number];
  /** Where it starts in the flat list, in elements. */
  readonly offset: number;
  readonly size: number;
}

/** Every parameter of `config`, in the order of microgpt.py's `params`. */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  const { nLayer, nEmbd: C, blockSize: T, vocabSize: V } = config;
  const specs: ParameterSpec[] = [];
  let offset = 0;
  const add = (name: string, out: number, inner: number) => {
    specs.push({ name, shape: [out, inner], offset, size: out * inner });
    offset += out * inner;
  };
  add('wte', V, C);
  add('wpe', T, C);
  add('lm_head', V, C);
  for (let i = 0; i < nLayer; i++) {
    add(`layer${i}.attn_wq`, C, C);
    add(`layer${i}.attn_wk`, C, C);
    add(`layer${i}.attn_wv`, C, C);
    add(`layer${i}.attn_wo`, C, C);
    add(`layer${i}.mlp_fc1`, 4 * C, C);
    add(`layer${i}.mlp_fc2`, C, 4 * C);
  }
  return specs;
}

export function countParameters(config: ModelConfig): number {
  const { nLayer, nEmbd: C, blockSize: T, vocabSize: V } = config;
  return (2 * V + T) * C + nLayer * 12 * C * C;
}

/** Initial values, Gaussian with the standard deviation `scale`, drawn in microgpt.py's order. */
export function initParameters(
  config: ModelConfig,
  random: PythonRandom,
  scale = DEFAULT_TRAINING.initScale,
): Float64Array {
  const values = new Float64Array(countParameters(config));
  for (let i = 0; i < values.length; i++) values[i] = random.gauss(0, scale);
  return values;
}

/** Offsets in device buffers are multiples of this many elements: 256 bytes, WebGPU's default alignment. */
const ALIGNMENT = 64;

/** How the parameters lie in an engine's buffers: microgpt.py's order, each matrix aligned. */
export interface ParameterLayout {
  readonly specs: readonly ParameterSpec[];
  /** Offset of each matrix, in elements; padding between them stays 0. */
  readonly offsets: readonly number[];
  /** Elements of a whole buffer. */
  readonly length: number;
}

/** `specs`: of another model than microgpt.py's. */
export function parameterLayout(config: ModelConfig, specs = parameterSpecs(config)): ParameterLayout {
  let length = 0;
  const offsets = specs.map((spec) => {
    const offset = length;
    length += Math.ceil(spec.size / ALIGNMENT) * ALIGNMENT;
    return offset;
  });
  return { specs, offsets, length };
}

/** Copies a flat list of parameters (or gradients, or moments) into an engine's buffer. */
export function scatterParameters(layout: ParameterLayout, flat: FloatArray, buffer: FloatArray): void {
  layout.specs.forEach(({ offset, size }, i) => {
    buffer.set(flat.subarray(offset, offset + size), layout.offsets[i]);
  });
}

/** The flat list in microgpt.py's order, from an engine's buffer. */
export function gatherParameters(layout: ParameterLayout, buffer: FloatArray, flat: FloatArray): void {
  layout.specs.forEach(({ offset, size }, i) => {
    const start = layout.offsets[i];
    flat.set(buffer.subarray(start, start + size), offset);
  });
}
