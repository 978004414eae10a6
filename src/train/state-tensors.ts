// The state of a run as tensors of a safetensors file: parameters, moments and the stream of random numbers.

import type { ModelConfig } from '../config/config.ts';
import { countParameters, parameterSpecs, placeIn } from '../model/parameters.ts';
import type { FloatArray } from '../util/arrays.ts';
import { CheckpointError } from '../util/errors.ts';
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
 * Throws CheckpointError, naming the first tensor that is missing or is none of these, unless `file` holds the parameters under
 * each of `prefixes`, and `others`.
 */
export function checkNames(
  model: ModelConfig,
  { tensors }: SafeTensors,
  prefixes: readonly string[],
  others: readonly string[],
  where: string,
): void {
  const expected = new Set(others);
  for (const { name } of parameterSpecs(model)) for (const prefix of prefixes) expected.add(prefix + name);
  const missing = [...expected].find((name) => !tensors.has(name));
  const extra = [...tensors.keys()].find((name) => !expected.has(name));
  if (missing === undefined && extra === undefined) return;
  const problem =
    missing === undefined
      ? `unexpected tensor ${JSON.stringify(extra!.slice(0, 100))}`
      : `tensor ${missing} is missing`;
  const names = parameterSpecs({ ...model, nLayer: 1 }).map(({ name }) => name);
  throw new CheckpointError(
    `${where}: ${problem}. Expected those of the configured model, with n_layer ${model.nLayer}: ${names.join(', ')}` +
      `${model.nLayer > 1 ? ', and so on for each layer' : ''}.`,
  );
}

/**
 * The flat list of parameters, or of moments, from its tensors; F64 if the first one is, else F32. Throws CheckpointError
 * where a tensor is missing or of another shape, and at a number that no training leaves behind.
 */
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
      const type = typeName(new Type());
      const got = tensor ? `${typeName(tensor.data)} [${tensor.shape.join(', ')}]` : 'none';
      throw new CheckpointError(
        `${where}: tensor ${prefix}${name}: expected ${type} [${shape.join(', ')}], as the configuration says, got ${got}.`,
      );
    }
    const bad = tensor.data.findIndex((x) => !(Math.abs(x) < Infinity && (x >= 0 || prefix !== 'v.')));
    if (bad >= 0) {
      const place = placeIn(shape, bad).join(', ');
      const expected = prefix === 'v.' ? 'a finite number of at least 0' : 'a finite number';
      throw damaged(
        where,
        `tensor ${prefix}${name}[${place}]: expected ${expected}, got ${tensor.data[bad]}`,
      );
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

/** As safetensors says it. F16 and BF16 have become F32. */
function typeName(data: TensorData): string {
  if (data instanceof Uint32Array) return 'U32';
  return data instanceof Float64Array ? 'F64' : 'F32';
}

/** The names of `randomTensors`. */
export const RANDOM_TENSORS = ['random.mt', 'random.index', 'random.gauss_next'];

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
  if (metadata['step'] === undefined) {
    throw new CheckpointError(
      `${where}: its metadata has no step. It can be sampled from, but its training cannot be resumed.`,
    );
  }
  const step = /^\d{1,15}$/.test(metadata['step']) ? Number(metadata['step']) : NaN;
  if (!(step <= steps)) {
    throw damaged(where, `expected metadata step from 0 to ${steps}, got ${metadata['step']}`);
  }
  return step;
}
