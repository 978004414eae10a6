// The parameters of the model: names and shapes in microgpt.py's order, and their initial values.

import type { PythonRandom } from '../util/python-random.ts';
import type { ModelConfig } from './config.ts';

/** One parameter matrix, [out, in] as in microgpt.py, inside the flat list of all parameters. */
export interface ParameterSpec {
  /** microgpt.py's key in state_dict, such as `layer0.attn_wq`. */
  readonly name: string;
  readonly shape: readonly [out: number, in: number];
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

/** Initial values, Gaussian with the standard deviation `std`, drawn in microgpt.py's order. */
export function initParameters(config: ModelConfig, random: PythonRandom, std = 0.08): Float64Array {
  const values = new Float64Array(countParameters(config));
  for (let i = 0; i < values.length; i++) values[i] = random.gauss(0, std);
  return values;
}
