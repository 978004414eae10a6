// add: out = a + b. The residual connection, and the sum of gradients that meet.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/add.wgsl?raw';
import type { Op } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { elementGrid, exampleElements, matchShapes } from './support.ts';

export const add: Op = {
  name: 'add',
  inputs: ['a', 'b'],
  outputs: ['out'],
  commutative: true,

  infer(shapes, _attrs, where) {
    const { R, C } = matchShapes('add', where, shapes, { a: ['R', 'C'], b: ['R', 'C'] });
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [a, b] = inputs as [FloatArray, FloatArray];
    const out = outputs[0] as FloatArray;
    const end = step.rows * shapes[0][1];
    for (let i = 0; i < end; i++) out[i] = a[i] + b[i];
  },

  // da = db = dout.
  vjp: (_graph, _node, [dout]) => [dout!, dout!],

  kernel: {
    source: stepLib + gridLib + shader,
    entry: 'add',
    launch: ([a]) => ({ constants: { C: a[1] }, workgroups: elementGrid(a[0] * a[1]) }),
  },

  flops: ([a]) => a[0] * a[1],
  example: (random) => exampleElements(random, 2),
};
