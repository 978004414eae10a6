// norm_linear_relu: out = relu(rmsnorm(x)·w), the first half of the MLP in one kernel, and linear_relu_grad, both
// derivatives of its product in one.

import normLib from '../../shaders/lib/norm.wgsl?raw';
import normedRowsLib from '../../shaders/lib/normed_rows.wgsl?raw';
import gradShader from '../../shaders/linear_relu_grad.wgsl?raw';
import shader from '../../shaders/norm_linear_relu.wgsl?raw';
import type { Op } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { bothGradsKernel, exampleOf, linearGrad } from './linear-add.ts';
import { applyInParts, linear, partsShape, randomParts } from './linear.ts';
import { normedGrad } from './normed-grad.ts';
import { productKernel } from './product.ts';
import { reluGrad } from './relu.ts';
import { normRows } from './rmsnorm.ts';
import { matchShapes } from './support.ts';

/** normed and scale are what the derivative takes. */
export const normLinearRelu: Op = {
  name: 'norm_linear_relu',
  inputs: ['x', 'w'],
  outputs: ['out', 'normed', 'scale'],

  infer(shapes, _attrs, where) {
    const { R, C, O } = matchShapes('norm_linear_relu', where, shapes, { x: ['R', 'C'], w: ['O', 'C'] });
    return [[R, O], [R, C], [R]]; // prettier-ignore
  },

  cpu(call) {
    const [x, w] = call.inputs as [FloatArray, FloatArray];
    const [out, normed, scale] = call.outputs as [FloatArray, FloatArray, FloatArray];
    const [[, C], [O]] = call.shapes;
    normRows(x, call.step.rows, C, normed, scale);
    linear.cpu({ ...call, inputs: [normed, w], outputs: [out] });
    for (let i = 0; i < call.step.rows * O; i++) out[i] = Math.max(0, out[i]); // (R, O)
  },

  vjp(graph, node, [dout]) {
    const [out, normed, scale] = node.outputs;
    const [x, w] = node.inputs;
    const [dnormed, dw] = applyInParts(
      graph,
      linearReluGrad,
      [dout!, out, normed, w],
      [x.shape[0], w.shape[0], w.shape[1]],
    );
    return [graph.apply(normedGrad, [normed, scale, dnormed])[0], dw];
  },

  kernel: productKernel({
    entry: 'norm_linear_relu',
    source: normLib + normedRowsLib + shader,
    norm: true,
    reads: { x: 'C', w: 'C' },
    writes: { out: 'O', normed: 'C' },
    constants: ([[, C], [O]]) => ({ C, O }),
    products: ([[R], [O]]) => [[R, O]],
  }),

  flops: ([[R, C], [O]]) => R * (2 * C * O + O + 3 * C + 4),
  example: (random) => exampleOf(random, (R, I, O) => [[R, I], [O, I]]), // prettier-ignore
};

/**
 * With d = dout · [out > 0]: dx = d·w, dw = dᵀ·x, in `attrs.parts` as linear_grad_w. The derivative at 0 is 0, as in
 * microgpt.py.
 */
export const linearReluGrad: Op = {
  name: 'linear_relu_grad',
  inputs: ['dout', 'out', 'x', 'w'],
  outputs: ['dx', 'dw'],

  infer(shapes, attrs, where) {
    const patterns = { dout: ['R', 'O'], out: ['R', 'O'], x: ['R', 'I'], w: ['O', 'I'] } as const;
    const { R, O, I } = matchShapes('linear_relu_grad', where, shapes, patterns);
    return [[R, I], partsShape(attrs, O, I)];
  },

  cpu(call) {
    const [dout, out, x, w] = call.inputs as FloatArray[];
    const [ofDout, , ofX, ofW] = call.shapes;
    const masked = dout.slice();
    reluGrad.cpu({ ...call, inputs: [out, dout], outputs: [masked] });
    linearGrad.cpu({ ...call, inputs: [masked, x, w], shapes: [ofDout, ofX, ofW] });
  },

  kernel: bothGradsKernel('linear_relu_grad', gradShader, { out: 'O' }, (shapes) => shapes.slice(2)),

  flops: ([, , [R], [O, I]]) => 4 * R * O * I,

  example(random) {
    const example = exampleOf(random, (R, I, O) => [[R, O], [R, O], [R, I], [O, I]]); // prettier-ignore
    return { ...example, attrs: randomParts(random) };
  },
};
