// Many models trained side by side. They share the shape of model and batch, the number of steps, the clip and the
// documents; each has its own initial values, order of documents and rates, and gets the bits that it would get alone.

import type { TokenizedDocuments } from '../data/tokenizer.ts';
import type { EngineInfo, FloatArray, TrainingState } from './engine.ts';
import { checkModelConfig, checkTrainingConfig } from '../model/config.ts';
import type { ModelConfig, TrainingConfig } from '../model/config.ts';
import { countParameters } from '../model/parameters.ts';
import { checkDocuments, checkParameterCount } from '../util/engine-checks.ts';
import { ConfigError } from '../util/errors.ts';

export interface PopulationMember {
  readonly training: TrainingConfig;
  /** The order in which it takes the documents: `orderLength` of them, or more. */
  readonly order: Uint32Array;
  /** Initial parameters, flat, in microgpt.py's order. */
  readonly parameters: FloatArray;
}

export interface PopulationSpec {
  readonly model: ModelConfig;
  /** The documents that the orders number. */
  readonly documents: TokenizedDocuments;
  /** All with the same batch size, steps, clip and length of order. */
  readonly members: readonly PopulationMember[];
}

export interface Population {
  /** Of the engine that would train a member alone to the same bits. */
  readonly info: EngineInfo;
  readonly size: number;
  /** See `Engine.latency`. */
  readonly latency?: number | undefined;
  /** Runs the next `k` steps of every model; the k losses of each. Steps beyond the run's are a ConfigError. */
  advance(k: number): Promise<Float64Array[]>;
  /** Everything that training has changed, of each model. */
  states(): Promise<TrainingState[]>;
  /** Frees device memory; a second call does nothing. */
  dispose(): void;
}

/** Documents that an order must list: all, or as many as the steps and one more take. */
export function orderLength(documents: number, { steps, batchSize }: TrainingConfig): number {
  return Math.min(documents, (steps + 1) * batchSize);
}

/** Throws ConfigError where the members cannot train, or differ in what they must share. */
export function checkPopulation({ model, documents, members }: PopulationSpec): void {
  checkModelConfig(model);
  checkDocuments(documents, model.vocabSize);
  if (members.length === 0) throw new ConfigError('population: expected at least 1 model, got 0.');
  const count = countParameters(model);
  for (const [i, member] of members.entries()) checkMember(i, member, members[0], count, documents.count);
  const needed = orderLength(documents.count, members[0].training);
  const got = members[0].order.length;
  if (got < needed) {
    throw new ConfigError(`population: expected at least ${needed} documents in an order, got ${got}.`);
  }
}

function checkMember(
  i: number,
  { training, order, parameters }: PopulationMember,
  first: PopulationMember,
  count: number,
  documents: number,
): void {
  checkTrainingConfig(training);
  checkParameterCount(`population[${i}].parameters`, parameters.length, count);
  const same = (name: string, got: number, expected: number) => {
    if (got === expected) return;
    throw new ConfigError(
      `population[${i}]: expected ${name} ${expected}, as the first model has, got ${got}.`,
    );
  };
  same('batch_size', training.batchSize, first.training.batchSize);
  same('steps', training.steps, first.training.steps);
  same('clip', training.clip, first.training.clip);
  same('an order of length', order.length, first.order.length);
  const wrong = order.find((document) => document >= documents);
  if (wrong !== undefined) {
    throw new ConfigError(
      `population[${i}]: expected an order of documents below ${documents}, got ${wrong}.`,
    );
  }
}
