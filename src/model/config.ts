// What a model is and how it is trained, under microgpt.py's names (n_layer is nLayer here).

import { ConfigError } from '../util/errors.ts';

/** The shape of a model. L layers, C channels, H heads of D = C / H, context T, vocabulary V. */
export interface ModelConfig {
  /** L: depth of the transformer. */
  readonly nLayer: number;
  /** C: width of the network. */
  readonly nEmbd: number;
  /** H: attention heads; must divide nEmbd. */
  readonly nHead: number;
  /** T: longest context, in tokens. */
  readonly blockSize: number;
  /** V: number of tokens, the beginning-of-sequence token included. */
  readonly vocabSize: number;
}

export interface TrainingConfig {
  /** Steps of the whole run: the learning rate falls linearly to 0 at this step. */
  readonly steps: number;
  /** B: documents per step. */
  readonly batchSize: number;
  /** Longest gradient, as the norm over all parameters, that Adam gets: a longer one is shortened to it. 0: however long. */
  readonly clip: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly seed: number;
  /** Standard deviation of the initial values, whose mean is 0. */
  readonly initScale: number;
}

/** microgpt.py's own values; the vocabulary comes from the data. */
export const DEFAULT_MODEL = { nLayer: 1, nEmbd: 16, nHead: 4, blockSize: 16 } as const;

export const DEFAULT_TRAINING: TrainingConfig = {
  steps: 1000,
  batchSize: 1,
  clip: 0,
  learningRate: 0.01,
  beta1: 0.85,
  beta2: 0.99,
  eps: 1e-8,
  seed: 42,
  initScale: 0.08,
};

/** What `clip` may be where it is not 0: f32 holds the squares of such norms. */
export const CLIP_RANGE = { low: 1e-12, high: 1e12 } as const;

/** Each layer has its own kernels and names, of which a million would fill the memory before the first number is made. */
const MAX_LAYERS = 10_000;
/** How many heads an error proposes. */
const PROPOSED = 12;

/** Throws ConfigError where `config` cannot make a model. */
export function checkModelConfig(config: ModelConfig): void {
  positiveInteger('n_layer', config.nLayer);
  if (config.nLayer > MAX_LAYERS) {
    throw new ConfigError(`n_layer: expected at most ${MAX_LAYERS}, got ${config.nLayer}.`);
  }
  positiveInteger('n_embd', config.nEmbd);
  positiveInteger('n_head', config.nHead);
  positiveInteger('block_size', config.blockSize);
  positiveInteger('vocab_size', config.vocabSize);
  if (config.nEmbd % config.nHead !== 0) {
    throw new ConfigError(
      `n_embd ${config.nEmbd} is not divisible by n_head ${config.nHead}: ` +
        `each head takes n_embd / n_head channels. Choose n_head among ${divisorsNear(config.nHead, config.nEmbd).join(', ')}.`,
    );
  }
}

/** Throws ConfigError where `config` cannot train. */
export function checkTrainingConfig(config: TrainingConfig): void {
  positiveInteger('steps', config.steps);
  positiveInteger('batch_size', config.batchSize);
  inRange('lr', config.learningRate, 0, Number.MAX_VALUE, 'a finite number of at least 0');
  inRange('beta1', config.beta1, 0, 1 - Number.EPSILON / 2, 'at least 0 and below 1');
  inRange('beta2', config.beta2, 0, 1 - Number.EPSILON / 2, 'at least 0 and below 1');
  inRange('eps', config.eps, Number.MIN_VALUE, Number.MAX_VALUE, 'a positive number');
  if (!Number.isSafeInteger(config.seed)) {
    throw new ConfigError(`seed: expected an integer of at most 2^53 - 1 in size, got ${config.seed}.`);
  }
  inRange('init_scale', config.initScale, Number.MIN_VALUE, Number.MAX_VALUE, 'a positive number');
  const { low, high } = CLIP_RANGE;
  if (config.clip !== 0) inRange('clip', config.clip, low, high, `0 (off) or ${low} to ${high}`);
}

function positiveInteger(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new ConfigError(`${name}: expected a whole number of at least 1, got ${value}.`);
  }
}

function inRange(name: string, value: number, low: number, high: number, expected: string): void {
  if (!(value >= low && value <= high)) throw new ConfigError(`${name}: expected ${expected}, got ${value}.`);
}

/** The divisors of `n` nearest to `near`, in ascending order: all where they are few. */
function divisorsNear(near: number, n: number): number[] {
  const found: number[] = [];
  // By pairs, up to the square root: but n may be anything that somebody types, and heads beyond a million are no use.
  for (let d = 1; d * d <= n && d <= 1e6; d++) {
    if (n % d !== 0) continue;
    found.push(d);
    if (d * d < n) found.push(n / d);
  }
  const nearest = found.sort((a, b) => Math.abs(a - near) - Math.abs(b - near)).slice(0, PROPOSED);
  return nearest.sort((a, b) => a - b);
}
