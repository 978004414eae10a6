// The answers to the page's questions, from the engine as it stands between two steps.

import type { TokenizedDocuments } from '../../data/tokenizer.ts';
import { createPlainEngine } from '../../cpu/plain.ts';
import type { EngineSpec } from '../../engine/engine.ts';
import { encodePrompt, sampleDocument, tokenWeights } from '../../train/sampler.ts';
import { ConfigError } from '../../util/errors.ts';
import { PythonRandom } from '../../util/python-random.ts';
import type {
  Answers,
  NextAnswer,
  Question,
  QuestionName,
  QuestionOf,
  SlopeAnswer,
  WriteAnswer,
} from '../questions.ts';
import { inside, walk } from './answers-inside.ts';
import { embeddings, matrices } from './answers-parameters.ts';
import type { LiveRun } from './live-run.ts';

/** Throws MicrogptError where the question makes no sense for this run. */
export function answer(run: LiveRun, question: Question): Promise<Answers[QuestionName]> {
  switch (question.name) {
    case 'next':
      return next(run, question);
    case 'write':
      return write(run, question);
    case 'slope':
      return slope(run, question);
    case 'inside':
      return inside(run, question);
    case 'matrices':
      return matrices(run, question);
    case 'embeddings':
      return embeddings(run);
    case 'walk':
      return walk(run, question);
  }
}

async function next(
  { engine, spec, tokenizer, step }: LiveRun,
  { prefix, temperature }: QuestionOf<'next'>,
): Promise<NextAnswer> {
  const ids = encodePrompt(tokenizer, prefix, spec.model.blockSize);
  const logits = await engine.prefill([tokenizer.bos, ...ids]); // (V)
  const probabilities = new Float64Array(tokenizer.vocabSize);
  tokenWeights(logits, temperature, tokenizer.vocabSize, probabilities);
  return { step, probabilities };
}

async function write(
  { engine, spec, tokenizer, step }: LiveRun,
  { prefix, temperature, count, seed }: QuestionOf<'write'>,
): Promise<WriteAnswer> {
  const random = new PythonRandom(seed);
  const { blockSize } = spec.model;
  const texts: string[] = [];
  while (texts.length < count) {
    texts.push(await sampleDocument(engine, tokenizer, random, { prompt: prefix, temperature, blockSize }));
  }
  return { step, texts };
}

/** Parameters × tokens: more would keep the training waiting, for this runs in f64 and in plain loops. */
const SLOPE_WORK = 1e6;
/** Points of the curve, an odd number, and how far it reaches on either side. */
const SLOPE_POINTS = 17;
const SLOPE_REACH = 0.4;
/** Small enough that the curve is straight, large enough that f64 does not round the difference away. */
const SLOPE_NUDGE = 1e-5;

async function slope({ engine, spec, step }: LiveRun, { index }: QuestionOf<'slope'>): Promise<SlopeAnswer> {
  const parameters = Float64Array.from(await engine.parameters());
  if (index >= parameters.length) {
    throw new ConfigError(`parameter ${index}: expected a number below ${parameters.length}.`);
  }
  const documents = nextDocument(spec, step);
  if (parameters.length * spec.model.blockSize > SLOPE_WORK) {
    throw new ConfigError('This model is too large to be differentiated while you wait.');
  }
  const value = parameters[index];
  const training = { ...spec.training, batchSize: 1 };
  const probe = createPlainEngine({ ...spec, training, parameters, documents }, 'f64');
  const zeros = new Float64Array(parameters.length);
  const at = async (offset: number) => {
    parameters[index] = value + offset;
    await probe.load({ step: 0, parameters, m: zeros, v: zeros });
    const { losses, gradients } = await probe.gradients();
    return { loss: losses[0], gradients };
  };
  const { gradients } = await at(0);
  const measured = ((await at(SLOPE_NUDGE)).loss - (await at(-SLOPE_NUDGE)).loss) / (2 * SLOPE_NUDGE);
  const offsets = new Float64Array(SLOPE_POINTS);
  const losses = new Float64Array(SLOPE_POINTS);
  for (let i = 0; i < SLOPE_POINTS; i++) {
    offsets[i] = SLOPE_REACH * ((2 * i) / (SLOPE_POINTS - 1) - 1);
    losses[i] = (await at(offsets[i])).loss;
  }
  probe.dispose();
  return { step, value, gradient: gradients[index], measured, offsets, losses };
}

/** The first document of the step after `step`, alone. */
function nextDocument({ documents, training }: EngineSpec, step: number): TokenizedDocuments {
  const d = (step * training.batchSize) % documents.count;
  const tokens = documents.tokens.slice(documents.offsets[d], documents.offsets[d + 1]);
  return { count: 1, tokens, offsets: Uint32Array.of(0, tokens.length) };
}
