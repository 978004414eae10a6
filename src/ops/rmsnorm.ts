// rmsnorm: out = x · s with s = (mean(x²) + 1e-5)^(−1/2), row by row; microgpt.py's, with no weights.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import normLib from '../../shaders/lib/norm.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/rmsnorm.wgsl?raw';
import type { Operands } from '../graph/body.ts';
import type { Op, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { exampleElements, float, matchShapes, rowGrid, workersFor } from './support.ts';
import { dot, packsPhase, rowOf } from './bodies.ts';

const EPSILON = 1e-5;
const source = stepLib + gridLib + reduceLib + normLib + shader;

const launch = ([x]: readonly Shape[]) => ({
  constants: { C: x[1], WORKERS: workersFor(x[1]) },
  workgroups: rowGrid(x[0]),
});

/** `rows` normed rows of C channels and the factor of each; what fused ops start from. */
export function normRows(
  x: FloatArray,
  rows: number,
  C: number,
  normed: FloatArray,
  scale: FloatArray,
): void {
  for (let r = 0; r < rows; r++) {
    let squares = 0;
    for (let i = r * C; i < (r + 1) * C; i++) squares += x[i] * x[i];
    scale[r] = 1 / Math.sqrt(squares / C + EPSILON);
    for (let i = r * C; i < (r + 1) * C; i++) normed[i] = x[i] * scale[r]; // (R, C)
  }
}

/** WGSL: the first pack of pack i's row, and the row's factor. */
function scaleOf(at: Operands, C: number, P: number): string {
  return `
      let row = i / ${C / P} * ${C / P};
      var squares = 0.0;
      ${dot('squares', rowOf(at.x, 'row'), rowOf(at.x, 'row'), C / P)}
      let s = norm_scale(squares, ${C});
      `;
}

export const rmsnorm: Op = {
  name: 'rmsnorm',
  inputs: ['x'],
  outputs: ['out'],

  infer(shapes, _attrs, where) {
    const { R, C } = matchShapes('rmsnorm', where, shapes, { x: ['R', 'C'] });
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const x = inputs[0] as FloatArray;
    const out = outputs[0] as FloatArray;
    const C = shapes[0][1];
    for (let row = 0; row < step.rows * C; row += C) {
      let squares = 0;
      for (let i = row; i < row + C; i++) squares += x[i] * x[i];
      const s = 1 / Math.sqrt(squares / C + EPSILON);
      for (let i = row; i < row + C; i++) out[i] = x[i] * s; // (R, C)
    }
  },

  vjp: (graph, node, [dout]) => graph.apply(rmsnormGrad, [node.inputs[0], dout!]),
  kernel: { source, entry: 'rmsnorm', launch },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [packsPhase(C, P, (at) => scaleOf(at, C, P) + at.out.putPack('i', `${at.x.pack('i')} * s`), C)],
  }),

  flops: ([x]) => x[0] * (3 * x[1] + 4),
  example: (random) => exampleElements(random, 1),
};

/** dxᵢ = s·doutᵢ − xᵢ · s³/C · Σⱼ doutⱼxⱼ, since ∂s/∂xᵢ = −s³xᵢ/C. */
export const rmsnormGrad: Op = {
  name: 'rmsnorm_grad',
  inputs: ['x', 'dout'],
  outputs: ['dx'],

  infer(shapes, _attrs, where) {
    const { R, C } = matchShapes('rmsnorm_grad', where, shapes, { x: ['R', 'C'], dout: ['R', 'C'] });
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [x, dout] = inputs as [FloatArray, FloatArray];
    const dx = outputs[0] as FloatArray;
    const C = shapes[0][1];
    for (let row = 0; row < step.rows * C; row += C) {
      let squares = 0;
      let products = 0;
      for (let i = row; i < row + C; i++) {
        squares += x[i] * x[i];
        products += dout[i] * x[i];
      }
      const s = 1 / Math.sqrt(squares / C + EPSILON);
      const slope = (products * s * s) / C;
      for (let i = row; i < row + C; i++) dx[i] = s * (dout[i] - x[i] * slope); // (R, C)
    }
  },

  kernel: { source, entry: 'rmsnorm_grad', launch },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [
      packsPhase(
        C,
        P,
        (at) => `${scaleOf(at, C, P)}
      var products = 0.0;
      ${dot('products', rowOf(at.dout, 'row'), rowOf(at.x, 'row'), C / P)}
      let slope = Pack(-products * s * s / ${float(C)});
      ${at.dx.putPack('i', `s * fma(${at.x.pack('i')}, slope, ${at.dout.pack('i')})`)}`,
        2 * C,
      ),
    ],
  }),

  flops: ([x]) => x[0] * (7 * x[1] + 7),
  example: (random) => exampleElements(random, 2),
};
