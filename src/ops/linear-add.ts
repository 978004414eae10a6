// linear_add: out = x·w + residual, and linear_grad: the derivatives of a linear layer by x and by w in one dispatch.

import bothGradsLib from '../../shaders/lib/both_grads.wgsl?raw';
import partsLib from '../../shaders/lib/parts.wgsl?raw';
import gradShader from '../../shaders/linear_grad.wgsl?raw';
import shader from '../../shaders/linear_add.wgsl?raw';
import type { Rule } from '../graph/fuse.ts';
import type { Attrs, Kernel, Op, OpCase, Shape } from '../graph/op.ts';
import type { PythonRandom } from '../util/python-random.ts';
import { add } from './add.ts';
import { inParts, linear, linearGradW, linearGradX, partsOf, partsShape, randomParts } from './linear.ts';
import { groupsOf, productKernel } from './product.ts';
import { exampleStep, matchShapes, randomInteger, randomNormal } from './support.ts';
import { gradWPhase, gradXPhase, linearPhase } from './bodies.ts';

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

  kernel: productKernel({
    entry: 'linear_add',
    source: shader,
    reads: { x: 'I', w: 'I', residual: 'O' },
    writes: { out: 'O' },
    constants: ([, [O, I]]) => ({ O, I }),
    products: ([[R], [O]]) => [[R, O]],
  }),

  body: ([, [O, I]], _attrs, P) => ({
    packed: [I],
    phases: [linearPhase([O, I], P, (at, sum) => `${at.residual.element('i')} + ${sum}`)],
  }),

  flops: ([[R], [O, I]]) => R * O * (2 * I + 1),
  example: (random) => exampleOf(random, (R, I, O) => [[R, I], [O, I], [R, O]]), // prettier-ignore
};

export const linearAddRule: Rule = {
  inputs: ['x', 'w', 'residual'],
  plain: (apply, [x, w, residual]) => apply(add, ...apply(linear, x, w), residual),
  fused: (graph, inputs) => graph.apply(linearAdd, inputs),
};

/** dx[r, i] = Σₒ dout[r, o] · w[o, i] and dw[o, i] = Σᵣ dout[r, o] · x[r, i], in `attrs.parts` as linear_grad_w. */
export const linearGrad: Op = {
  name: 'linear_grad',
  inputs: ['dout', 'x', 'w'],
  outputs: ['dx', 'dw'],

  infer(shapes, attrs, where) {
    const patterns = { dout: ['R', 'O'], x: ['R', 'I'], w: ['O', 'I'] } as const;
    const { R, O, I } = matchShapes('linear_grad', where, shapes, patterns);
    return [[R, I], partsShape(attrs, O, I)];
  },

  cpu(call) {
    const [dout, x, w] = call.inputs;
    const [dx, dw] = call.outputs;
    const [ofDout, ofX, ofW] = call.shapes;
    linearGradX.cpu({ ...call, inputs: [dout, w], shapes: [ofDout, ofW], outputs: [dx] });
    linearGradW.cpu({ ...call, inputs: [dout, x], shapes: [ofDout, ofX], outputs: [dw] });
  },

  kernel: bothGradsKernel('linear_grad', gradShader, {}, (shapes) => shapes.slice(1)),

  body: ([, , [O, I]], attrs, P) => ({
    packed: [I],
    phases: [gradXPhase([O, I], P, (at) => at.dout), gradWPhase(attrs, [O, I], P, (at) => at.dout)],
  }),

  flops: ([, [R], [O, I]]) => 4 * R * O * I,

  example(random) {
    const example = exampleOf(random, (R, I, O) => [[R, O], [R, I], [O, I]]); // prettier-ignore
    return { ...example, attrs: randomParts(random) };
  },
};

export const linearGradRule: Rule = {
  inputs: ['dout', 'x', 'w'],
  plain: (apply, [dout, x, w]) => [...apply(linearGradX, dout, w), ...apply(linearGradW, dout, x)],
  fused: (graph, inputs) => graph.apply(linearGrad, inputs),
};

export const linearGradInParts = inParts(linearGrad, ([, [R], [O, I]]) => ({ R, O, I }));

/** A kernel around shaders/lib/both_grads.wgsl, which also reads `reads`; `operands` gives the shapes of x and w. */
export function bothGradsKernel(
  entry: string,
  source: string,
  reads: Readonly<Record<string, string>>,
  operands: (shapes: readonly Shape[]) => readonly Shape[],
): Kernel {
  const sizes = (shapes: readonly Shape[], attrs: Attrs) => {
    const [[R], [O, I]] = operands(shapes);
    return { R, O, I, parts: partsOf(attrs) };
  };
  return productKernel({
    entry,
    source: partsLib + bothGradsLib + source,
    reads: { dout: 'O', ...reads, x: 'I', w: 'I' },
    writes: { dx: 'I', dw: 'I' },
    constants(shapes, attrs, tile) {
      const { R, O, I, parts } = sizes(shapes, attrs);
      return { O, I, TILES: groupsOf(R, tile.rows), PARTS: parts };
    },
    products(shapes, attrs) {
      const { R, O, I, parts } = sizes(shapes, attrs);
      return [[R, I], [O, I, parts]]; // prettier-ignore
    },
    // The tiles of dx (R, I) above those of dw (parts, O, I).
    workgroups(shapes, attrs, tile) {
      const { R, O, I, parts } = sizes(shapes, attrs);
      const high = groupsOf(R, tile.rows) + parts * groupsOf(O, tile.rows);
      return [groupsOf(I, tile.columns), high, 1];
    },
  });
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
