// layernorm: out = normed · weight + bias with normed = (x − mean) · s and s = (mean((x − mean)²) + 1e-5)^(−1/2), row by row
// (Ba et al. 2016). Keeps mean and s of each row for the derivative.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import normLib from '../../shaders/lib/norm.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import sumColumnsLib from '../../shaders/lib/sum_columns.wgsl?raw';
import shader from '../../shaders/layernorm.wgsl?raw';
import type { Operands } from '../graph/body.ts';
import type { Op, OpCase, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { packsPhase } from './bodies.ts';
import { columnGrid, exampleRows, float, matchShapes, rowGrid, workersFor } from './support.ts';

const EPSILON = 1e-5;
const source = stepLib + gridLib + reduceLib + normLib + sumColumnsLib + shader;

const launch = ([x]: readonly Shape[]) => ({
  constants: { C: x[1], WORKERS: workersFor(x[1]) },
  workgroups: rowGrid(x[0]),
});

export const layernorm: Op = {
  name: 'layernorm',
  inputs: ['x', 'weight', 'bias'],
  outputs: ['out', 'stats'],

  infer(shapes, _attrs, where) {
    const patterns = { x: ['R', 'C'], weight: ['C'], bias: ['C'] } as const;
    const { R, C } = matchShapes('layernorm', where, shapes, patterns);
    return [[R, C], [R, 2]]; // prettier-ignore
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [x, weight, bias] = inputs as [FloatArray, FloatArray, FloatArray];
    const [out, stats] = outputs as [FloatArray, FloatArray];
    const C = shapes[0][1];
    for (let r = 0; r < step.rows; r++) {
      let sum = 0;
      for (let c = 0; c < C; c++) sum += x[r * C + c];
      const mean = sum / C;
      let squares = 0;
      for (let c = 0; c < C; c++) squares += (x[r * C + c] - mean) ** 2;
      const s = 1 / Math.sqrt(squares / C + EPSILON);
      for (let c = 0; c < C; c++) out[r * C + c] = (x[r * C + c] - mean) * s * weight[c] + bias[c]; // (R, C)
      stats[2 * r] = mean;
      stats[2 * r + 1] = s;
    }
  },

  vjp(graph, node, [dout]) {
    const [x, weight] = node.inputs;
    const stats = node.outputs[1];
    const [dx] = graph.apply(layernormGrad, [x, stats, weight, dout!]);
    return [dx, ...graph.apply(layernormGradW, [x, stats, dout!])];
  },

  kernel: { source, entry: 'layernorm', launch },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [
      packsPhase(
        C,
        P,
        (at) => `
      let row = i / ${C / P} * ${C / P};
      let c = i % ${C / P};
      var sum = 0.0;
      for (var k = 0u; k < ${C / P}; k++) { sum = add_dot(sum, ${at.x.pack('row + k')}, Pack(1)); }
      let mean = sum / ${float(C)};
      var squares = 0.0;
      for (var k = 0u; k < ${C / P}; k++) {
        let distance = ${at.x.pack('row + k')} - mean;
        squares = add_dot(squares, distance, distance);
      }
      let s = norm_scale(squares, ${C});
      ${at.out.putPack('i', `fma((${at.x.pack('i')} - mean) * s, ${at.weight.pack('c')}, ${at.bias.pack('c')})`)}
      if (c == 0) {
        ${at.stats.put(`2 * (i / ${C / P})`, 'mean')}
        ${at.stats.put(`2 * (i / ${C / P}) + 1`, 's')}
      }`,
        2 * C,
      ),
    ],
  }),
  flops: ([x]) => x[0] * (7 * x[1] + 5),
  example: (random) => exampleRows(random, (R, C) => [[R, C], [C], [C]]),
};

/** dx = s · (g − mean(g) − normed · mean(g · normed)) with g = dout · weight. */
export const layernormGrad: Op = {
  name: 'layernorm_grad',
  inputs: ['x', 'stats', 'weight', 'dout'],
  outputs: ['dx'],

  infer(shapes, _attrs, where) {
    const patterns = { x: ['R', 'C'], stats: ['R', 2], weight: ['C'], dout: ['R', 'C'] } as const;
    const { R, C } = matchShapes('layernorm_grad', where, shapes, patterns);
    return [[R, C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [x, stats, weight, dout] = inputs as FloatArray[];
    const dx = outputs[0] as FloatArray;
    const C = shapes[0][1];
    for (let r = 0; r < step.rows; r++) {
      const [mean, s] = [stats[2 * r], stats[2 * r + 1]];
      let sum = 0;
      let products = 0;
      for (let c = 0; c < C; c++) {
        const g = dout[r * C + c] * weight[c];
        sum += g;
        products += g * (x[r * C + c] - mean) * s;
      }
      for (let c = 0; c < C; c++) {
        const normed = (x[r * C + c] - mean) * s;
        dx[r * C + c] = s * (dout[r * C + c] * weight[c] - sum / C - (normed * products) / C); // (R, C)
      }
    }
  },

  kernel: {
    source,
    entry: 'layernorm_grad',
    bindings: ['x', 'row_stats', 'scales', 'dout', 'dx'],
    launch,
  },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [
      packsPhase(
        C,
        P,
        (at) => `
      let row = i / ${C / P} * ${C / P};
      ${statsOf(at, `i / ${C / P}`)}
      var sum = 0.0;
      var products = 0.0;
      for (var k = 0u; k < ${C / P}; k++) {
        let g = ${at.dout.pack('row + k')} * ${at.weight.pack('k')};
        sum = add_dot(sum, g, Pack(1));
        products = add_dot(products, g, (${at.x.pack('row + k')} - mean) * s);
      }
      let g = ${at.dout.pack('i')} * ${at.weight.pack(`i % ${C / P}`)};
      let normed = (${at.x.pack('i')} - mean) * s;
      ${at.dx.putPack('i', `s * (g - sum / ${float(C)} - normed * (products / ${float(C)}))`)}`,
        2 * C,
      ),
    ],
  }),
  flops: ([x]) => 12 * x[0] * x[1],
  example: (random) => withStats(exampleRows(random, (R, C) => [[R, C], [R, 2], [C], [R, C]])),
};

/** dweight[c] = Σᵣ dout[r, c] · normed[r, c] and dbias[c] = Σᵣ dout[r, c]. */
export const layernormGradW: Op = {
  name: 'layernorm_grad_w',
  inputs: ['x', 'stats', 'dout'],
  outputs: ['dweight', 'dbias'],

  infer(shapes, _attrs, where) {
    const patterns = { x: ['R', 'C'], stats: ['R', 2], dout: ['R', 'C'] } as const;
    const { C } = matchShapes('layernorm_grad_w', where, shapes, patterns);
    return [[C], [C]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [x, stats, dout] = inputs as FloatArray[];
    const [dweight, dbias] = outputs as [FloatArray, FloatArray];
    const C = shapes[0][1];
    dweight.fill(0);
    dbias.fill(0);
    for (let r = 0; r < step.rows; r++) {
      for (let c = 0; c < C; c++) {
        dweight[c] += dout[r * C + c] * (x[r * C + c] - stats[2 * r]) * stats[2 * r + 1]; // (C)
        dbias[c] += dout[r * C + c];
      }
    }
  },

  kernel: {
    source,
    entry: 'layernorm_grad_w',
    bindings: ['x', 'row_stats', 'row_gradients', 'dweight', 'dbias'],
    launch: ([[, C]]) => ({ constants: { C }, workgroups: columnGrid(C) }),
  },
  body: ([[, C]], _attrs, P) => ({
    packed: [C],
    phases: [
      {
        times: C / P,
        multiplyAdds: ({ rows }) => 2 * P * rows,
        code: (at) => `
      var weights_sum = Pack();
      var bias_sum = Pack();
      for (var r = 0u; r < rows; r++) {
        ${statsOf(at, 'r')}
        let d = ${at.dout.pack(`r * ${C / P} + i`)};
        weights_sum = fma(d, (${at.x.pack(`r * ${C / P} + i`)} - mean) * s, weights_sum);
        bias_sum += d;
      }
      ${at.dweight.putPack('i', 'weights_sum')}
      ${at.dbias.putPack('i', 'bias_sum')}`,
      },
    ],
  }),
  flops: ([x]) => 5 * x[0] * x[1],
  example: (random) =>
    withStats(
      exampleRows(random, (R, C) => [
        [R, C],
        [R, 2],
        [R, C],
      ]),
    ),
};

/** WGSL: `mean` and `s` of row `r`. */
function statsOf({ stats }: Operands, r: string): string {
  return `let mean = ${stats.element(`2 * (${r})`)}; let s = ${stats.element(`2 * (${r}) + 1`)};`;
}

/** The stats of x in place of random ones: the gradient's terms are of each other's size only with these. */
function withStats(example: OpCase): OpCase {
  const [x, , ...rest] = example.inputs as readonly Float64Array[];
  const [R, C] = example.shapes[0];
  const stats = new Float64Array(2 * R);
  const ones = new Float64Array(C).fill(1);
  layernorm.cpu({
    inputs: [x, ones, ones],
    outputs: [new Float64Array(R * C), stats],
    shapes: [[R, C], [C], [C]],
    attrs: {},
    step: { ...example.step, rows: R },
  });
  return { ...example, inputs: [x, stats, ...rest] };
}
