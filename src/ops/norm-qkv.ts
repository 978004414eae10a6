// norm_qkv: q, k and v of rmsnorm(x) as one product; they stand side by side in rows of 3C. Its derivatives are one
// product each as well.

import normLib from '../../shaders/lib/norm.wgsl?raw';
import normedRowsLib from '../../shaders/lib/normed_rows.wgsl?raw';
import partsLib from '../../shaders/lib/parts.wgsl?raw';
import shader from '../../shaders/norm_qkv.wgsl?raw';
import gradWShader from '../../shaders/qkv_grad_w.wgsl?raw';
import gradXShader from '../../shaders/qkv_grad_x.wgsl?raw';
import type { Rule } from '../graph/fuse.ts';
import type { Op, OpCase, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import { add } from './add.ts';
import { attentionGradKv, attentionGradQ, attentionGradStats } from './attention-grad.ts';
import { attentionQkv, attentionQkvGrad } from './attention-qkv.ts';
import { attention } from './attention.ts';
import {
  inParts,
  linear,
  linearGradW,
  linearGradX,
  partRows,
  partsOf,
  partsShape,
  randomParts,
} from './linear.ts';
import { normedGrad } from './normed-grad.ts';
import { productKernel } from './product.ts';
import { normRows, rmsnorm, rmsnormGrad } from './rmsnorm.ts';
import { exampleStep, expectShape, matchShapes, randomInteger, randomNormal } from './support.ts';
import { gradWPhase, gradXPhase, normedPhase, rowOf } from './bodies.ts';

/** Keeps normed and scale for the derivative. */
export const normQkv: Op = {
  name: 'norm_qkv',
  inputs: ['x', 'wq', 'wk', 'wv'],
  outputs: ['qkv', 'normed', 'scale'],

  infer(shapes, _attrs, where) {
    const patterns = { x: ['R', 'C'], wq: ['C', 'C'], wk: ['C', 'C'], wv: ['C', 'C'] } as const;
    const { R, C } = matchShapes('norm_qkv', where, shapes, patterns);
    return [[R, 3 * C], [R, C], [R]]; // prettier-ignore
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [x, ...ws] = inputs as FloatArray[];
    const [qkv, normed, scale] = outputs as [FloatArray, FloatArray, FloatArray];
    const C = shapes[0][1];
    normRows(x, step.rows, C, normed, scale);
    for (let r = 0; r < step.rows; r++) {
      for (let n = 0; n < 3 * C; n++) {
        const w = ws[Math.floor(n / C)];
        let sum = 0;
        for (let i = 0; i < C; i++) sum += normed[r * C + i] * w[(n % C) * C + i];
        qkv[r * 3 * C + n] = sum; // (R, 3C)
      }
    }
  },

  kernel: productKernel({
    entry: 'norm_qkv',
    source: normLib + normedRowsLib + shader,
    norm: true,
    reads: { x: 'C', wq: 'C', wk: 'C', wv: 'C' },
    writes: { qkv: '3 * C', normed: 'C' },
    constants: ([[, C]]) => ({ C }),
    products: ([[R, C]]) => [[R, 3 * C]],
  }),

  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [
      normedPhase(
        3 * C,
        C,
        P,
        (_at, choose) => {
          const [declaration, w] = choose(['wq', 'wk', 'wv'], `n / ${C}`);
          return [declaration, rowOf(w, `n % ${C} * ${C / P}`)];
        },
        (at, product) => at.qkv.put('i', product),
      ),
    ],
  }),

  flops: ([[R, C]]) => R * (6 * C * C + 3 * C + 4),
  example: (random) => exampleOf(random, (R, C) => [[R, C], ...weights(C)]),
};

/** dnormed = dq·wq + dk·wk + dv·wv. */
export const qkvGradX: Op = {
  name: 'qkv_grad_x',
  inputs: ['dqkv', 'wq', 'wk', 'wv'],
  outputs: ['dnormed'],

  infer(shapes, _attrs, where) {
    const C = shapes[1][0];
    const patterns = { dqkv: ['R', 3 * C], wq: [C, C], wk: [C, C], wv: [C, C] } as const;
    const { R } = matchShapes('qkv_grad_x', where, shapes, patterns);
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [dqkv, ...ws] = inputs as FloatArray[];
    const dnormed = outputs[0] as FloatArray;
    const C = shapes[1][0];
    dnormed.fill(0, 0, step.rows * C);
    for (let r = 0; r < step.rows; r++) {
      for (let k = 0; k < 3 * C; k++) {
        const d = dqkv[r * 3 * C + k];
        const w = ws[Math.floor(k / C)];
        for (let i = 0; i < C; i++) dnormed[r * C + i] += d * w[(k % C) * C + i]; // (R, C)
      }
    }
  },

  kernel: productKernel({
    entry: 'qkv_grad_x',
    source: gradXShader,
    reads: { dqkv: '3 * C', wq: 'C', wk: 'C', wv: 'C' },
    writes: { dnormed: 'C' },
    constants: ([, [C]]) => ({ C }),
    products: ([[R], [C]]) => [[R, C]],
  }),

  body: ([, [C]], _attrs, P) => ({
    packed: [C],
    phases: [gradXPhase([C, C], P, (at) => at.dqkv, ['wq', 'wk', 'wv'], 'dnormed')],
  }),

  flops: ([[R], [C]]) => 6 * R * C * C,
  example: (random) => exampleOf(random, (R, C) => [[R, 3 * C], ...weights(C)]),
};

/** dwq[o, i] = Σᵣ dq[r, o] · normed[r, i], dwk and dwv likewise; in `attrs.parts` as linear_grad_w. */
export const qkvGradW: Op = {
  name: 'qkv_grad_w',
  inputs: ['dqkv', 'normed'],
  outputs: ['dwq', 'dwk', 'dwv'],

  infer(shapes, attrs, where) {
    const dims: Record<string, number> = {};
    expectShape('qkv_grad_w', where, 'dqkv', shapes[0], ['R', 'M'], dims);
    expectShape('qkv_grad_w', where, 'normed', shapes[1], ['R', dims.M / 3], dims);
    const C = shapes[1][1];
    return weights(C).map(([O, I]) => partsShape(attrs, O, I));
  },

  cpu({ inputs, outputs, shapes, attrs, step }) {
    const [dqkv, normed] = inputs as [FloatArray, FloatArray];
    const C = shapes[1][1];
    for (const dw of outputs) dw.fill(0);
    partRows(step.rows, partsOf(attrs)).forEach(([first, end], part) => {
      for (let r = first; r < end; r++) {
        for (let m = 0; m < 3 * C; m++) {
          const d = dqkv[r * 3 * C + m];
          const dw = outputs[Math.floor(m / C)];
          const row = (part * C + (m % C)) * C;
          for (let i = 0; i < C; i++) dw[row + i] += d * normed[r * C + i]; // (parts, C, C)
        }
      }
    });
  },

  kernel: productKernel({
    entry: 'qkv_grad_w',
    source: partsLib + gradWShader,
    reads: { dqkv: '3 * C', normed: 'C' },
    writes: { dwq: 'C', dwk: 'C', dwv: 'C' },
    constants: ([, [, C]], attrs) => ({ C, PARTS: partsOf(attrs) }),
    products: ([, [, C]], attrs) => [[3 * C, C, partsOf(attrs)]],
  }),

  body: ([, [, C]], attrs, P) => ({
    packed: [C],
    phases: ['dwq', 'dwk', 'dwv'].map((dw, n) =>
      gradWPhase(attrs, [C, C], P, (at) => at.dqkv, { x: 'normed', dw, stride: 3 * C, first: n * C }),
    ),
  }),

  flops: ([, [R, C]]) => 6 * R * C * C,

  example(random) {
    const example = exampleOf(random, (R, C) => [[R, 3 * C], [R, C]]); // prettier-ignore
    return { ...example, attrs: randomParts(random) };
  },
};

/** Forth and back at once: q, k and v and their gradients stand side by side from here to there. */
export const normQkvRule: Rule = {
  inputs: ['x', 'wq', 'wk', 'wv', 'spans', 'dout'],
  plain(apply, [x, wq, wk, wv, spans, dout]) {
    const [normed] = apply(rmsnorm, x);
    const [q] = apply(linear, normed, wq);
    const [k] = apply(linear, normed, wk);
    const [v] = apply(linear, normed, wv);
    const [out, lse] = apply(attention, q, k, v, spans);
    const [stats] = apply(attentionGradStats, lse, out, dout);
    const [dq] = apply(attentionGradQ, q, k, v, dout, stats, spans);
    const [dk, dv] = apply(attentionGradKv, q, k, v, dout, stats, spans);
    const grads = [
      [dv, wv],
      [dk, wk],
      [dq, wq],
    ].map(([d, w]) => [...apply(linearGradX, d, w), ...apply(linearGradW, d, normed)]);
    const [[throughV, dwv], [throughK, dwk], [throughQ, dwq]] = grads;
    const [dnormed] = apply(add, ...apply(add, throughV, throughK), throughQ);
    return [out, ...apply(rmsnormGrad, x, dnormed), dwq, dwk, dwv];
  },
  fused(graph, [x, wq, wk, wv, spans, dout], matched) {
    const { attrs } = matched.find(({ op }) => op === attention)!;
    const [qkv, normed, scale] = graph.apply(normQkv, [x, wq, wk, wv]); // (R, 3C)
    const [out, lse] = graph.apply(attentionQkv, [qkv, spans], attrs);
    const [dqkv] = graph.apply(attentionQkvGrad, [qkv, out, lse, dout, spans], attrs);
    const [dnormed] = graph.apply(qkvGradX, [dqkv, wq, wk, wv]);
    const dweights = graph.apply(qkvGradW, [dqkv, normed]);
    return [out, ...graph.apply(normedGrad, [normed, scale, dnormed]), ...dweights];
  },
};

export const qkvGradWInParts = inParts(qkvGradW, ([[R, O], [, I]]) => ({ R, O, I }));

function weights(C: number): Shape[] {
  return [[C, C], [C, C], [C, C]]; // prettier-ignore
}

function exampleOf(random: PythonRandom, shapesOf: (R: number, C: number) => Shape[]): OpCase {
  const pick = () => randomInteger(random, 1, randomInteger(random, 1, 8) === 1 ? 100 : 40);
  const [R, C] = [pick(), pick()];
  const shapes = shapesOf(R, C);
  return {
    shapes,
    attrs: {},
    inputs: shapes.map(([a, b]) => randomNormal(random, a * b)),
    step: exampleStep(randomInteger(random, 1, R)),
  };
}
