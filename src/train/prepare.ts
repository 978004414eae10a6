// Documents and configuration -> everything an engine starts from. Random numbers are drawn in
// microgpt.py's order, so the same seed gives Python's documents and (to the last bit or so) Python's parameters.

import { createTokenizer, tokenizeDocuments, type Tokenizer } from '../data/tokenizer.ts';
import type { EngineSpec } from '../engine/engine.ts';
import {
  checkModelConfig,
  checkTrainingConfig,
  DEFAULT_MODEL,
  DEFAULT_TRAINING,
  type ModelConfig,
  type ModelOptions,
  type TrainingConfig,
} from '../config/config.ts';
import { initParameters } from '../model/parameters.ts';
import { DataError } from '../util/errors.ts';
import { PythonRandom } from '../util/python-random.ts';

export interface PrepareOptions {
  /** In the order of the file; they are not changed. */
  readonly documents: readonly string[];
  /** What is left out is as in microgpt.py; the vocabulary comes from the documents. */
  readonly model: Partial<ModelOptions>;
  /** Likewise. */
  readonly training: Partial<TrainingConfig>;
}

export interface PreparedRun {
  readonly tokenizer: Tokenizer;
  readonly spec: EngineSpec;
  /** Where microgpt.py's stream of random numbers stands when sampling starts. */
  readonly random: PythonRandom;
}

/**
 * Seeds, shuffles the documents, draws the initial parameters (f64), as microgpt.py does before its first step.
 * Throws ConfigError for a configuration that cannot work and DataError where there are no documents.
 */
export function prepareRun(options: PrepareOptions): PreparedRun {
  const training: TrainingConfig = { ...DEFAULT_TRAINING, ...options.training };
  checkTrainingConfig(training);
  if (options.documents.length === 0) {
    throw new DataError('training documents: expected at least one, got none.');
  }
  const tokenizer = createTokenizer(options.documents);
  const model: ModelConfig = { ...DEFAULT_MODEL, ...options.model, vocabSize: tokenizer.vocabSize };
  checkModelConfig(model);

  const random = new PythonRandom(training.seed);
  const documents = [...options.documents];
  random.shuffle(documents);
  const parameters = initParameters(model, random, training.initScale);
  return {
    tokenizer,
    spec: { model, training, parameters, documents: tokenizeDocuments(tokenizer, documents) },
    random,
  };
}
