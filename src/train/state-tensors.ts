// The state of a run as tensors of a safetensors file: parameters, moments and the stream of random numbers.

import type { ModelConfig } from '../model/config.ts';
import { countParameters, parameterSpecs } from '../model/parameters.ts';
import type { FloatArray } from '../util/arrays.ts';
import { PythonRandom, type RandomState } from '../util/python-random.ts';
import { damaged, inFile } from './saved-file.ts';
import type { SafeTensors, Tensor, TensorData } from './safetensors.ts';

/** Views of the flat list, one per parameter. */
export function parameterTensors(model: ModelConfig, flat: FloatArray, prefix = ''): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const { name, shape, offset, size } of parameterSpecs(model)) {
    tensors.set(prefix + name, { shape, data: flat.subarray(offset, offset + size) });
  }
  return tensors;
}

/**
 * Throws CheckpointError unless `count` tensors are those of the layers of `model`: the number of layers in a damaged
 * configuration could be anything, and much would be made and looped over before a tensor is missed.
 */
export function checkLayers({ nLayer }: ModelConfig, count: number, where: string): void {
  const layers = (count - 3) / 6; // wte, wpe, lm_head, and six a layer
  if (layers !== nLayer) throw damaged(where, `expected ${nLayer} layers, got ${layers}`);
}

/** The flat list of parameters, or of moments, from its tensors; F64 if the first one is, else F32. */
export function flatParameters(
  model: ModelConfig,
  { tensors }: SafeTensors,
  prefix: string,
  where: string,
): FloatArray {
  const Type = tensors.get(`${prefix}wte`)?.data instanceof Float64Array ? Float64Array : Float32Array;
  const parts: TensorData[] = [];
  for (const { name, shape } of parameterSpecs(model)) {
    const tensor = tensors.get(prefix + name);
    if (!(tensor?.data instanceof Type) || tensor.shape.join() !== shape.join()) {
      const expected = `${Type.name} [${shape.join(', ')}]`;
      const got = tensor ? `${tensor.data.constructor.name} [${tensor.shape.join(', ')}]` : 'none';
      throw damaged(where, `tensor ${prefix}${name}: expected ${expected}, got ${got}`);
    }
    parts.push(tensor.data);
  }
  // Made only now: the size that a damaged configuration asks for could be anything.
  const flat = new Type(countParameters(model));
  let offset = 0;
  for (const part of parts) {
    flat.set(part, offset);
    offset += part.length;
  }
  return flat;
}

export function randomTensors({ mt, index, gaussNext }: RandomState): Map<string, Tensor> {
  const pending = gaussNext === null ? [] : [gaussNext];
  return new Map<string, Tensor>([
    ['random.mt', { shape: [mt.length], data: mt }],
    ['random.index', { shape: [1], data: Uint32Array.of(index) }],
    ['random.gauss_next', { shape: [pending.length], data: Float64Array.from(pending) }],
  ]);
}

export function readRandom({ tensors }: SafeTensors, where: string): RandomState {
  const mt = tensors.get('random.mt')?.data;
  const index = tensors.get('random.index')?.data;
  const pending = tensors.get('random.gauss_next')?.data;
  if (!(mt instanceof Uint32Array) || index?.length !== 1 || !pending || pending.length > 1) {
    throw damaged(where, 'random.mt, random.index or random.gauss_next is missing or of another kind');
  }
  const state: RandomState = { mt, index: index[0], gaussNext: pending.length === 1 ? pending[0] : null };
  inFile(where, () => new PythonRandom(0).setState(state));
  return state;
}

/** The metadata `step`, a whole number up to `steps`. */
export function readStep({ metadata }: Pick<SafeTensors, 'metadata'>, where: string, steps: number): number {
  const step = /^\d{1,15}$/.test(metadata['step'] ?? '') ? Number(metadata['step']) : NaN;
  if (!(step <= steps)) {
    throw damaged(where, `expected metadata step from 0 to ${steps}, got ${metadata['step'] ?? 'none'}`);
  }
  return step;
}
