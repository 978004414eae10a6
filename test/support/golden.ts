// Recorded facts that the tests compare with. names.json, l2.json and wide.json hold what microgpt.py
// did under CPython at three configurations, clip.json what it did with two lines more, after loss.backward():
//
//   norm = sum(p.grad ** 2 for p in params) ** 0.5
//   for p in params: p.grad *= min(1, clip / norm)
//
// No input of relu comes nearer to 0 than 2.6e-5 in clip.json, a hundred times what f32 rounds off: see docs/numbers.md.
// names.txt is the text it read.

import { readFileSync } from 'node:fs';
import { readDocuments } from '../../src/data/documents.ts';
import type { ModelConfig, TrainingConfig } from '../../src/config/config.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun, type PreparedRun } from '../../src/train/prepare.ts';

/** One run of microgpt.py on names.txt. */
export interface Golden {
  readonly model: Omit<ModelConfig, 'vocabSize'>;
  readonly training: TrainingConfig;
  /** Of sampling. */
  readonly temperature: number;
  /** Of names.txt. */
  readonly dataSha256: string;
  readonly numDocs: number;
  readonly vocab: string;
  readonly numParams: number;
  /** One per step. */
  readonly losses: readonly number[];
  /** Of the gradient of each step, before it is clipped; of `clip` only. */
  readonly norms: readonly number[];
  /** The 20 names sampled after the last step. */
  readonly samples: readonly string[];
}

/** Also the first step's gradient and the final parameters, row by row under microgpt.py's names. */
export interface GoldenWithTensors extends Golden {
  readonly firstGradients: ReadonlyMap<string, Float64Array>;
  readonly finalParameters: ReadonlyMap<string, Float64Array>;
}

/** The JSON file, under golden.py's names. */
interface GoldenFile {
  config: {
    seed: number;
    n_layer: number;
    n_embd: number;
    n_head: number;
    block_size: number;
    num_steps: number;
    temperature: number;
    clip?: number;
  };
  dataset_sha256: string;
  num_docs: number;
  vocab: string;
  num_params: number;
  losses: number[];
  norms?: number[];
  samples: string[];
  grads_step1?: Record<string, number[][]>;
  params_final?: Record<string, number[][]>;
}

/**
 * `names`: 1,000 steps of the defaults. `l2`: 2 layers, 30 steps.
 * `wide`: 32 channels, 2 heads, block 8, 30 steps. `clip`: 60 steps of the defaults with clipped gradients.
 */
export function loadGolden(name: 'l2' | 'wide'): GoldenWithTensors;
export function loadGolden(name: 'names' | 'clip'): Golden;
export function loadGolden(name: 'names' | 'clip' | 'l2' | 'wide'): Golden | GoldenWithTensors {
  const file = JSON.parse(readFileSync(goldenUrl(`${name}.json`), 'utf8')) as GoldenFile;
  const { config } = file;
  const golden: Golden = {
    model: {
      ...DEFAULT_MODEL,
      nLayer: config.n_layer,
      nEmbd: config.n_embd,
      nHead: config.n_head,
      blockSize: config.block_size,
    },
    training: { ...DEFAULT_TRAINING, steps: config.num_steps, seed: config.seed, clip: config.clip ?? 0 },
    temperature: config.temperature,
    dataSha256: file.dataset_sha256,
    numDocs: file.num_docs,
    vocab: file.vocab,
    numParams: file.num_params,
    losses: file.losses,
    norms: file.norms ?? [],
    samples: file.samples,
  };
  if (file.grads_step1 === undefined || file.params_final === undefined) return golden;
  return {
    ...golden,
    firstGradients: flatTensors(file.grads_step1),
    finalParameters: flatTensors(file.params_final),
  };
}

/** The bytes of names.txt. */
export function namesBytes(): Uint8Array {
  return readFileSync(goldenUrl('names.txt'));
}

/** The documents of names.txt, in the order of the file. */
export function namesDocuments(): string[] {
  return readDocuments(namesBytes(), 'names.txt');
}

/** What an engine needs to repeat the run. */
export function prepareGolden(golden: Golden): PreparedRun {
  return prepareRun({ documents: namesDocuments(), model: golden.model, training: golden.training });
}

/** What CPython's random module gives, written by test/golden/make-random.py. */
export interface GoldenRandom {
  readonly streams: readonly {
    readonly seed: string;
    readonly seeded: GoldenState;
    readonly random: readonly number[];
    readonly getrandbits: readonly (readonly [bits: number, value: number])[];
    readonly shuffle: readonly number[];
    readonly gauss: readonly number[];
    readonly choices: readonly number[];
    readonly end: GoldenState;
  }[];
  readonly longStreams: readonly {
    readonly seed: string;
    readonly words: number;
    readonly sha256: string;
    readonly then: number;
  }[];
  readonly longShuffles: readonly {
    readonly seed: string;
    readonly count: number;
    readonly sha256: string;
    readonly then: number;
  }[];
  readonly longGauss: readonly {
    readonly seed: string;
    readonly count: number;
    readonly mu: number;
    readonly sigma: number;
    readonly every: number;
    readonly values: readonly number[];
    readonly then: number;
  }[];
  readonly interleaved: readonly {
    readonly seed: string;
    readonly calls: readonly RandomCall[];
    readonly end: GoldenState;
  }[];
}

/** `random.getstate()`, its 624 words as the sha256 of their little-endian bytes. */
export interface GoldenState {
  readonly mtSha256: string;
  readonly index: number;
  readonly gaussNext: number | null;
}

/** Name, arguments, result. */
export type RandomCall =
  | readonly ['random', null, number]
  | readonly ['getrandbits', number, number]
  | readonly ['gauss', readonly [mu: number, sigma: number], number]
  | readonly ['shuffle', number, readonly number[]]
  | readonly ['choices', readonly number[], number];

export function loadGoldenRandom(): GoldenRandom {
  return JSON.parse(readFileSync(goldenUrl('random.json'), 'utf8')) as GoldenRandom;
}

function goldenUrl(file: string): URL {
  return new URL(`../golden/${file}`, import.meta.url);
}

function flatTensors(tensors: Record<string, number[][]>): Map<string, Float64Array> {
  return new Map(Object.entries(tensors).map(([name, rows]) => [name, Float64Array.from(rows.flat())]));
}
