// The models of an engine: what each is made from, whether they can train side by side, and the parts of arrays that belong to each.

import { reorderDocuments } from '../data/tokenizer.ts';
import {
  checkModelConfig,
  checkTrainingConfig,
  COMMON_NAMES,
  optionOf,
  underscored,
  type TrainingConfig,
} from '../config/config.ts';
import { countParameters } from '../model/parameters.ts';
import { checkDocuments, checkParameterCount } from '../util/engine-checks.ts';
import { ConfigError } from '../util/errors.ts';
import type { Engine, EngineSpec, FloatArray, Member, TrainingState } from './engine.ts';

/** Documents that an order must list: all, or as many as the steps and one more take. */
export function orderLength(documents: number, { steps, batchSize }: TrainingConfig): number {
  return Math.min(documents, (steps + 1) * batchSize);
}

/** The spec of an engine of these models, at least one. */
export function specOf(
  { model, documents }: Pick<EngineSpec, 'model' | 'documents'>,
  [first, ...others]: readonly Member[],
): EngineSpec {
  return { ...first, model, documents, others };
}

/** All models of `spec`, each with its order. */
export function membersOf({
  documents,
  others = [],
  ...first
}: EngineSpec): (Member & { order: Uint32Array })[] {
  const asTheyCome = Uint32Array.from({ length: documents.count }, (_, i) => i);
  return [first, ...others].map(({ training, parameters, order = asTheyCome }) => ({
    training,
    parameters,
    order,
  }));
}

/** Each model of `spec` alone, the documents in its order. */
export function eachAlone({ model, documents, others = [], ...first }: EngineSpec): EngineSpec[] {
  return [first, ...others].map(({ training, parameters, order }) => ({
    model,
    training,
    parameters,
    documents: order === undefined ? documents : reorderDocuments(documents, order),
  }));
}

/** Throws ConfigError where the models of `spec` cannot train, or differ in what they must share. */
export function checkSpec(spec: EngineSpec): void {
  const { model, training, documents, others = [] } = spec;
  checkModelConfig(model);
  checkTrainingConfig(training);
  checkDocuments(documents, model.vocabSize);
  const count = countParameters(model);
  const orderOf = ({ order }: Member) => order?.length ?? documents.count;
  for (const [i, member] of [spec, ...others].entries()) {
    const name = others.length === 0 ? '' : `models[${i}]`;
    checkTrainingConfig(member.training);
    checkParameterCount([name, 'parameters'].filter(Boolean).join('.'), member.parameters.length, count);
    const same = (what: string, got: number, expected: number) => {
      if (got === expected) return;
      throw new ConfigError(`${name}: expected ${what} ${expected}, as the first model has, got ${got}.`);
    };
    for (const common of COMMON_NAMES) {
      same(underscored(optionOf(common).flag), member.training[common], training[common]);
    }
    same('an order of length', orderOf(member), orderOf(spec));
    const wrong = member.order?.find((document) => document >= documents.count);
    if (wrong === undefined) continue;
    throw new ConfigError(
      `models[${i}]: expected an order of documents below ${documents.count}, got ${wrong}.`,
    );
  }
  const needed = orderLength(documents.count, training);
  if (orderOf(spec) >= needed) return;
  throw new ConfigError(`models: expected at least ${needed} documents in an order, got ${orderOf(spec)}.`);
}

/** Model `i`'s part, of `size` equal ones. A view. */
export function partOf<T extends FloatArray>(all: T, i: number, size: number): T {
  const length = Math.floor(all.length / size);
  return all.subarray(i * length, (i + 1) * length) as T;
}

/** The state of each of `size` models. Copies. */
export function statesOf({ step, parameters, m, v }: TrainingState, size: number): TrainingState[] {
  return Array.from({ length: size }, (_, i) => {
    const own = (all: FloatArray) => partOf(all, i, size).slice();
    return { step, parameters: own(parameters), m: own(m), v: own(v) };
  });
}

/** One array of the models' `parts`, which have one length and type. */
export function joined<T extends FloatArray>(parts: readonly T[]): T {
  const [first] = parts;
  if (parts.length === 1) return first;
  const length = parts.length * first.length;
  const all = first instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
  for (const [i, part] of parts.entries()) all.set(part, i * first.length);
  return all as T;
}

/** The engine of the models of all `engines`, which have one each. */
export function sideBySide(engines: readonly Engine[]): Engine {
  const [first] = engines;
  const size = engines.length;
  if (size === 1) return first;
  const each = <T>(call: (engine: Engine) => Promise<T>): Promise<T[]> => Promise.all(engines.map(call));
  const joint = async <T extends FloatArray>(call: (engine: Engine) => Promise<T>) =>
    joined(await each(call));

  return {
    get info() {
      return first.info;
    },
    size,
    advance: (k) => joint((engine) => engine.advance(k)),
    async gradients() {
      const all = await each((engine) => engine.gradients());
      return {
        losses: joined(all.map(({ losses }) => losses)),
        gradients: joined(all.map(({ gradients }) => gradients)),
      };
    },
    evaluate: (documents) => joint((engine) => engine.evaluate(documents)),
    parameters: () => joint((engine) => engine.parameters()),
    async state() {
      const all = await each((engine) => engine.state());
      const region = (name: 'parameters' | 'm' | 'v') => joined(all.map((state) => state[name]));
      return { step: all[0].step, parameters: region('parameters'), m: region('m'), v: region('v') };
    },
    async load(state) {
      const own = statesOf(state, size);
      await Promise.all(engines.map((engine, i) => engine.load(own[i])));
    },
    prefill: (tokens) => joint((engine) => engine.prefill(tokens)),
    decode: (token) => joint((engine) => engine.decode(token)),
    dispose() {
      for (const engine of engines) engine.dispose();
    },
  };
}
