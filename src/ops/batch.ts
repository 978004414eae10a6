// batch: lays out the documents of the next step and its scalars, on the device, so that a step needs
// nothing from the host. Step s takes the documents (s·B … s·B+B−1) mod N and packs them, row after row, without padding.
// spans[r] are the rows of r's document: the first, and the one after its last.

import scheduleLib from '../../shaders/lib/schedule.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/batch.wgsl?raw';
import type { TokenizedDocuments } from '../data/tokenizer.ts';
import type { Op } from '../graph/op.ts';
import { STEP_BYTES } from '../graph/op.ts';
import { biasCorrections, learningRateAt } from '../config/schedule.ts';
import { float, matchShapes, randomInteger } from './support.ts';
import type { FloatArray } from '../util/arrays.ts';

/** What `batch` must know of the run, beside the shape of its corpus. */
export type BatchAttrs = {
  /** B: documents per step. */
  readonly batch: number;
  /** T: longest context; longer documents are cut. */
  readonly block: number;
  /** N: documents in the corpus. */
  readonly documents: number;
  /** Steps of the whole run. */
  readonly steps: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
};

/** The corpus as `batch` reads it: the N + 1 offsets, then the tokens. */
export function packCorpus(documents: TokenizedDocuments): Uint32Array {
  const packed = new Uint32Array(documents.offsets.length + documents.tokens.length);
  packed.set(documents.offsets);
  packed.set(documents.tokens, documents.offsets.length);
  return packed;
}

export const batch: Op = {
  name: 'batch',
  inputs: ['corpus', 'counter'],
  outputs: ['step', 'tokens', 'targets', 'positions', 'spans', 'weights'],
  integers: ['corpus', 'counter', 'step', 'tokens', 'targets', 'positions', 'spans'],
  writesStep: true,

  infer(shapes, attrs, where) {
    matchShapes('batch', where, shapes, { corpus: ['K'], counter: [1] });
    const R = attrs.batch * attrs.block;
    return [[STEP_BYTES / 4], [R], [R], [R], [R, 2], [R]]; // prettier-ignore
  },

  cpu({ inputs, outputs, attrs, step }) {
    const [corpus, counter] = inputs as [Uint32Array, Uint32Array];
    const [, tokens, targets, positions, spans, weights] = outputs as [
      Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, FloatArray,
    ]; // prettier-ignore
    const { batch: B, block: T, documents: N, ...rates } = attrs as BatchAttrs;
    const index = counter[0];
    let row = 0;
    for (let b = 0; b < B; b++) {
      const document = (index * B + b) % N;
      const first = corpus[document];
      const length = Math.min(T, corpus[document + 1] - first - 1);
      const text = N + 1 + first;
      for (let t = 0; t < length; t++) {
        tokens[row + t] = corpus[text + t];
        targets[row + t] = corpus[text + t + 1];
        positions[row + t] = t;
        spans[2 * (row + t)] = row;
        spans[2 * (row + t) + 1] = row + length;
        weights[row + t] = 1 / (B * length);
      }
      row += length;
    }
    step.index = index;
    step.rows = row;
    step.learningRate = learningRateAt(rates, index);
    [step.correction1, step.correction2] = biasCorrections(rates, index);
  },

  kernel: {
    source: stepLib + scheduleLib + shader,
    entry: 'batch',
    launch: (_shapes, attrs) => ({ constants: constants(attrs as BatchAttrs), workgroups: [1, 1, 1] }),
  },

  // `document_at(n)` is the n-th document of the run, DOCUMENTS how many the corpus has; each invocation sets its own `rows`.
  body: (_shapes, { batch: B, block: T }) => ({
    packed: [],
    phases: [
      {
        multiplyAdds: 0,
        code: (at) => `
      var row = 0u;
      for (var b = 0u; b < ${B}; b++) {
        let document = document_at(index * ${B} + b);
        let first = ${at.corpus.integer('document')};
        let length = min(${T}, ${at.corpus.integer('document + 1')} - first - 1);
        let text = DOCUMENTS + 1 + first;
        for (var t = worker; t < length; t += WORKERS) {
          let r = row + t;
          ${at.tokens.put('r', at.corpus.integer('text + t'))}
          ${at.targets.put('r', at.corpus.integer('text + t + 1'))}
          ${at.positions.put('r', 't')}
          ${at.spans.put('2 * r', 'row')}
          ${at.spans.put('2 * r + 1', 'row + length')}
          ${at.weights.put('r', `1 / (${float(B)} * f32(length))`)}
        }
        row += length;
      }
      rows = row;`,
      },
    ],
  }),

  flops: () => 0,
  // Of the corpus two offsets for each document and its tokens.
  touches: (_shapes, { batch: B, block: T }) => ({ corpus: B * (T + 3) }),

  example(random) {
    const N = randomInteger(random, 1, 9);
    const lengths = Array.from({ length: N }, () => randomInteger(random, 2, 90));
    const offsets = new Uint32Array(N + 1);
    lengths.forEach((length, i) => (offsets[i + 1] = offsets[i] + length));
    const tokens = Uint32Array.from({ length: offsets[N] }, () => randomInteger(random, 0, 99));
    const corpus = packCorpus({ count: N, tokens, offsets });
    const attrs: BatchAttrs = {
      batch: randomInteger(random, 1, 7),
      block: randomInteger(random, 1, 80),
      documents: N,
      steps: 1000,
      learningRate: random.random(),
      beta1: random.random(),
      beta2: 1 - random.random() / 100,
    };
    return {
      shapes: [[corpus.length], [1]],
      attrs,
      inputs: [corpus, new Uint32Array([randomInteger(random, 0, 999)])],
      step: { index: 0, rows: 0, learningRate: 0, correction1: 0, correction2: 0 },
    };
  },
};

function constants({ batch: B, block: T, documents: N, steps, learningRate, beta1, beta2 }: BatchAttrs) {
  // log(0) is not a value WGSL can hold; exp(-1000) is 0 as well.
  const log = (beta: number) => Math.max(-1000, Math.log(beta));
  return { B, T, N, STEPS: steps, LEARNING_RATE: learningRate, LOG_BETA1: log(beta1), LOG_BETA2: log(beta2) };
}
