// New documents from a trained model, token by token with a KV cache, as microgpt.py's last loop.

import type { Tokenizer } from '../data/tokenizer.ts';
import {
  checkOptions,
  optionsOf,
  type NamesOf,
  type OptionName,
  type SamplingConfig,
  type Values,
} from '../config/config.ts';
import type { Engine } from '../engine/engine.ts';
import { checkOneModel } from '../util/engine-checks.ts';
import { ConfigError, MicrogptError } from '../util/errors.ts';
import { chooseIndex, PythonRandom } from '../util/python-random.ts';

/** Of the table of options, except how many documents; what is left out has no effect. */
export type DrawingOptions = Pick<SamplingConfig, 'temperature'> & Partial<Values<NamesOf<'sampling'>>>;

export interface SampleOptions extends DrawingOptions {
  /** The text that the document begins with. Default: none. */
  readonly prompt?: string;
  /** T of the model: a document ends at the latest after this many characters. */
  readonly blockSize: number;
}

/** Engines that draw many documents at once are asked for as many as they can draw in about this, in milliseconds. */
const TURN = 10;

/** Most numbers drawn ahead. */
const MOST_AHEAD = 1 << 16;

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
  for await (const text of sampleDocuments(engine, tokenizer, random, options, 1)) return text;
  throw new MicrogptError('sampleDocument: the engine returned no document.');
}

/**
 * `count` documents, one after the other, the same as by so many calls of `sampleDocument`. The numbers of a document have
 * been drawn from `random` when it comes, and no more. Engine and `random` belong to the generator until it ends.
 */
export async function* sampleDocuments(
  engine: Engine,
  tokenizer: Tokenizer,
  random: PythonRandom,
  options: SampleOptions,
  count: number,
): AsyncGenerator<string, void, void> {
  const { blockSize, temperature, topK = tokenizer.vocabSize } = options;
  checkOneModel(engine, 'sampling');
  checkSampleOptions(options);
  const { bos } = tokenizer;
  const prompt = encodePrompt(tokenizer, options.prompt ?? '', blockSize);
  const weights = new Float64Array(tokenizer.vocabSize);
  const choose = (logits: ArrayLike<number>, uniform: number): number => {
    tokenWeights(logits, temperature, topK, weights);
    return chooseIndex(weights, uniform);
  };

  if (engine.generate === undefined) {
    for (let i = 0; i < count; i++) {
      yield tokenizer.decode(await decodeDocument(engine, bos, prompt, blockSize, random, choose));
    }
    return;
  }
  const ahead = new PythonRandom(0);
  ahead.setState(random.getState());
  const room = blockSize - prompt.length;
  let uniforms = new Float64Array(0); // drawn, and not used yet
  let batch = 1;
  for (let left = count; left > 0;) {
    const now = Math.min(left, batch);
    if (uniforms.length < now * room) {
      const longer = new Float64Array(now * room);
      longer.set(uniforms);
      for (let i = uniforms.length; i < longer.length; i++) longer[i] = ahead.random();
      uniforms = longer;
    }
    const start = performance.now();
    const documents = await engine.generate({
      prefix: [bos, ...prompt],
      count: now,
      longest: blockSize,
      end: bos,
      temperature,
      topK,
      uniforms,
      choose,
    });
    if (performance.now() - start < TURN / 2 && 2 * batch * room <= MOST_AHEAD) batch *= 2;
    let used = 0;
    for (const ids of documents) {
      const drawn = Math.min(ids.length + 1, room); // the end is a token too, where there is room for it
      used += drawn;
      random.skip(drawn);
      yield tokenizer.decode(prompt.length === 0 ? ids : [...prompt, ...ids]);
    }
    uniforms = uniforms.subarray(used);
    left -= now;
  }
}

/** The tokens of one document, its prompt included, BOS not, token by token. */
async function decodeDocument(
  engine: Engine,
  bos: number,
  prompt: readonly number[],
  blockSize: number,
  random: PythonRandom,
  choose: (logits: ArrayLike<number>, uniform: number) => number,
): Promise<number[]> {
  const ids = [...prompt];
  let logits = await engine.prefill([bos, ...ids]); // (V)
  while (true) {
    const token = choose(logits, random.random());
    if (token === bos) break;
    ids.push(token);
    if (ids.length === blockSize) break; // every position has been fed
    logits = await engine.decode(token);
  }
  return ids;
}

/** Throws ConfigError where `options` cannot work with any model. */
export function checkSampleOptions(options: DrawingOptions): void {
  const given = optionsOf('sampling').filter(({ name }) => Reflect.get(options, name) !== undefined);
  checkOptions(
    options as Values<OptionName>,
    given.map(({ name }) => name),
  );
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
          'The weights of this model are too large or damaged: train it again, with a smaller learning rate.',
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
