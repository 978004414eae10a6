// bias: out[r, c] = x[r, c] + b[c], what a linear layer adds where it has a bias.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import sumColumnsLib from '../../shaders/lib/sum_columns.wgsl?raw';
import shader from '../../shaders/bias.wgsl?raw';
import type { Op, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { packsPhase } from './bodies.ts';
import {
  columnGrid,
  elementGrid,
  exampleElements,
  exampleRows,
  matchShapes,
  randomNormal,
} from './support.ts';

const source = stepLib + gridLib + sumColumnsLib + shader;

export const bias: Op = {
  name: 'bias',
  inputs: ['x', 'b'],
  outputs: ['out'],

  infer(shapes, _attrs, where) {
    const { R, C } = matchShapes('bias', where, shapes, { x: ['R', 'C'], b: ['C'] });
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [x, b] = inputs as [FloatArray, FloatArray];
    const out = outputs[0] as FloatArray;
    const C = shapes[0][1];
    for (let r = 0; r < step.rows; r++) {
      for (let c = 0; c < C; c++) out[r * C + c] = x[r * C + c] + b[c]; // (R, C)
    }
  },

  // dx = dout and db = Σᵣ dout[r].
  vjp: (graph, _node, [dout]) => [dout!, graph.apply(biasGrad, [dout!])[0]],

  kernel: {
    source,
    entry: 'bias',
    launch: ([x]: readonly Shape[]) => ({ constants: { C: x[1] }, workgroups: elementGrid(x[0] * x[1]) }),
  },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [
      packsPhase(C, P, (at) => at.out.putPack('i', `${at.x.pack('i')} + ${at.b.pack(`i % ${C / P}`)}`)),
    ],
  }),
  flops: ([x]) => x[0] * x[1],

  example(random) {
    const { shapes, inputs, ...rest } = exampleElements(random, 1);
    const C = shapes[0][1];
    return { ...rest, shapes: [...shapes, [C]], inputs: [...inputs, randomNormal(random, C)] };
  },
};

/** db[c] = Σᵣ dout[r, c]. */
export const biasGrad: Op = {
  name: 'bias_grad',
  inputs: ['dout'],
  outputs: ['db'],

  infer(shapes, _attrs, where) {
    const { C } = matchShapes('bias_grad', where, shapes, { dout: ['R', 'C'] });
    return [[C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const dout = inputs[0] as FloatArray;
    const db = outputs[0] as FloatArray;
    const C = shapes[0][1];
    db.fill(0);
    for (let r = 0; r < step.rows; r++) {
      for (let c = 0; c < C; c++) db[c] += dout[r * C + c]; // (C)
    }
  },

  kernel: {
    source,
    entry: 'bias_grad',
    launch: ([[, C]]) => ({ constants: { C }, workgroups: columnGrid(C) }),
  },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [
      {
        times: C / P,
        multiplyAdds: ({ rows }) => P * rows,
        code: (at) => `
      var sum = Pack();
      for (var r = 0u; r < rows; r++) { sum += ${at.dout.pack(`r * ${C / P} + i`)}; }
      ${at.db.putPack('i', 'sum')}`,
      },
    ],
  }),
  flops: ([dout]) => dout[0] * dout[1],
  example: (random) => exampleRows(random, (R, C) => [[R, C]]),
};
