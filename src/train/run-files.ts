// A run <-> the files of its directory, as bytes; where they are kept is the caller's business.
//
//   config.json             what was trained, on what, with which engine
//   tokenizer.json          the vocabulary
//   metrics.jsonl           one step record a line (metrics-file.ts)
//   model.safetensors       the parameters, under microgpt.py's names, each [out, in]
//   optimizer.safetensors   Adam's moments m.* and v.*, and the random numbers' state where sampling starts

import * as v from 'valibot';
import { tokenizerFromChars, type Tokenizer } from '../data/tokenizer.ts';
import type { EngineName, LaunchStrategy, TrainingState } from '../engine/engine.ts';
import {
  checkModelConfig,
  checkOptions,
  checkTrainingConfig,
  SAMPLING_NAMES,
  type ModelConfig,
  type SamplingConfig,
  type TrainingConfig,
} from '../config/config.ts';
import { formatOf, formatSchema, missingOption, MODEL, SAMPLING, TRAINING } from '../config/schema.ts';
import type { FloatArray } from '../util/arrays.ts';
import { CheckpointError } from '../util/errors.ts';
import type { RandomState } from '../util/python-random.ts';
import { encodeLosses, keptLosses, readLosses } from './metrics-file.ts';
import type { DataSummary } from './records.ts';
import { damaged, inFile, parseJson, readText } from './saved-file.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import {
  checkNames,
  flatParameters,
  parameterTensors,
  RANDOM_TENSORS,
  randomTensors,
  readRandom,
  readStep,
} from './state-tensors.ts';

export const RUN_FILES = [
  'config.json',
  'tokenizer.json',
  'metrics.jsonl',
  'model.safetensors',
  'optimizer.safetensors',
] as const;
export type RunFileName = (typeof RUN_FILES)[number];
export type RunFiles = Readonly<Record<RunFileName, Uint8Array>>;

/** The files that samples are drawn from. */
export type ModelFiles = Pick<RunFiles, 'config.json' | 'tokenizer.json' | 'model.safetensors'> &
  Partial<Pick<RunFiles, 'optimizer.safetensors'>>;

/** config.json. */
export interface RunConfig {
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  readonly data: DataSummary;
  /** What trained it: going on with another would not give the same numbers. */
  readonly engine: {
    readonly name: EngineName;
    readonly launch?: LaunchStrategy | undefined;
    /** As in EngineInfo; runs saved before it was recorded have none. */
    readonly build?: string | undefined;
    /** Of WebGPU: the adapter, as `adapterName` puts it. */
    readonly adapter?: string | undefined;
  };
  /** How its samples were drawn. */
  readonly sampling: SamplingConfig;
}

export interface SavedRun {
  readonly config: RunConfig;
  readonly tokenizer: Tokenizer;
  readonly state: TrainingState;
  /** Where microgpt.py's stream stands when sampling starts. */
  readonly random: RandomState;
  /** Losses of the steps done, nats per token; those that metrics-file.ts keeps. */
  readonly losses: ArrayLike<number>;
}

/** What samples are drawn from. */
export interface SavedModel extends Pick<SavedRun, 'config' | 'tokenizer'> {
  readonly parameters: FloatArray;
  /** Undefined where the files do not say it. */
  readonly step: number | undefined;
  /** Likewise. */
  readonly random: RandomState | undefined;
}

const FORMAT = 'microgpt-run';
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** `RunConfig.engine`. */
export const ENGINE = v.object({
  name: v.picklist(['oracle', 'cpu', 'webgpu']),
  launch: v.optional(v.picklist(['eager', 'graph', 'fused', 'resident'])),
  build: v.optional(v.string()),
  adapter: v.optional(v.string()),
});
const CONFIG = v.object({
  format: formatSchema(FORMAT),
  model: MODEL,
  training: TRAINING,
  data: v.object({
    source: v.string(),
    documents: count,
    sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'Expected 64 hexadecimal digits')),
  }),
  engine: ENGINE,
  sampling: SAMPLING,
});
const TOKENIZER = v.object({ chars: v.array(v.string()) });

/** The files of `run`. */
export function encodeRun(run: SavedRun): RunFiles {
  const { config, tokenizer, state } = run;
  const metadata = { step: String(state.step) };
  const optimizer = new Map([
    ...parameterTensors(config.model, state.m, 'm.'),
    ...parameterTensors(config.model, state.v, 'v.'),
    ...randomTensors(run.random),
  ]);
  return {
    'config.json': text(encodeConfig(config)),
    'tokenizer.json': text(encodeTokenizer(tokenizer)),
    'metrics.jsonl': encodeLosses(run.losses, config.training.steps),
    'model.safetensors': encodeSafetensors({
      tensors: parameterTensors(config.model, state.parameters),
      metadata,
    }),
    'optimizer.safetensors': encodeSafetensors({ tensors: optimizer, metadata }),
  };
}

/**
 * What is needed to draw samples, without metrics.jsonl, and without the metadata that other programs leave out. `random` is
 * undefined where optimizer.safetensors is missing or damaged. Throws CheckpointError.
 */
export function decodeModel(files: ModelFiles, where: string): SavedModel {
  const { metadata, ...weights } = decodeWeights(files, where);
  const optimizer = files['optimizer.safetensors'];
  let random: RandomState | undefined;
  try {
    if (optimizer !== undefined) random = readRandom(decodeSafetensors(optimizer, where), where);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
  }
  const step = metadata['step'] === undefined ? undefined : Number(metadata['step']);
  return { ...weights, step, random };
}

function decodeWeights(files: ModelFiles, where: string) {
  const path = (name: RunFileName) => `${where}/${name}`;
  const config = decodeConfig(readText(files['config.json'], path('config.json')), path('config.json'));
  const tokenizer = decodeTokenizer(
    readText(files['tokenizer.json'], path('tokenizer.json')),
    config.model,
    path('tokenizer.json'),
  );
  const model = decodeSafetensors(files['model.safetensors'], path('model.safetensors'));
  checkNames(config.model, model, [''], [], path('model.safetensors'));
  const parameters = flatParameters(config.model, model, '', path('model.safetensors'));
  return { config, tokenizer, parameters, metadata: model.metadata };
}

/**
 * The run that `files` hold. `where` names their directory in errors.
 * Throws CheckpointError where a file is damaged or the files do not belong together.
 */
export function decodeRun(files: RunFiles, where: string): SavedRun {
  const path = (name: RunFileName) => `${where}/${name}`;
  const { config, tokenizer, parameters, metadata } = decodeWeights(files, where);
  const { steps } = config.training;
  const step = readStep({ metadata }, path('model.safetensors'), steps);
  const optimizer = decodeSafetensors(files['optimizer.safetensors'], path('optimizer.safetensors'));
  const losses = readLosses(files['metrics.jsonl'], steps, path('metrics.jsonl'));
  // A run is saved by renaming one file after another: were that cut short, the steps would tell.
  if (readStep(optimizer, path('optimizer.safetensors'), steps) !== step) {
    throw damaged(
      path('optimizer.safetensors'),
      `expected the state after step ${step}, as in model.safetensors`,
    );
  }
  const kept = keptLosses(step, steps);
  if (losses.length !== kept) {
    throw damaged(
      path('metrics.jsonl'),
      `expected ${kept} steps, as in model.safetensors, got ${losses.length}`,
    );
  }
  checkNames(config.model, optimizer, ['m.', 'v.'], RANDOM_TENSORS, path('optimizer.safetensors'));
  const m = flatParameters(config.model, optimizer, 'm.', path('optimizer.safetensors'));
  const velocity = flatParameters(config.model, optimizer, 'v.', path('optimizer.safetensors'));
  const random = readRandom(optimizer, path('optimizer.safetensors'));
  return { config, tokenizer, state: { step, parameters, m, v: velocity }, random, losses };
}

/** config.json's text. */
export function encodeConfig(config: RunConfig): string {
  const format = formatOf(FORMAT, config.model, config.training, config.sampling);
  return `${JSON.stringify({ format, ...config }, null, 2)}\n`;
}

/** Throws CheckpointError where the text holds no configuration, or an impossible one. */
export function decodeConfig(json: string, where: string): RunConfig {
  const { format, ...config } = parseJson(CONFIG, json, where, FORMAT);
  const { model, training, sampling } = JSON.parse(json) as Record<string, object>;
  const missing = missingOption(format, model, training, sampling);
  if (missing !== undefined) throw damaged(where, `${missing} is missing`);
  inFile(where, () => {
    checkModelConfig(config.model);
    checkTrainingConfig(config.training);
    checkOptions(config.sampling, SAMPLING_NAMES);
  });
  return config;
}

/** tokenizer.json's text. */
export function encodeTokenizer({ chars, bos }: Tokenizer): string {
  return `${JSON.stringify({ chars, bos }, null, 2)}\n`;
}

/** Throws CheckpointError where the text holds no vocabulary, or not that of `model`. */
export function decodeTokenizer(json: string, { vocabSize }: ModelConfig, where: string): Tokenizer {
  const { chars } = parseJson(TOKENIZER, json, where);
  const tokenizer = inFile(where, () => tokenizerFromChars(chars));
  if (tokenizer.vocabSize !== vocabSize) {
    throw damaged(where, `expected ${vocabSize - 1} characters, got ${chars.length}`);
  }
  // Every vocabulary is in this order: in another one the tokens of the model would be other characters.
  const falls = chars.findIndex((char, i) => i > 0 && char.codePointAt(0)! < chars[i - 1].codePointAt(0)!);
  if (falls >= 0) {
    const got = `got ${JSON.stringify(chars[falls])} after ${JSON.stringify(chars[falls - 1])}`;
    throw damaged(where, `chars: expected the order of their code points, ${got}`);
  }
  return tokenizer;
}

/** SHA-256 of the documents, each ended by a line feed, as hexadecimal digits: tells other data from the same. */
export async function fingerprintDocuments(documents: readonly string[]): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', text(`${documents.join('\n')}\n`));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function text(content: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(content);
}
