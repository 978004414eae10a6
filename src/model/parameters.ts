// The parameters of a model, where they lie, and their initial values.

import { sizeOf } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import type { Model, ParameterShape } from './architecture.ts';
import { DEFAULT_TRAINING, type ModelConfig } from '../config/config.ts';

/** A parameter inside the flat list of all parameters. */
export interface ParameterSpec extends ParameterShape {
  /** Where it starts in the flat list, in elements. */
  readonly offset: number;
  readonly size: number;
}

/** microgpt.py's `params`, in its order; what the other settings add stands behind the matrix or before the part that it belongs to. */
export function gptParameters(config: ModelConfig): ParameterShape[] {
  const { nLayer, nEmbd: C, blockSize: T, vocabSize: V } = config;
  const norm = (name: string): ParameterShape[] =>
    config.norm === 'layernorm'
      ? [
          { name: `${name}.weight`, shape: [C], initial: 1 },
          { name: `${name}.bias`, shape: [C], initial: 0 },
        ]
      : [];
  const linear = (name: string, out: number, inner: number): ParameterShape[] => [
    { name, shape: [out, inner] },
    ...(config.bias ? [{ name: `${name}.bias`, shape: [out], initial: 0 } as const] : []),
  ];
  const layer = (i: number): ParameterShape[] => [
    ...norm(`layer${i}.attn_norm`),
    ...linear(`layer${i}.attn_wq`, C, C),
    ...linear(`layer${i}.attn_wk`, C, C),
    ...linear(`layer${i}.attn_wv`, C, C),
    ...linear(`layer${i}.attn_wo`, C, C),
    ...norm(`layer${i}.mlp_norm`),
    ...linear(`layer${i}.mlp_fc1`, 4 * C, C),
    ...linear(`layer${i}.mlp_fc2`, C, 4 * C),
  ];
  return [
    { name: 'wte', shape: [V, C] },
    { name: 'wpe', shape: [T, C] },
    ...(config.tie ? [] : [{ name: 'lm_head', shape: [V, C] }]),
    ...Array.from({ length: nLayer }, (_, i) => layer(i)).flat(),
    ...norm('final_norm'),
  ];
}

function shapesOf(model: Model): readonly ParameterShape[] {
  return (model.architecture?.parameters ?? gptParameters)(model);
}

/** Every parameter of `model`, in order: of the GPT, microgpt.py's. */
export function parameterSpecs(model: Model): ParameterSpec[] {
  let offset = 0;
  return shapesOf(model).map((spec) => {
    const size = sizeOf(spec.shape);
    offset += size;
    return { ...spec, offset: offset - size, size };
  });
}

/** The indices of element `i` of a matrix or a vector. */
export function placeIn(shape: readonly number[], i: number): number[] {
  return shape.length === 1 ? [i] : [Math.floor(i / shape[1]), i % shape[1]];
}

/** The number of all elements. Quick for any number of layers, which are all alike. */
export function countParameters(model: Model): number {
  const count = (nLayer: number) =>
    shapesOf({ ...model, nLayer }).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const one = count(1);
  return one + (model.nLayer - 1) * (count(2) - one);
}

/** Initial values: matrices Gaussian with the standard deviation `scale`, drawn in microgpt.py's order. */
export function initParameters(
  model: Model,
  random: PythonRandom,
  scale = DEFAULT_TRAINING.initScale,
): Float64Array {
  const values = new Float64Array(countParameters(model));
  for (const { offset, size, initial } of parameterSpecs(model)) {
    for (let i = offset; i < offset + size; i++) values[i] = initial ?? random.gauss(0, scale);
  }
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

export function parameterLayout(model: Model): ParameterLayout {
  const specs = parameterSpecs(model);
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
