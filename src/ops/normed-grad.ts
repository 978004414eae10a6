// normed_grad: the derivative of rmsnorm from what it gave, normed = x · scale, which fused kernels keep:
//
//   dxᵢ = scale · (doutᵢ − normedᵢ · Σⱼ doutⱼ·normedⱼ / C)
//
// normed_grad_add adds the gradient that reaches x by the residual connection.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/normed_grad.wgsl?raw';
import type { Rule } from '../graph/fuse.ts';
import type { Phase } from '../graph/body.ts';
import type { CpuCall, Op, OpCase, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import { add } from './add.ts';
import { exampleStep, matchShapes, randomInteger, randomNormal, rowGrid, workersFor } from './support.ts';
import { throughNorm } from './bodies.ts';

const source = stepLib + gridLib + reduceLib + shader;
const launch = ([[R, C]]: readonly Shape[]) => ({
  constants: { C, WORKERS: workersFor(C) },
  workgroups: rowGrid(R),
});

function gradOfRows({ inputs, outputs, shapes, step }: CpuCall): void {
  const [normed, scale, dout] = inputs as [FloatArray, FloatArray, FloatArray];
  const dx = outputs[0] as FloatArray;
  const C = shapes[0][1];
  for (let r = 0; r < step.rows; r++) {
    let products = 0;
    for (let i = r * C; i < (r + 1) * C; i++) products += dout[i] * normed[i];
    const slope = products / C;
    for (let i = r * C; i < (r + 1) * C; i++) dx[i] = scale[r] * (dout[i] - normed[i] * slope); // (R, C)
  }
}

function example(random: PythonRandom, operands: number): OpCase {
  const [R, C] = [randomInteger(random, 1, 40), randomInteger(random, 1, 150)];
  const rows = Array.from({ length: operands - 1 }, () => randomNormal(random, R * C));
  return {
    shapes: [[R, C], [R], ...rows.slice(1).map(() => [R, C])],
    attrs: {},
    inputs: [rows[0], randomNormal(random, R).map(Math.abs), ...rows.slice(1)],
    step: exampleStep(randomInteger(random, 1, R)),
  };
}

export const normedGrad: Op = {
  name: 'normed_grad',
  inputs: ['normed', 'scale', 'dout'],
  outputs: ['dx'],

  infer(shapes, _attrs, where) {
    const patterns = { normed: ['R', 'C'], scale: ['R'], dout: ['R', 'C'] } as const;
    const { R, C } = matchShapes('normed_grad', where, shapes, patterns);
    return [[R, C]];
  },

  cpu: gradOfRows,
  kernel: { source, entry: 'normed_grad', launch },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [throughNorm(C, P, ['normed', 'scale', 'dout'], (at, dx) => at.dx.putPack('i', dx))],
  }),
  flops: ([[R, C]]) => R * (5 * C + 1),
  example: (random) => example(random, 3),
};

/** dx of `normed_grad` and the other gradient, into `sum`. */
export function normedGradAddPhase(C: number, P: number, sum: string): Phase {
  return throughNorm(C, P, ['normed', 'scale', 'dout'], (at, dx) =>
    at[sum].putPack('i', `${at.other.pack('i')} + ${dx}`),
  );
}

export const normedGradAdd: Op = {
  name: 'normed_grad_add',
  inputs: ['normed', 'scale', 'dout', 'other'],
  outputs: ['dsum'],

  infer(shapes, _attrs, where) {
    const patterns = { normed: ['R', 'C'], scale: ['R'], dout: ['R', 'C'], other: ['R', 'C'] } as const;
    const { R, C } = matchShapes('normed_grad_add', where, shapes, patterns);
    return [[R, C]];
  },

  cpu(call) {
    gradOfRows(call);
    const other = call.inputs[3];
    const dsum = call.outputs[0];
    const end = call.step.rows * call.shapes[0][1];
    for (let i = 0; i < end; i++) dsum[i] += other[i];
  },

  kernel: { source, entry: 'normed_grad_add', launch },
  body: ([[, C]], _attrs, P) => ({ packed: [C], phases: [normedGradAddPhase(C, P, 'dsum')] }),
  flops: ([[R, C]]) => R * (6 * C + 1),
  example: (random) => example(random, 4),
};

export const normedGradAddRule: Rule = {
  inputs: ['normed', 'scale', 'dout', 'other'],
  plain: (apply, [normed, scale, dout, other]) =>
    apply(add, ...apply(normedGrad, normed, scale, dout), other),
  fused: (graph, inputs) => graph.apply(normedGradAdd, inputs),
};
