// What happens inside the model, over a text and to one token of a document.

import { lookInside } from '../../model/inside.ts';
import { parameterSpecs } from '../../model/parameters.ts';
import { ConfigError } from '../../util/errors.ts';
import { biasCorrections, learningRateAt } from '../../config/schedule.ts';
import { moveByAdam } from '../../ops/adam.ts';
import { norm } from '../../util/arrays.ts';
import { INSIDE_TOKENS, type InsideAnswer, type QuestionOf, type WalkAnswer } from '../questions.ts';
import type { LiveRun } from './live-run.ts';

/** Parameters × tokens: about two seconds in f64 and plain loops. */
const MAX_WORK = 5e8;

export async function inside(
  { engine, spec, tokenizer, step }: LiveRun,
  { text, whole }: QuestionOf<'inside'>,
): Promise<InsideAnswer> {
  const { model } = spec;
  const { bos } = tokenizer;
  const all = [bos, ...tokenizer.encode(text), ...(whole ? [bos] : [])];
  const n = Math.min(model.blockSize, INSIDE_TOKENS, whole ? all.length - 1 : all.length);
  checkWork(spec.parameters.length * n);
  const tokens = all.slice(0, n);
  const { probabilities, losses, residual, layers } = lookInside(
    model,
    await engine.parameters(),
    tokens,
    all[n],
  );
  return {
    step,
    tokens,
    next: all[n],
    left: all.length - n - (whole ? 1 : 0),
    probabilities,
    losses,
    stages: residual.map(({ name, rms }) => ({ name, rms })),
    layers: layers.map(({ attention, hidden }) => ({ attention, hidden })),
  };
}

export async function walk(
  { engine, spec, step }: LiveRun,
  question: QuestionOf<'walk'>,
): Promise<WalkAnswer> {
  const { model, training, documents } = spec;
  const { nEmbd: C, nHead: H, vocabSize: V } = model;
  const d = (question.document ?? step * training.batchSize) % documents.count;
  const tokens = [...documents.tokens.subarray(documents.offsets[d], documents.offsets[d + 1])].slice(
    0,
    Math.min(model.blockSize, INSIDE_TOKENS) + 1,
  );
  const n = tokens.length - 1;
  checkWork(spec.parameters.length * n);
  const r = Math.min(question.position, n - 1);
  const { parameters, m, v } = await engine.state();
  const { gradients } = await engine.gradients();
  const seen = lookInside(model, parameters, tokens.slice(0, n), tokens[n]);

  const [wte, wpe] = parameterSpecs(model);
  const token = wte.offset + tokens[r] * C;
  const row = (flat: ArrayLike<number>, i: number, width: number) =>
    Float64Array.from({ length: width }, (_, c) => flat[i * width + c]);
  const layer = Math.min(question.layer, model.nLayer - 1);
  const head = Math.min(question.head, H - 1);
  const { queries, keys: allKeys, attention, hidden } = seen.layers[layer];
  const D = C / H;
  const at = (t: number) => t * C + head * D;
  const query = Float64Array.from(queries.subarray(at(r), at(r) + D));
  const keys = new Float64Array((r + 1) * D);
  const attentionLogits = new Float64Array(r + 1);
  for (let t = 0; t <= r; t++) {
    keys.set(allKeys.subarray(at(t), at(t) + D), t * D);
    for (let i = 0; i < D; i++) attentionLogits[t] += (query[i] * keys[t * D + i]) / Math.sqrt(D);
  }
  const gradient = Float64Array.from(gradients.subarray(token, token + C));
  const length = norm(gradients);
  const index = question.index ?? token + largestOf(gradient);
  if (index >= parameters.length) {
    throw new ConfigError(`parameter ${index}: expected a number below ${parameters.length}.`);
  }
  return {
    step,
    document: d,
    tokens,
    position: r,
    layer,
    head,
    tokenEmbedding: Float64Array.from(parameters.subarray(token, token + C)),
    positionEmbedding: row(parameters.subarray(wpe.offset), r, C),
    embedded: row(seen.residual[0].x, r, C),
    query,
    keys,
    attentionLogits,
    attentionWeights: attention.slice((head * n + r) * n, (head * n + r) * n + r + 1),
    before: row(seen.residual[2 * layer].x, r, C),
    attended: row(seen.residual[2 * layer + 1].x, r, C),
    hidden: row(hidden, r, 4 * C),
    fed: row(seen.residual[2 * layer + 2].x, r, C),
    logits: row(seen.logits, r, V),
    probabilities: row(seen.probabilities, r, V),
    losses: seen.losses,
    gradient,
    adam: {
      index,
      norm: length,
      ...adamOf(parameters[index], gradients[index], length, m[index], v[index], step, training),
    },
  };
}

/** What Adam does with one parameter in step `step`, counted from 0. */
function adamOf(
  p: number,
  grad: number,
  length: number,
  m: number,
  v: number,
  step: number,
  training: LiveRun['spec']['training'],
): Omit<WalkAnswer['adam'], 'index' | 'norm'> {
  const { clip } = training;
  const clipped = clip === 0 ? grad : grad * Math.min(1, clip / length); // 0 is no clip
  const rate = learningRateAt(training, step);
  const [correction1, correction2] = biasCorrections(training, step);
  const [after, nextM, nextV] = [p, m, v].map((x) => Float64Array.of(x));
  moveByAdam(Float64Array.of(clipped), [after, nextM, nextV], training, {
    learningRate: rate,
    correction1,
    correction2,
  });
  return {
    p,
    grad,
    clipped,
    m: [m, nextM[0]],
    v: [v, nextV[0]],
    mHat: nextM[0] / correction1,
    vHat: nextV[0] / correction2,
    rate,
    after: after[0],
  };
}

function largestOf(values: Float64Array): number {
  return values.reduce((best, x, i) => (Math.abs(x) > Math.abs(values[best]) ? i : best), 0);
}

function checkWork(work: number): void {
  if (work > MAX_WORK) throw new ConfigError('This model is too large to be looked into in the page.');
}
