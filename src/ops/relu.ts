// relu: out = max(0, x).

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/relu.wgsl?raw';
import type { Op, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { elementGrid, exampleElements, matchShapes } from './support.ts';
import { packsPhase } from './bodies.ts';

const source = stepLib + gridLib + shader;
const launch = ([x]: readonly Shape[]) => ({ constants: { C: x[1] }, workgroups: elementGrid(x[0] * x[1]) });

export const relu: Op = {
  name: 'relu',
  inputs: ['x'],
  outputs: ['out'],

  infer(shapes, _attrs, where) {
    const { R, C } = matchShapes('relu', where, shapes, { x: ['R', 'C'] });
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const x = inputs[0] as FloatArray;
    const out = outputs[0] as FloatArray;
    const end = step.rows * shapes[0][1];
    for (let i = 0; i < end; i++) out[i] = Math.max(0, x[i]);
  },

  vjp: (graph, node, [dout]) => graph.apply(reluGrad, [node.inputs[0], dout!]),
  kernel: { source, entry: 'relu', launch },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [packsPhase(C, P, (at) => at.out.putPack('i', `max(${at.x.pack('i')}, Pack())`))],
  }),
  flops: ([x]) => x[0] * x[1],
  example: (random) => exampleElements(random, 1),
};

/** dx = dout · [x > 0]; the derivative at 0 is 0, as in microgpt.py. */
export const reluGrad: Op = {
  name: 'relu_grad',
  inputs: ['x', 'dout'],
  outputs: ['dx'],

  infer(shapes, _attrs, where) {
    const { R, C } = matchShapes('relu_grad', where, shapes, { x: ['R', 'C'], dout: ['R', 'C'] });
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [x, dout] = inputs as [FloatArray, FloatArray];
    const dx = outputs[0] as FloatArray;
    const end = step.rows * shapes[0][1];
    for (let i = 0; i < end; i++) dx[i] = x[i] > 0 ? dout[i] : 0;
  },

  kernel: { source, entry: 'relu_grad', launch },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [
      packsPhase(C, P, (at) =>
        at.dx.putPack('i', `select(Pack(), ${at.dout.pack('i')}, ${at.x.pack('i')} > Pack())`),
      ),
    ],
  }),
  flops: ([x]) => x[0] * x[1],
  example: (random) => exampleElements(random, 2),
};
