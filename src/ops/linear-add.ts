// linear_add: out = x·w + residual, and linear_grad: the derivatives of a linear layer by x and by w in one dispatch.

import bothGradsLib from '../../shaders/lib/both_grads.wgsl?raw';
import productLib from '../../shaders/lib/product.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import gradShader from '../../shaders/linear_grad.wgsl?raw';
import shader from '../../shaders/linear_add.wgsl?raw';
import type { Launch, Op, OpCase, Shape } from '../graph/op.ts';
import type { PythonRandom } from '../util/python-random.ts';
import { launchTiles, linear, linearGradW, linearGradX, tileOf } from './linear.ts';
import { exampleStep, matchShapes, randomInteger, randomNormal } from './support.ts';

export const linearAdd: Op = {
  name: 'linear_add',
  inputs: ['x', 'w', 'residual'],
  outputs: ['out'],

  infer(shapes, _attrs, where) {
    const patterns = { x: ['R', 'I'], w: ['O', 'I'], residual: ['R', 'O'] } as const;
    const { R, O } = matchShapes('linear_add', where, shapes, patterns);
    return [[R, O]];
  },

  cpu(call) {
    linear.cpu(call);
    const residual = call.inputs[2];
    const out = call.outputs[0];
    const end = call.step.rows * call.shapes[1][0];
    for (let i = 0; i < end; i++) out[i] += residual[i];
  },

  // dx = dout·w and dw = doutᵀ·x at once; the residual takes dout as it is.
  vjp(graph, node, [dout]) {
    const [x, w] = node.inputs;
    return [...graph.apply(linearGrad, [dout!, x, w]), dout!];
  },

  kernel: {
    source: stepLib + productLib + shader,
    entry: 'linear_add',
    launch: ([[R], [O, I]]) => launchTiles(R, O, { O, I }),
  },

  flops: ([[R], [O, I]]) => R * O * (2 * I + 1),
  example: (random) => exampleOf(random, (R, I, O) => [[R, I], [O, I], [R, O]]), // prettier-ignore
};

/** `linear` whose derivative is one dispatch. */
export const linearWithGrad: Op = {
  ...linear,
  vjp: (graph, node, [dout]) => graph.apply(linearGrad, [dout!, ...node.inputs]),
};

/** dx[r, i] = Σₒ dout[r, o] · w[o, i] and dw[o, i] = Σᵣ dout[r, o] · x[r, i]. */
export const linearGrad: Op = {
  name: 'linear_grad',
  inputs: ['dout', 'x', 'w'],
  outputs: ['dx', 'dw'],

  infer(shapes, _attrs, where) {
    const patterns = { dout: ['R', 'O'], x: ['R', 'I'], w: ['O', 'I'] } as const;
    const { R, O, I } = matchShapes('linear_grad', where, shapes, patterns);
    return [[R, I], [O, I]]; // prettier-ignore
  },

  cpu(call) {
    const [dout, x, w] = call.inputs;
    const [dx, dw] = call.outputs;
    const [ofDout, ofX, ofW] = call.shapes;
    linearGradX.cpu({ ...call, inputs: [dout, w], shapes: [ofDout, ofW], outputs: [dx] });
    linearGradW.cpu({ ...call, inputs: [dout, x], shapes: [ofDout, ofX], outputs: [dw] });
  },

  kernel: {
    source: stepLib + productLib + bothGradsLib + gradShader,
    entry: 'linear_grad',
    launch: ([, [R], [O, I]]) => launchBothGrads(R, O, I),
  },

  flops: ([, [R], [O, I]]) => 4 * R * O * I,
  example: (random) => exampleOf(random, (R, I, O) => [[R, O], [R, I], [O, I]]), // prettier-ignore
};

/** The tiles of dx (R, I) above those of dw (O, I), for shaders/lib/both_grads.wgsl. */
export function launchBothGrads(R: number, O: number, I: number): Launch {
  const tile = tileOf({ M: Math.min(R, O), N: I });
  const tilesOf = (M: number) => Math.ceil(M / tile);
  return {
    constants: { O, I, TILES: tilesOf(R), BM: tile, BN: tile },
    workgroups: [Math.ceil(I / tile), tilesOf(R) + tilesOf(O), 1],
  };
}

export function exampleOf(
  random: PythonRandom,
  shapesOf: (R: number, I: number, O: number) => Shape[],
): OpCase {
  const pick = () => randomInteger(random, 1, randomInteger(random, 1, 8) === 1 ? 300 : 70);
  const [R, I, O] = [pick(), pick(), pick()];
  const shapes = shapesOf(R, I, O);
  return {
    shapes,
    attrs: {},
    inputs: shapes.map(([a, b]) => randomNormal(random, a * b)),
    step: exampleStep(randomInteger(random, 1, R)),
  };
}
