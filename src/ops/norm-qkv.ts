// norm_qkv: q, k and v of rmsnorm(x) as one product; they stand side by side in rows of 3C. Its derivatives are one
// product each as well.

import normLib from '../../shaders/lib/norm.wgsl?raw';
import normedRowsLib from '../../shaders/lib/normed_rows.wgsl?raw';
import productLib from '../../shaders/lib/product.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/norm_qkv.wgsl?raw';
import gradWShader from '../../shaders/qkv_grad_w.wgsl?raw';
import gradXShader from '../../shaders/qkv_grad_x.wgsl?raw';
import type { Op, OpCase, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import { launchTiles } from './linear.ts';
import { normedGrad } from './normed-grad.ts';
import { normRows } from './rmsnorm.ts';
import { exampleStep, expectShape, matchShapes, randomInteger, randomNormal } from './support.ts';

/** normed and scale are what the derivative takes. */
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

  // dnormed = dq·wq + dk·wk + dv·wv, then through the norm; dwq = dqᵀ·normed, and so on.
  vjp(graph, node, [dqkv]) {
    const [, normed, scale] = node.outputs;
    const [dnormed] = graph.apply(qkvGradX, [dqkv!, ...node.inputs.slice(1)]);
    const [dx] = graph.apply(normedGrad, [normed, scale, dnormed]);
    return [dx, ...graph.apply(qkvGradW, [dqkv!, normed])];
  },

  kernel: {
    source: stepLib + normLib + productLib + normedRowsLib + shader,
    entry: 'norm_qkv',
    launch: ([[R, C]]) => launchTiles(R, 3 * C, { C }),
  },

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

  kernel: {
    source: stepLib + productLib + gradXShader,
    entry: 'qkv_grad_x',
    launch: ([[R], [C]]) => launchTiles(R, C, { C }),
  },

  flops: ([[R], [C]]) => 6 * R * C * C,
  example: (random) => exampleOf(random, (R, C) => [[R, 3 * C], ...weights(C)]),
};

/** dwq[o, i] = Σᵣ dq[r, o] · normed[r, i], dwk and dwv likewise. */
export const qkvGradW: Op = {
  name: 'qkv_grad_w',
  inputs: ['dqkv', 'normed'],
  outputs: ['dwq', 'dwk', 'dwv'],

  infer(shapes, _attrs, where) {
    const dims: Record<string, number> = {};
    expectShape('qkv_grad_w', where, 'dqkv', shapes[0], ['R', 'M'], dims);
    expectShape('qkv_grad_w', where, 'normed', shapes[1], ['R', dims.M / 3], dims);
    const C = shapes[1][1];
    return weights(C);
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [dqkv, normed] = inputs as [FloatArray, FloatArray];
    const C = shapes[1][1];
    for (const dw of outputs) dw.fill(0);
    for (let r = 0; r < step.rows; r++) {
      for (let m = 0; m < 3 * C; m++) {
        const d = dqkv[r * 3 * C + m];
        const dw = outputs[Math.floor(m / C)];
        for (let i = 0; i < C; i++) dw[(m % C) * C + i] += d * normed[r * C + i]; // (C, C)
      }
    }
  },

  kernel: {
    source: stepLib + productLib + gradWShader,
    entry: 'qkv_grad_w',
    launch: ([, [, C]]) => launchTiles(3 * C, C, { C }),
  },

  flops: ([, [R, C]]) => 6 * R * C * C,
  example: (random) => exampleOf(random, (R, C) => [[R, 3 * C], [R, C]]), // prettier-ignore
};

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
