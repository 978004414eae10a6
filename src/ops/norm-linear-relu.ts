// norm_linear_relu: out = relu(rmsnorm(x)·w), the first half of the MLP in one kernel, and linear_relu_grad, both
// derivatives of its product in one.

import normLib from '../../shaders/lib/norm.wgsl?raw';
import normedRowsLib from '../../shaders/lib/normed_rows.wgsl?raw';
import gradShader from '../../shaders/linear_relu_grad.wgsl?raw';
import shader from '../../shaders/norm_linear_relu.wgsl?raw';
import type { Rule } from '../graph/fuse.ts';
import type { Op } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { bothGradsKernel, exampleOf, linearGrad } from './linear-add.ts';
import { inParts, linear, linearGradW, linearGradX, partsShape, randomParts } from './linear.ts';
import { normedGrad } from './normed-grad.ts';
import { productKernel } from './product.ts';
import { relu, reluGrad } from './relu.ts';
import { normRows, rmsnorm, rmsnormGrad } from './rmsnorm.ts';
import { matchShapes } from './support.ts';
import { gradWPhase, gradXPhase, normedPhase, rowOf, type Gradient } from './bodies.ts';

/** Keeps normed and scale for the derivative. */
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

  kernel: productKernel({
    entry: 'norm_linear_relu',
    source: normLib + normedRowsLib + shader,
    norm: true,
    reads: { x: 'C', w: 'C' },
    writes: { out: 'O', normed: 'C' },
    constants: ([[, C], [O]]) => ({ C, O }),
    products: ([[R], [O]]) => [[R, O]],
  }),

  body: ([[, C], [O]], _attrs, P) => ({
    packed: [C],
    phases: [
      normedPhase(
        O,
        C,
        P,
        (at) => ['', rowOf(at.w, `n * ${C / P}`)],
        (at, product) => at.out.put('i', `max(${product}, 0)`),
      ),
    ],
  }),

  flops: ([[R, C], [O]]) => R * (2 * C * O + O + 3 * C + 4),
  example: (random) => exampleOf(random, (R, I, O) => [[R, I], [O, I]]), // prettier-ignore
};

/** dout where out > 0. */
const ofActive: Gradient = ({ dout, out }) => ({
  element: (i) => `select(0, ${dout.element(i)}, ${out.element(i)} > 0)`,
  pack: (i) => `select(Pack(), ${dout.pack(i)}, ${out.pack(i)} > Pack())`,
});

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

  body: ([, , , [O, I]], attrs, P) => ({
    packed: [I],
    phases: [gradXPhase([O, I], P, ofActive), gradWPhase(attrs, [O, I], P, ofActive)],
  }),

  flops: ([, , [R], [O, I]]) => 4 * R * O * I,

  example(random) {
    const example = exampleOf(random, (R, I, O) => [[R, O], [R, O], [R, I], [O, I]]); // prettier-ignore
    return { ...example, attrs: randomParts(random) };
  },
};

/** Forth and back at once, for the derivative wants what the fused kernel keeps. */
export const normLinearReluRule: Rule = {
  inputs: ['x', 'w', 'dout'],
  plain(apply, [x, w, dout]) {
    const [normed] = apply(rmsnorm, x);
    const [hidden] = apply(linear, normed, w);
    const [out] = apply(relu, hidden);
    const [dhidden] = apply(reluGrad, hidden, dout);
    const [dnormed] = apply(linearGradX, dhidden, w);
    const [dw] = apply(linearGradW, dhidden, normed);
    const [dx] = apply(rmsnormGrad, x, dnormed);
    return [out, dw, dx];
  },
  fused(graph, [x, w, dout]) {
    const [out, normed, scale] = graph.apply(normLinearRelu, [x, w]);
    const [dnormed, dw] = graph.apply(linearReluGrad, [dout, out, normed, w]);
    const [dx] = graph.apply(normedGrad, [normed, scale, dnormed]);
    return [out, dw, dx];
  },
};

export const linearReluGradInParts = inParts(linearReluGrad, ([, , [R], [O, I]]) => ({ R, O, I }));
