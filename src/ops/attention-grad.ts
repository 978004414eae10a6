// The derivative of attention, from q, k, v, the gradient of out, and lse. With p[r, t] = exp(q[r]·k[t]/√D − lse[r]):
//
//   delta[r] = Σ_d dout[r, d] · out[r, d]
//   ds[r, t] = p[r, t] · (dout[r]·v[t] − delta[r]) / √D
//   dq[r] = Σ_{t≤r} ds[r, t] · k[t]      dk[t] = Σ_{r≥t} ds[r, t] · q[r]      dv[t] = Σ_{r≥t} p[r, t] · dout[r]

import attendGradLib from '../../shaders/lib/attend_grad.wgsl?raw';
import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/attention_grad.wgsl?raw';
import type { Attrs, Op, OpCase, Shape } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import { attentionGradBody, statsOf } from './attention-body.ts';
import {
  elementGrid,
  exampleStep,
  headConstants,
  headDims,
  matchShapes,
  maskedPairs,
  randomHeads,
  randomInteger,
  randomNormal,
  randomPackedRows,
  rowGrid,
} from './support.ts';

const source = stepLib + gridLib + attendGradLib + shader;

/** stats[r, h] = (lse[r, h], delta[r, h]), side by side because a kernel may bind only 8 buffers. */
export const attentionGradStats: Op = {
  name: 'attention_grad_stats',
  inputs: ['lse', 'out', 'dout'],
  outputs: ['stats'],

  infer(shapes, attrs, where) {
    const { R, C, H } = matchShapes('attention_grad_stats', where, shapes, {
      lse: ['R', 'H'],
      out: ['R', 'C'],
      dout: ['R', 'C'],
    });
    headDims('attention_grad_stats', where, C, attrs);
    return [[R, H, 2]];
  },

  cpu({ inputs, outputs, shapes, attrs, step }) {
    const [lse, out, dout] = inputs as [FloatArray, FloatArray, FloatArray];
    const stats = outputs[0] as FloatArray;
    const { H, D } = headDims('attention_grad_stats', '', shapes[1][1], attrs);
    for (let i = 0; i < step.rows * H; i++) {
      let delta = 0;
      for (let j = i * D; j < (i + 1) * D; j++) delta += dout[j] * out[j];
      stats[2 * i] = lse[i];
      stats[2 * i + 1] = delta;
    }
  },

  kernel: {
    source,
    entry: 'attention_grad_stats',
    bindings: ['lse', 'out', 'dout_stats', 'stats_out'],
    launch(shapes, attrs) {
      const { H, D } = headDims('attention_grad_stats', '', shapes[1][1], attrs);
      return { constants: { H, D }, workgroups: elementGrid(shapes[0][0] * H) };
    },
  },

  body: ([[, H], [, C]], _attrs, P) => ({
    packed: [C / H],
    phases: [
      {
        perRow: H,
        multiplyAdds: C / H,
        code: (at) => `
      let of_head = i;
      ${statsOf(at, C / H / P)}
      ${at.stats.put('2 * i', 'lse')}
      ${at.stats.put('2 * i + 1', 'delta')}`,
      },
    ],
  }),

  flops: ([, out]) => 2 * out[0] * out[1],

  example(random) {
    const { H, C } = randomHeads(random);
    const R = randomInteger(random, 1, 60);
    return {
      shapes: [[R, H], [R, C], [R, C]], // prettier-ignore
      attrs: { heads: H },
      inputs: [randomNormal(random, R * H), randomNormal(random, R * C), randomNormal(random, R * C)],
      step: exampleStep(randomInteger(random, 1, R)),
    };
  },
};

/** The shape of dq, dk and dv. */
export function inferGrad(name: string, shapes: readonly Shape[], attrs: Attrs, where: string): Shape {
  const { R, C, H } = matchShapes(name, where, shapes, {
    q: ['R', 'C'],
    k: ['R', 'C'],
    v: ['R', 'C'],
    dout: ['R', 'C'],
    stats: ['R', 'H', 2],
    spans: ['R', 2],
  });
  headDims(name, where, C, { heads: H });
  if (H !== attrs.heads) matchShapes(name, where, [shapes[4]], { stats: ['R', attrs.heads, 2] });
  return [R, C];
}

function launchGrad([q]: readonly Shape[], attrs: Attrs) {
  const [R, C] = q as [number, number];
  return { constants: headConstants(C, attrs, attrs.block), workgroups: rowGrid(R, attrs.heads) };
}

export const attentionGradQ: Op = {
  name: 'attention_grad_q',
  inputs: ['q', 'k', 'v', 'dout', 'stats', 'spans'],
  outputs: ['dq'],
  integers: ['spans'],
  infer: (shapes, attrs, where) => [inferGrad('attention_grad_q', shapes, attrs, where)],

  cpu({ inputs, outputs, shapes, attrs, step }) {
    const [q, k, v, dout, stats] = inputs as FloatArray[] as [
      FloatArray,
      FloatArray,
      FloatArray,
      FloatArray,
      FloatArray,
    ];
    const spans = inputs[5] as Uint32Array;
    const dq = outputs[0] as FloatArray;
    const C = shapes[0][1];
    const { H, D, scale } = headDims('attention_grad_q', '', C, attrs);
    dq.fill(0, 0, step.rows * C);
    for (let r = 0; r < step.rows; r++) {
      for (let h = 0; h < H; h++) {
        const row = r * C + h * D;
        const lse = stats[2 * (r * H + h)];
        const delta = stats[2 * (r * H + h) + 1];
        for (let t = spans[2 * r]; t <= r; t++) {
          const at = t * C + h * D;
          let score = 0;
          let dp = 0;
          for (let d = 0; d < D; d++) {
            score += q[row + d] * k[at + d];
            dp += dout[row + d] * v[at + d];
          }
          const ds = Math.exp(score * scale - lse) * (dp - delta) * scale;
          for (let d = 0; d < D; d++) dq[row + d] += ds * k[at + d]; // (R, C)
        }
      }
    }
  },

  kernel: { source, entry: 'attention_grad_q', launch: launchGrad },
  body: ([[R, C]], attrs, P) => attentionGradBody(R, C, attrs, P, { ofQuery: true, ofKey: false }),

  flops: ([q], attrs) => 6 * maskedPairs(q, attrs) * q[1],
  example: (random) => exampleGrad(random),
};

export const attentionGradKv: Op = {
  name: 'attention_grad_kv',
  inputs: ['q', 'k', 'v', 'dout', 'stats', 'spans'],
  outputs: ['dk', 'dv'],
  integers: ['spans'],

  infer(shapes, attrs, where) {
    const shape = inferGrad('attention_grad_kv', shapes, attrs, where);
    return [shape, shape];
  },

  cpu({ inputs, outputs, shapes, attrs, step }) {
    const [q, k, v, dout, stats] = inputs as FloatArray[] as [
      FloatArray,
      FloatArray,
      FloatArray,
      FloatArray,
      FloatArray,
    ];
    const spans = inputs[5] as Uint32Array;
    const [dk, dv] = outputs as [FloatArray, FloatArray];
    const C = shapes[0][1];
    const { H, D, scale } = headDims('attention_grad_kv', '', C, attrs);
    dk.fill(0, 0, step.rows * C);
    dv.fill(0, 0, step.rows * C);
    for (let t = 0; t < step.rows; t++) {
      for (let h = 0; h < H; h++) {
        const at = t * C + h * D;
        for (let r = t; r < spans[2 * t + 1]; r++) {
          const row = r * C + h * D;
          let score = 0;
          let dp = 0;
          for (let d = 0; d < D; d++) {
            score += q[row + d] * k[at + d];
            dp += dout[row + d] * v[at + d];
          }
          const p = Math.exp(score * scale - stats[2 * (r * H + h)]);
          const ds = p * (dp - stats[2 * (r * H + h) + 1]) * scale;
          for (let d = 0; d < D; d++) {
            dk[at + d] += ds * q[row + d]; // (R, C)
            dv[at + d] += p * dout[row + d]; // (R, C)
          }
        }
      }
    }
  },

  kernel: { source, entry: 'attention_grad_kv', launch: launchGrad },
  body: ([[R, C]], attrs, P) => attentionGradBody(R, C, attrs, P, { ofQuery: false, ofKey: true }),

  flops: ([q], attrs) => 8 * maskedPairs(q, attrs) * q[1],
  example: (random) => exampleGrad(random),
};

/** Random q, k, v and dout, with the stats of a softmax: lse large enough that no p exceeds 1. */
export function exampleGrad(random: PythonRandom, { H, C } = randomHeads(random)): OpCase {
  const { capacity: R, rows, spans } = randomPackedRows(random, randomInteger(random, 1, 90));
  const normal = () => randomNormal(random, R * C);
  const stats = randomNormal(random, R * H * 2);
  for (let i = 0; i < R * H; i++) stats[2 * i] = Math.abs(stats[2 * i]) + 3;
  return {
    shapes: [[R, C], [R, C], [R, C], [R, C], [R, H, 2], [R, 2]], // prettier-ignore
    attrs: { heads: H, block: R },
    inputs: [normal(), normal(), normal(), normal(), stats, spans],
    step: exampleStep(rows),
  };
}
