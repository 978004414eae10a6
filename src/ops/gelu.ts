// gelu: out = x · Φ(x), with Φ by its tanh approximation, as GPT-2 has it (Hendrycks and Gimpel 2016):
//
//   Φ(x) ≈ ½ (1 + tanh u) = σ(2u),   u = √(2/π) (x + 0.044715 x³).
//
// The sigmoid is what is computed: it loses no digits where tanh u is near −1.

import geluLib from '../../shaders/lib/gelu.wgsl?raw';
import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/gelu.wgsl?raw';
import type { Op, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { packsPhase } from './bodies.ts';
import { elementGrid, exampleElements, matchShapes } from './support.ts';

const source = `alias Pack = f32;\n${stepLib + gridLib + geluLib + shader}`;
const launch = ([x]: readonly Shape[]) => ({ constants: { C: x[1] }, workgroups: elementGrid(x[0] * x[1]) });

const SLOPE = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

/** Φ(x), approximately. */
function gate(x: number): number {
  return 1 / (1 + Math.exp(-SLOPE * (x + CUBIC * x * x * x)));
}

export const gelu: Op = {
  name: 'gelu',
  inputs: ['x'],
  outputs: ['out'],

  infer(shapes, _attrs, where) {
    const { R, C } = matchShapes('gelu', where, shapes, { x: ['R', 'C'] });
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const x = inputs[0] as FloatArray;
    const out = outputs[0] as FloatArray;
    const end = step.rows * shapes[0][1];
    for (let i = 0; i < end; i++) out[i] = x[i] * gate(x[i]);
  },

  vjp: (graph, node, [dout]) => graph.apply(geluGrad, [node.inputs[0], dout!]),
  kernel: { source, entry: 'gelu', launch },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    lib: geluLib,
    phases: [
      packsPhase(C, P, (at) => at.out.putPack('i', `${at.x.pack('i')} * gelu_gate(${at.x.pack('i')})`)),
    ],
  }),
  flops: ([x]) => 10 * x[0] * x[1],
  example: (random) => exampleElements(random, 1),
};

/** dx = dout · (σ + x · σ (1 − σ) · d(2u)/dx), with d(2u)/dx = 2 √(2/π) (1 + 3 · 0.044715 x²). */
export const geluGrad: Op = {
  name: 'gelu_grad',
  inputs: ['x', 'dout'],
  outputs: ['dx'],

  infer(shapes, _attrs, where) {
    const { R, C } = matchShapes('gelu_grad', where, shapes, { x: ['R', 'C'], dout: ['R', 'C'] });
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [x, dout] = inputs as [FloatArray, FloatArray];
    const dx = outputs[0] as FloatArray;
    const end = step.rows * shapes[0][1];
    for (let i = 0; i < end; i++) {
      const s = gate(x[i]);
      dx[i] = dout[i] * (s + x[i] * s * (1 - s) * SLOPE * (1 + 3 * CUBIC * x[i] * x[i]));
    }
  },

  kernel: { source, entry: 'gelu_grad', launch },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    lib: geluLib,
    phases: [
      packsPhase(C, P, (at) =>
        at.dx.putPack('i', `${at.dout.pack('i')} * gelu_derivative(${at.x.pack('i')})`),
      ),
    ],
  }),
  flops: ([x]) => 18 * x[0] * x[1],
  example: (random) => exampleElements(random, 2),
};
