// The oracle as an engine: microgpt.py's training loop and its inference, one document at a time.

import type { TokenizedDocuments } from '../data/tokenizer.ts';
import type { Engine, EngineInfo, EngineSpec, TrainingState } from '../engine/engine.ts';
import { checkSpec, eachAlone, sideBySide } from '../engine/models.ts';
import {
  checkAdvance,
  checkDocuments,
  checkNotDisposed,
  checkState,
  checkTokens,
} from '../util/engine-checks.ts';
import { ConfigError } from '../util/errors.ts';
import { runtimeName } from '../util/runtime.ts';
import { takeTurns } from '../util/turns.ts';
import { adam, clipGradients, createMoments, type Moments } from './adam.ts';
import { createCache, createParameters, gpt, softmax, sum, type Cache, type Parameters } from './gpt.ts';
import { NodePool, Value } from './value.ts';

/** How long `advance` keeps the event loop waiting, give or take a step. */
const YIELD_AFTER_MS = 100;

/** Numbers that the graph of one document may have. Each is an object of some 150 bytes, and a process that runs out of them is ended by V8. */
const MAX_VALUES = 2 ** 24;

/**
 * The engine that the others are compared with. Everything is f64, whatever the type of
 * `spec.parameters`, and the arrays it gives are Float64Array.
 *
 * @throws ConfigError where the configuration, the parameters and the documents do not fit together.
 */
export function createOracleEngine(spec: EngineSpec): Engine {
  checkSpec(spec);
  checkSize(spec);
  return sideBySide(eachAlone(spec).map((one) => new OracleEngine(one)));
}

/** Throws ConfigError where the numbers of the longest document would not fit the memory. */
function checkSize({ model, documents }: EngineSpec): void {
  const { nLayer, nEmbd: C, blockSize, vocabSize: V } = model;
  let n = 0;
  for (let d = 0; d < documents.count; d++) {
    n = Math.max(n, Math.min(blockSize, documents.offsets[d + 1] - documents.offsets[d] - 1));
  }
  // A product and a sum for every parameter that a token meets, and for every channel of every token that it attends to.
  const values = 2 * n * (nLayer * (12 * C * C + n * C) + V * C);
  if (values <= MAX_VALUES) return;
  throw new ConfigError(
    `oracle: expected at most ${MAX_VALUES} numbers for a document, got ${values}: they would not fit into memory. ` +
      'Use the cpu engine, or a smaller model, block or text.',
  );
}

class OracleEngine implements Engine {
  readonly size = 1;
  readonly info: EngineInfo = {
    engine: 'oracle',
    description: 'oracle: scalar autograd in JavaScript, one number at a time',
    precision: 'f64',
    build: runtimeName(),
  };
  private readonly spec: EngineSpec;
  private readonly weights: Parameters;
  private pool = new NodePool();
  private moments: Moments;
  private step = 0;
  private keys: Cache;
  private values: Cache;
  private position = 0;
  private disposed = false;
  private readonly inTurn = takeTurns(() => checkNotDisposed(this.disposed));
  private lastBreath = 0;

  constructor(spec: EngineSpec) {
    this.spec = spec;
    this.weights = createParameters(spec.model, spec.parameters);
    this.moments = createMoments(spec.parameters.length);
    this.keys = createCache(spec.model);
    this.values = createCache(spec.model);
  }

  advance(k: number): Promise<Float64Array> {
    return this.inTurn(async () => {
      checkAdvance(k, this.step, this.spec.training.steps);
      this.emptyCache();
      const { clip } = this.spec.training;
      const losses = new Float64Array(k);
      this.lastBreath = performance.now();
      for (let i = 0; i < k; i++) {
        losses[i] = this.forwardBackward();
        if (clip > 0) clipGradients(this.weights.params, clip);
        adam(this.weights.params, this.moments, this.spec.training, this.step);
        this.step++;
        await this.breathe();
      }
      return losses;
    });
  }

  gradients(): Promise<{ losses: Float64Array; gradients: Float64Array }> {
    return this.inTurn(() => {
      const losses = Float64Array.of(this.forwardBackward());
      const { params } = this.weights;
      const gradients = Float64Array.from(params, (p) => p.grad);
      for (const p of params) p.grad = 0;
      return { losses, gradients };
    });
  }

  evaluate(documents: TokenizedDocuments): Promise<Float64Array> {
    return this.inTurn(async () => {
      checkDocuments(documents, this.spec.model.vocabSize);
      const { count, tokens, offsets } = documents;
      const losses = new Float64Array(count);
      this.lastBreath = performance.now();
      for (let d = 0; d < count; d++) {
        const document = tokens.subarray(offsets[d], offsets[d + 1]);
        losses[d] = this.pool.run(() => this.documentLoss(document).data);
        await this.breathe();
      }
      return losses;
    });
  }

  parameters(): Promise<Float64Array> {
    return this.inTurn(() => this.numbers());
  }

  state(): Promise<TrainingState> {
    return this.inTurn(() => {
      const { m, v } = this.moments;
      return { step: this.step, parameters: this.numbers(), m: m.slice(), v: v.slice() };
    });
  }

  load(state: TrainingState): Promise<void> {
    return this.inTurn(() => {
      const { params } = this.weights;
      checkState(state, params.length);
      for (let i = 0; i < params.length; i++) params[i].data = state.parameters[i];
      this.moments = { m: Float64Array.from(state.m), v: Float64Array.from(state.v) };
      this.step = state.step;
      this.emptyCache();
    });
  }

  prefill(tokens: readonly number[]): Promise<Float64Array> {
    return this.inTurn(() => {
      const { blockSize, vocabSize } = this.spec.model;
      checkTokens(tokens, 0, blockSize, vocabSize);
      this.emptyCache();
      let logits = this.feed(tokens[0]);
      for (let i = 1; i < tokens.length; i++) logits = this.feed(tokens[i]);
      return logits;
    });
  }

  decode(token: number): Promise<Float64Array> {
    return this.inTurn(() => {
      const { blockSize, vocabSize } = this.spec.model;
      checkTokens([token], this.position, blockSize, vocabSize);
      return this.feed(token);
    });
  }

  dispose(): void {
    this.disposed = true;
    this.pool = new NodePool(); // the old one may be large
    this.emptyCache();
  }

  private numbers(): Float64Array {
    return Float64Array.from(this.weights.params, (p) => p.data);
  }

  /** The loss of the step that comes next; leaves its gradients in the parameters. */
  private forwardBackward(): number {
    const { training, documents } = this.spec;
    const B = training.batchSize;
    let total = 0;
    for (let b = 0; b < B; b++) {
      const d = (this.step * B + b) % documents.count;
      const tokens = documents.tokens.subarray(documents.offsets[d], documents.offsets[d + 1]);
      // The loss of the batch is the mean over its documents, and the gradient of a sum is the sum
      // of the gradients: each document goes backward on its own, and its graph can be forgotten.
      total += this.pool.run(() => {
        const loss = this.documentLoss(tokens);
        loss.mul(1 / B).backward();
        return loss.data;
      });
    }
    return total * (1 / B);
  }

  /** Mean over a document's tokens of how surprised the model is by each, in nats. */
  private documentLoss(tokens: Uint32Array): Value {
    const { model } = this.spec;
    const n = Math.min(model.blockSize, tokens.length - 1);
    const keys = createCache(model);
    const values = createCache(model);
    const losses: Value[] = [];
    for (let posId = 0; posId < n; posId++) {
      const logits = gpt(model, this.weights, tokens[posId], posId, keys, values);
      const probs = softmax(logits);
      const target = tokens[posId + 1];
      losses.push(probs[target].log().neg()); // 0 where the model was certain of the target
    }
    return sum(losses).mul(1 / n);
  }

  /** Feeds one token at the next position and gives its logits (V). */
  private feed(token: number): Float64Array {
    const { keys, values } = this;
    return this.pool.run(() => {
      const logits = gpt(this.spec.model, this.weights, token, this.position, keys, values);
      this.position++;
      // Nothing goes backward here, so only the numbers stay: in the cache and in the answer.
      keepNumbers(keys);
      keepNumbers(values);
      return Float64Array.from(logits, (logit) => logit.data);
    });
  }

  /** Lets timers and messages happen where they have waited for long. */
  private async breathe(): Promise<void> {
    if (performance.now() - this.lastBreath <= YIELD_AFTER_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.lastBreath = performance.now();
  }

  private emptyCache(): void {
    this.keys = createCache(this.spec.model);
    this.values = createCache(this.spec.model);
    this.position = 0;
  }
}

/** Replaces the newest entry of each layer by leaves, which do not remember how they were computed. */
function keepNumbers(cache: Cache): void {
  for (const layer of cache) layer.push(layer.pop()!.map((value) => new Value(value.data)));
}
