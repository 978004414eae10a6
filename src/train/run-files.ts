// A run <-> the files of its directory, as bytes; where they are kept is the caller's business.
//
//   config.json             what was trained, on what, with which engine
//   tokenizer.json          the vocabulary
//   metrics.jsonl           one step record a line
//   model.safetensors       the parameters, under microgpt.py's names, each [out, in]
//   optimizer.safetensors   Adam's moments m.* and v.*, and the random numbers' state where sampling starts

import * as v from 'valibot';
import { tokenizerFromChars, type Tokenizer } from '../data/tokenizer.ts';
import type { EngineName, LaunchStrategy, TrainingState } from '../engine.ts';
import {
  checkModelConfig,
  checkTrainingConfig,
  DEFAULT_TRAINING,
  type ModelConfig,
  type TrainingConfig,
} from '../model/config.ts';
import { countParameters, parameterSpecs } from '../model/parameters.ts';
import type { FloatArray } from '../util/arrays.ts';
import { PythonRandom, type RandomState } from '../util/python-random.ts';
import { encodeLosses, readLosses } from './metrics-file.ts';
import type { DataSummary } from './records.ts';
import { damaged, inFile, readJson } from './saved-file.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafeTensors,
  type Tensor,
  type TensorData,
} from './safetensors.ts';

export const RUN_FILES = [
  'config.json',
  'tokenizer.json',
  'metrics.jsonl',
  'model.safetensors',
  'optimizer.safetensors',
] as const;
export type RunFileName = (typeof RUN_FILES)[number];
export type RunFiles = Readonly<Record<RunFileName, Uint8Array>>;

/** config.json. */
export interface RunConfig {
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  readonly data: DataSummary;
  /** What trained it: going on with another would not give the same numbers. */
  readonly engine: { readonly name: EngineName; readonly launch?: LaunchStrategy | undefined };
  /** How its samples were drawn. */
  readonly sampling: { readonly samples: number; readonly temperature: number };
}

export interface SavedRun {
  readonly config: RunConfig;
  readonly tokenizer: Tokenizer;
  readonly state: TrainingState;
  /** Where microgpt.py's stream stands when sampling starts. */
  readonly random: RandomState;
  /** Losses of the steps done, nats per token. */
  readonly losses: ArrayLike<number>;
}

const FORMAT = 'microgpt-run-1';
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const CONFIG = v.object({
  format: v.literal(FORMAT),
  model: v.object({
    nLayer: v.number(),
    nEmbd: v.number(),
    nHead: v.number(),
    blockSize: v.number(),
    vocabSize: v.number(),
  }),
  training: v.object({
    steps: v.number(),
    batchSize: v.number(),
    learningRate: v.number(),
    beta1: v.number(),
    beta2: v.number(),
    eps: v.number(),
    seed: v.number(),
    // Runs saved before it could be chosen have microgpt.py's.
    initScale: v.optional(v.number(), DEFAULT_TRAINING.initScale),
  }),
  data: v.object({
    source: v.string(),
    documents: count,
    sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'Expected 64 hexadecimal digits')),
  }),
  engine: v.object({
    name: v.picklist(['oracle', 'cpu', 'webgpu']),
    launch: v.optional(v.picklist(['eager', 'graph', 'fused', 'resident'])),
  }),
  sampling: v.object({ samples: count, temperature: v.number() }),
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
    'config.json': text(`${JSON.stringify({ format: FORMAT, ...config }, null, 2)}\n`),
    'tokenizer.json': text(`${JSON.stringify({ chars: tokenizer.chars, bos: tokenizer.bos }, null, 2)}\n`),
    'metrics.jsonl': encodeLosses(run.losses),
    'model.safetensors': encodeSafetensors({
      tensors: parameterTensors(config.model, state.parameters),
      metadata,
    }),
    'optimizer.safetensors': encodeSafetensors({ tensors: optimizer, metadata }),
  };
}

/**
 * The run that `files` hold. `where` names their directory in errors.
 * Throws CheckpointError where a file is damaged or the files do not belong together.
 */
export function decodeRun(files: RunFiles, where: string): SavedRun {
  const path = (name: RunFileName) => `${where}/${name}`;
  const { format: _, ...config } = readJson(CONFIG, files['config.json'], path('config.json'));
  inFile(path('config.json'), () => {
    checkModelConfig(config.model);
    checkTrainingConfig(config.training);
  });
  const { chars } = readJson(TOKENIZER, files['tokenizer.json'], path('tokenizer.json'));
  const tokenizer = inFile(path('tokenizer.json'), () => tokenizerFromChars(chars));
  if (tokenizer.vocabSize !== config.model.vocabSize) {
    throw damaged(
      path('tokenizer.json'),
      `expected ${config.model.vocabSize - 1} characters, got ${chars.length}`,
    );
  }

  const model = decodeSafetensors(files['model.safetensors'], path('model.safetensors'));
  const optimizer = decodeSafetensors(files['optimizer.safetensors'], path('optimizer.safetensors'));
  const step = readStep(model, path('model.safetensors'), config.training.steps);
  const losses = readLosses(files['metrics.jsonl'], path('metrics.jsonl'));
  // A run is saved by renaming one file after another: were that cut short, the steps would tell.
  if (readStep(optimizer, path('optimizer.safetensors'), config.training.steps) !== step) {
    throw damaged(
      path('optimizer.safetensors'),
      `expected the state after step ${step}, as in model.safetensors`,
    );
  }
  if (losses.length !== step) {
    throw damaged(
      path('metrics.jsonl'),
      `expected ${step} steps, as in model.safetensors, got ${losses.length}`,
    );
  }
  const layers = (model.tensors.size - 3) / 6; // wte, wpe, lm_head, and six a layer
  if (layers !== config.model.nLayer) {
    throw damaged(path('model.safetensors'), `expected ${config.model.nLayer} layers, got ${layers}`);
  }
  const parameters = flatParameters(config.model, model, '', path('model.safetensors'));
  const m = flatParameters(config.model, optimizer, 'm.', path('optimizer.safetensors'));
  const velocity = flatParameters(config.model, optimizer, 'v.', path('optimizer.safetensors'));
  const random = readRandom(optimizer, path('optimizer.safetensors'));
  return { config, tokenizer, state: { step, parameters, m, v: velocity }, random, losses };
}

/** SHA-256 of the documents, each ended by a line feed, as hexadecimal digits: tells other data from the same. */
export async function fingerprintDocuments(documents: readonly string[]): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', text(`${documents.join('\n')}\n`));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Views of the flat list, one per parameter. */
function parameterTensors(model: ModelConfig, flat: FloatArray, prefix = ''): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const { name, shape, offset, size } of parameterSpecs(model)) {
    tensors.set(prefix + name, { shape, data: flat.subarray(offset, offset + size) });
  }
  return tensors;
}

/** The flat list of parameters, or of moments, from its tensors; F64 if the first one is, else F32. */
function flatParameters(
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

function randomTensors({ mt, index, gaussNext }: RandomState): Map<string, Tensor> {
  const pending = gaussNext === null ? [] : [gaussNext];
  return new Map<string, Tensor>([
    ['random.mt', { shape: [mt.length], data: mt }],
    ['random.index', { shape: [1], data: Uint32Array.of(index) }],
    ['random.gauss_next', { shape: [pending.length], data: Float64Array.from(pending) }],
  ]);
}

function readRandom({ tensors }: SafeTensors, where: string): RandomState {
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

function readStep({ metadata }: SafeTensors, where: string, steps: number): number {
  const step = /^\d{1,15}$/.test(metadata['step'] ?? '') ? Number(metadata['step']) : NaN;
  if (!(step <= steps)) {
    throw damaged(where, `expected metadata step from 0 to ${steps}, got ${metadata['step'] ?? 'none'}`);
  }
  return step;
}

function text(content: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(content);
}
