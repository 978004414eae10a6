// add: out = a + b. The residual connection, and the sum of gradients that meet.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/add.wgsl?raw';
import type { Graph, Tensor } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { elementGrid, exampleElements, matchShapes } from './support.ts';
import { packsPhase } from './bodies.ts';

/** Of the rows in use, or with `attrs.whole` of all: where the tensors are parameters' gradients. */
export const add: Op = {
  name: 'add',
  inputs: ['a', 'b'],
  outputs: ['out'],
  commutative: true,

  infer(shapes, _attrs, where) {
    const { R, C } = matchShapes('add', where, shapes, { a: ['R', 'C'], b: ['R', 'C'] });
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, attrs, step }) {
    const [a, b] = inputs as [FloatArray, FloatArray];
    const out = outputs[0] as FloatArray;
    const end = attrs.whole ? out.length : step.rows * shapes[0][1];
    for (let i = 0; i < end; i++) out[i] = a[i] + b[i];
  },

  // da = db = dout.
  vjp: (_graph, _node, [dout]) => [dout!, dout!],

  kernel: {
    source: stepLib + gridLib + shader,
    entry: 'add',
    launch: ([[R, C]], { whole }) => ({
      constants: { C, WHOLE: whole ? R * C : 0 },
      workgroups: elementGrid(R * C),
    }),
  },

  body([[R, C]], { whole }, P) {
    const sum = packsPhase(C, P, (at) => at.out.putPack('i', `${at.a.pack('i')} + ${at.b.pack('i')}`));
    const { perRow, ...all } = sum;
    return { packed: [C], phases: [whole ? { ...all, times: R * perRow! } : sum] };
  },

  flops: ([a]) => a[0] * a[1],
  example(random) {
    const example = exampleElements(random, 2);
    return random.random() < 0.3 ? { ...example, attrs: { whole: 1 } } : example;
  },
};

/** Sums two contributions to the gradient `of` a tensor; of a source, a parameter, all rows are in use. */
export function sumGradients(graph: Graph, a: Tensor, b: Tensor, of: Tensor): Tensor {
  return graph.apply(add, [a, b], of.node ? {} : { whole: 1 })[0];
}
