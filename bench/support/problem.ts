// What peers and engines train alike, from a shape in text.

import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import type { EngineSpec } from '../../src/engine/engine.ts';
import { initParameters } from '../../src/model/parameters.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { namesDocuments } from '../../test/support/golden.ts';

/** Random documents: enough that a few steps take none twice. */
const RANDOM_DOCUMENTS = 8;

/** `layers×width×heads×block×batch` on the names, with a sixth number on random documents over that vocabulary. */
export function problemSpec(shape: string): EngineSpec {
  const numbers = shape.split('x').map(Number);
  if (numbers.length < 5 || numbers.length > 6 || !numbers.every((n) => Number.isSafeInteger(n) && n > 0)) {
    throw new Error(
      `--shapes: expected layers x width x heads x block x batch [x vocabulary], got ${shape}.`,
    );
  }
  const [nLayer, nEmbd, nHead, blockSize, batchSize, vocabSize] = numbers;
  const model = { ...DEFAULT_MODEL, nLayer, nEmbd, nHead, blockSize };
  const training = { ...DEFAULT_TRAINING, batchSize };
  if (vocabSize === undefined) return prepareRun({ documents: namesDocuments(), model, training }).spec;
  const random = new PythonRandom(training.seed);
  const count = RANDOM_DOCUMENTS * batchSize;
  const length = blockSize + 1;
  const tokens = Uint32Array.from({ length: count * length }, () => Math.floor(random.random() * vocabSize));
  const offsets = Uint32Array.from({ length: count + 1 }, (_, i) => i * length);
  const config = { ...model, vocabSize };
  const parameters = initParameters(config, random, 0.02); // GPT-2's
  return {
    model: config,
    training: { ...training, learningRate: 6e-4 },
    parameters,
    documents: { count, tokens, offsets },
  };
}
