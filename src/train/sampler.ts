// New documents from a trained model, token by token with a KV cache, as microgpt.py's last loop.

import type { Tokenizer } from '../data/tokenizer.ts';
import type { Engine } from '../engine.ts';
import { ConfigError, MicrogptError } from '../util/errors.ts';
import type { PythonRandom } from '../util/python-random.ts';

export interface SampleOptions {
  /** Below 1 the likelier tokens gain, above 1 they lose. At least MIN_TEMPERATURE. */
  readonly temperature: number;
  /** Only the k likeliest tokens can come; of equally likely ones those with lower ids. Default: all. */
  readonly topK?: number;
  /** The text that the document begins with. Default: none. */
  readonly prompt?: string;
  /** T of the model: a document ends at the latest after this many characters. */
  readonly blockSize: number;
}

/** Below this, logits / temperature could overflow; the likeliest token has all the weight long before. */
export const MIN_TEMPERATURE = 1e-6;

/**
 * One document, its prompt included. Draws one number of `random` per new token, as `random.choices` does,
 * so that the same parameters and the same stream give microgpt.py's text.
 *
 * Throws DataError for a prompt with unknown characters, ConfigError for a prompt that leaves no room and for
 * options out of range.
 */
export async function sampleDocument(
  engine: Engine,
  tokenizer: Tokenizer,
  random: PythonRandom,
  options: SampleOptions,
): Promise<string> {
  const { blockSize } = options;
  checkSampleOptions(options);
  const ids = encodePrompt(tokenizer, options.prompt ?? '', blockSize);
  let logits = await engine.prefill([tokenizer.bos, ...ids]); // (V)
  const weights = new Float64Array(tokenizer.vocabSize);
  while (true) {
    tokenWeights(logits, options.temperature, options.topK ?? tokenizer.vocabSize, weights);
    const token = random.choices(weights);
    if (token === tokenizer.bos) break;
    ids.push(token);
    if (ids.length === blockSize) break; // every position has been fed
    logits = await engine.decode(token);
  }
  return tokenizer.decode(ids);
}

/** Throws ConfigError where `options` cannot work with any model. */
export function checkSampleOptions({ temperature, topK }: Pick<SampleOptions, 'temperature' | 'topK'>): void {
  if (!(temperature >= MIN_TEMPERATURE && temperature < Infinity)) {
    throw new ConfigError(
      `temperature: expected a number of at least ${MIN_TEMPERATURE}, got ${temperature}. ` +
        'For the likeliest token every time, use top-k 1.',
    );
  }
  if (topK !== undefined && !(Number.isSafeInteger(topK) && topK >= 1)) {
    throw new ConfigError(`top-k: expected a whole number of at least 1, got ${topK}.`);
  }
}

/** The tokens of `prompt`, without BOS. Throws DataError or ConfigError where no document can begin with it. */
export function encodePrompt(tokenizer: Tokenizer, prompt: string, blockSize: number): number[] {
  const ids = tokenizer.encode(prompt);
  if (ids.length >= blockSize) {
    throw new ConfigError(
      `prompt: expected fewer than ${blockSize} characters (the model's block size), got ${ids.length}. ` +
        'Shorten it, or train a model with a larger block size.',
    );
  }
  return ids;
}

/**
 * The weights (V) of the next token: exp(logit / temperature - max), in f64, divided by their sum; 0 for all
 * but the `topK` likeliest. Operations and their order are microgpt.py's, so sums round as Python's do.
 */
export function tokenWeights(
  logits: ArrayLike<number>,
  temperature: number,
  topK: number,
  weights: Float64Array,
): void {
  const V = weights.length;
  const scale = 1 / temperature; // `l / temperature` is `l * temperature**-1` on a Value
  let max = -Infinity;
  for (let i = 0; i < V; i++) {
    weights[i] = logits[i] * scale;
    if (!Number.isFinite(weights[i])) {
      throw new MicrogptError(
        `logits: expected finite numbers, got ${logits[i]} for token ${i}. ` +
          'The training of this model diverged: train it again with a smaller learning rate.',
      );
    }
    if (weights[i] > max) max = weights[i];
  }
  const kept = topK < V ? largest(logits, topK) : undefined;
  let total = 0;
  for (let i = 0; i < V; i++) {
    weights[i] = kept === undefined || kept[i] === 1 ? Math.exp(weights[i] - max) : 0;
    total += weights[i];
  }
  const inverse = 1 / total;
  for (let i = 0; i < V; i++) weights[i] *= inverse;
}

/** Marks the k largest of `logits` with 1; of equal ones the first. */
function largest(logits: ArrayLike<number>, k: number): Uint8Array {
  const order = Array.from({ length: logits.length }, (_, id) => id);
  order.sort((a, b) => logits[b] - logits[a] || a - b);
  const kept = new Uint8Array(logits.length);
  for (let i = 0; i < k; i++) kept[order[i]] = 1;
  return kept;
}
