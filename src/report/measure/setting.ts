// What is trained while the clock runs.

import { BUILTIN_DOCUMENTS } from '../../data/builtin-names.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING, pick, type ModelConfig } from '../../config/config.ts';
import type { Engine, EngineSpec, TrainingState } from '../../engine/engine.ts';
import { countParameters } from '../../model/parameters.ts';
import { prepareRun } from '../../train/prepare.ts';
import { PythonRandom } from '../../util/python-random.ts';
import type { ModelShape } from '../schema.ts';
import type { Subject } from './subjects.ts';

export interface Setting {
  readonly spec: EngineSpec;
  readonly shape: ModelShape;
  /** What every sample starts from. */
  readonly initial: TrainingState;
  /** The steps of a sample, at least `wanted` where there are so many. */
  window(wanted: number): Window;
}

/** Steps from `start` on. */
export interface Window {
  readonly start: number;
  readonly steps: number;
}

/** Steps cost what their tokens cost, so all windows have the mean number of tokens, within this share. */
const FAIR = 0.005;

/** microgpt.py's defaults on the names that come with the project. */
export function defaultSetting(): Setting {
  const { spec } = prepareRun({
    documents: BUILTIN_DOCUMENTS,
    model: DEFAULT_MODEL,
    training: DEFAULT_TRAINING,
  });
  return settingOf(spec);
}

export interface GridPoint {
  readonly width: number;
  readonly batch: number;
  readonly context: number;
}

/** One layer of `width`, heads of up to 64 channels but at least 4 of them, and documents that fill the context. */
export function gridSetting({ width, batch, context }: GridPoint, steps = 10_000_000): Setting {
  const random = new PythonRandom(42);
  const letter = () => String.fromCodePoint(0x61 + Math.floor(26 * random.random()));
  const documents = [ALPHABET.repeat(Math.ceil(context / 26))]; // the same vocabulary always
  while (documents.length < 64) documents.push(Array.from({ length: context }, letter).join(''));
  // A rate at which wide models stay finite: what is not a number takes some processors longer.
  const training = { ...DEFAULT_TRAINING, steps, batchSize: batch, learningRate: 1e-4 };
  const shape = gridShape({ width, batch, context });
  const model = { ...DEFAULT_MODEL, ...sizesOf({ ...DEFAULT_MODEL, ...shape }) };
  return settingOf(prepareRun({ documents, model, training }).spec);
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz';

/** The shape of `gridSetting`, without making it. */
export function gridShape({ width, batch, context }: GridPoint): ModelShape {
  const model = {
    ...DEFAULT_MODEL,
    nEmbd: width,
    nHead: Math.max(4, width / 64),
    blockSize: context,
    vocabSize: ALPHABET.length + 1,
  };
  const parameters = countParameters(model);
  return { ...sizesOf(model), batchSize: batch, parameters, tokensPerStep: batch * context };
}

/** What a report says of a model: all else is as microgpt.py has it. */
function sizesOf(
  model: ModelConfig,
): Pick<ModelShape, 'nLayer' | 'nEmbd' | 'nHead' | 'blockSize' | 'vocabSize'> {
  return pick(model, ['nLayer', 'nEmbd', 'nHead', 'blockSize', 'vocabSize']);
}

function settingOf(spec: EngineSpec): Setting {
  const { model, training, parameters } = spec;
  const count = Math.min(training.steps, 1000);
  const before = [0]; // tokens before each step
  for (let step = 0; step < count; step++) before.push(before[step] + stepTokens(spec, step));
  const mean = before[count] / count;
  const unfairness = (start: number, steps: number) =>
    Math.abs((before[start + steps] - before[start]) / steps / mean - 1);
  return {
    spec,
    shape: {
      ...sizesOf(model),
      batchSize: training.batchSize,
      parameters: parameters.length,
      tokensPerStep: mean,
    },
    initial: {
      step: 0,
      parameters,
      m: new Float64Array(parameters.length),
      v: new Float64Array(parameters.length),
    },
    window(wanted) {
      for (let steps = wanted; steps < count; steps++) {
        // The step before the first is made off the clock.
        for (let start = 1; start + steps <= count; start++) {
          if (unfairness(start, steps) <= FAIR) return { start, steps };
        }
      }
      return { start: 1, steps: count - 1 };
    },
  };
}

/** Tokens that step `step` predicts. */
export function stepTokens({ model, training, documents }: EngineSpec, step: number): number {
  let tokens = 0;
  for (let b = 0; b < training.batchSize; b++) {
    const document = (step * training.batchSize + b) % documents.count;
    const length = documents.offsets[document + 1] - documents.offsets[document];
    tokens += Math.min(model.blockSize, length - 1);
  }
  return tokens;
}

/** An engine as a subject: every sample is the same training, from the initial parameters on. */
export function engineSubject(name: string, engine: Engine, setting: Setting): Subject {
  return {
    name,
    async prepare(steps) {
      await engine.load({ ...setting.initial, step: setting.window(steps).start - 1 });
      await engine.advance(1); // waits for what was loaded
    },
    run: (steps) => engine.advance(steps),
    steps: (wanted) => setting.window(wanted).steps,
  };
}
