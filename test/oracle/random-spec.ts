// A model and documents made from a seed, far from microgpt.py's initial values: with weights of 0.08
// attention is nearly uniform and wrong gradients of it hide.

import type { EngineSpec, TrainingState } from '../../src/engine/engine.ts';
import type { ModelConfig, TrainingConfig } from '../../src/config/config.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { countParameters, initParameters } from '../../src/model/parameters.ts';
import { PythonRandom } from '../../src/util/python-random.ts';

export const SMALL_MODEL: ModelConfig = {
  ...DEFAULT_MODEL,
  nLayer: 2,
  nEmbd: 6,
  nHead: 3,
  blockSize: 5,
  vocabSize: 7,
};

/** Documents of 1 to block_size + 2 characters, some longer than the block; standard deviation of weights 0.5. */
export function randomSpec(
  seed: number,
  model: ModelConfig = SMALL_MODEL,
  training: Partial<TrainingConfig> = {},
  documentCount = 4,
): EngineSpec {
  const random = new PythonRandom(seed);
  const below = (n: number) => Math.floor(random.random() * n);
  const bos = model.vocabSize - 1;
  const tokens: number[] = [];
  const offsets = [0];
  for (let d = 0; d < documentCount; d++) {
    const length = 1 + below(model.blockSize + 2);
    tokens.push(bos, ...Array.from({ length }, () => below(bos)), bos);
    offsets.push(tokens.length);
  }
  return {
    model,
    training: { ...DEFAULT_TRAINING, steps: 20, ...training },
    parameters: initParameters(model, random, 0.5),
    documents: { count: documentCount, tokens: Uint32Array.from(tokens), offsets: Uint32Array.from(offsets) },
  };
}

/** State 0 of a run that starts from `parameters`. */
export function freshState(model: ModelConfig, parameters: Float64Array): TrainingState {
  const count = countParameters(model);
  return { step: 0, parameters, m: new Float64Array(count), v: new Float64Array(count) };
}
