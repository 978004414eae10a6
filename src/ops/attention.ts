// attention: causal multi-head attention inside each document. With D = C / H:
//
//   p[r, t] = softmax over the rows t of the same document, t ≤ r, of q[r]·k[t] / √D
//   out[r]  = Σₜ p[r, t] · v[t]                 lse[r] = log Σₜ exp(q[r]·k[t] / √D)
//
// Only lse is kept for the backward pass, which makes p again from it: memory does not grow with T².

import attendLib from '../../shaders/lib/attend.wgsl?raw';
import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/attention.wgsl?raw';
import type { Attrs, Op, Shape } from '../graph/op.ts';
import type { Tensor } from '../graph/graph.ts';
import type { FloatArray } from '../util/arrays.ts';
import { attentionGradKv, attentionGradQ, attentionGradStats } from './attention-grad.ts';
import {
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
import { attentionBody } from './attention-body.ts';

export const attention: Op = {
  name: 'attention',
  inputs: ['q', 'k', 'v', 'spans'],
  outputs: ['out', 'lse'],
  integers: ['spans'],

  infer: (shapes, attrs, where) => inferAttention('attention', shapes, attrs, where),

  cpu({ inputs, outputs, shapes, attrs, step }) {
    const [q, k, v, spans] = inputs as [FloatArray, FloatArray, FloatArray, Uint32Array];
    const [out, lse] = outputs as [FloatArray, FloatArray];
    const C = shapes[0][1];
    const { H, D, scale } = headDims('attention', '', C, attrs);
    out.fill(0, 0, step.rows * C);
    for (let r = 0; r < step.rows; r++) {
      const first = spans[2 * r];
      for (let h = 0; h < H; h++) {
        const row = r * C + h * D;
        lse[r * H + h] = attendRow(q, row, k, v, first * C + h * D, r - first + 1, C, D, scale, out, row);
      }
    }
  },

  vjp(graph, node, [dout]) {
    const [q, k, v, spans] = node.inputs as [Tensor, Tensor, Tensor, Tensor];
    const [out, lse] = node.outputs as [Tensor, Tensor];
    const stats = graph.apply(attentionGradStats, [lse, out, dout!], node.attrs)[0];
    const [dq] = graph.apply(attentionGradQ, [q, k, v, dout!, stats, spans], node.attrs);
    const [dk, dv] = graph.apply(attentionGradKv, [q, k, v, dout!, stats, spans], node.attrs);
    return [dq, dk, dv, null];
  },

  kernel: {
    source: stepLib + gridLib + attendLib + shader,
    entry: 'attention',
    launch(shapes, attrs) {
      const [R, C] = shapes[0] as [number, number];
      return { constants: headConstants(C, attrs, attrs.block), workgroups: rowGrid(R, attrs.heads) };
    },
  },

  // Two products over the lower triangle of (T, T): each row sees (T + 1) / 2 rows on average.
  body: ([[R, C]], attrs, P) => attentionBody(R, C, attrs, P),

  flops: (shapes, attrs) => 4 * maskedPairs(shapes[0], attrs) * shapes[0][1],

  example(random) {
    const { capacity: R, rows, spans } = randomPackedRows(random, randomInteger(random, 1, 90));
    const { H, C } = randomHeads(random);
    return {
      shapes: [[R, C], [R, C], [R, C], [R, 2]], // prettier-ignore
      attrs: { heads: H, block: R },
      inputs: [randomNormal(random, R * C), randomNormal(random, R * C), randomNormal(random, R * C), spans],
      step: exampleStep(rows),
    };
  },
};

/** out (R, C) and lse (R, H). */
export function inferAttention(
  name: string,
  shapes: readonly Shape[],
  attrs: Attrs,
  where: string,
): readonly Shape[] {
  const { R, C } = matchShapes(name, where, shapes, {
    q: ['R', 'C'],
    k: ['R', 'C'],
    v: ['R', 'C'],
    spans: ['R', 2],
  });
  const { H } = headDims(name, where, C, attrs);
  return [[R, C], [R, H]]; // prettier-ignore
}

/**
 * One query row (at `queryAt`) over `count` key and value rows C apart, the first at `firstAt`: adds the mixed values to
 * `out` at `outAt` (which holds zeros) and returns lse. Online softmax, as the kernel has it.
 */
export function attendRow(
  q: FloatArray,
  queryAt: number,
  keys: FloatArray,
  values: FloatArray,
  firstAt: number,
  count: number,
  C: number,
  D: number,
  scale: number,
  out: FloatArray,
  outAt: number,
): number {
  let largest = -Infinity;
  let total = 0;
  for (let t = 0, at = firstAt; t < count; t++, at += C) {
    let score = 0;
    for (let d = 0; d < D; d++) score += q[queryAt + d] * keys[at + d];
    score *= scale;
    if (score > largest) {
      const shrink = Math.exp(largest - score);
      total *= shrink;
      for (let d = 0; d < D; d++) out[outAt + d] *= shrink;
      largest = score;
    }
    const weight = Math.exp(score - largest);
    total += weight;
    for (let d = 0; d < D; d++) out[outAt + d] += weight * values[at + d];
  }
  for (let d = 0; d < D; d++) out[outAt + d] /= total;
  return largest + Math.log(total);
}
