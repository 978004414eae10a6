// attention_qkv: attention over q, k and v that stand side by side in rows of 3C, as norm_qkv gives them, and its
// whole derivative in one kernel. The formulas are in attention.ts and attention-grad.ts.

import attendGradLib from '../../shaders/lib/attend_grad.wgsl?raw';
import attendLib from '../../shaders/lib/attend.wgsl?raw';
import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import gradShader from '../../shaders/attention_qkv_grad.wgsl?raw';
import shader from '../../shaders/attention_qkv.wgsl?raw';
import type { Attrs, Op, Shape } from '../graph/op.ts';
import { ShapeError } from '../util/errors.ts';
import type { FloatArray } from '../util/arrays.ts';
import { attendRow } from './attention.ts';
import {
  exampleStep,
  expectShape,
  headConstants,
  headDims,
  maskedPairs,
  randomHeads,
  randomInteger,
  randomNormal,
  randomPackedRows,
  rowGrid,
} from './support.ts';
import { attentionBody, attentionGradBody } from './attention-body.ts';

/** R and C of qkv (R, 3C). Throws ShapeError. */
export function qkvDims(op: string, where: string, qkv: Shape, attrs: Attrs): { R: number; C: number } {
  const dims: Record<string, number> = {};
  expectShape(op, where, 'qkv', qkv, ['R', 'M'], dims);
  const C = dims.M / 3;
  if (!Number.isInteger(C)) {
    const place = where === '' ? op : `${op} at ${where}`;
    throw new ShapeError(`${place}: expected qkv [R, 3C], got [${qkv.join(', ')}]`);
  }
  headDims(op, where, C, attrs);
  return { R: dims.R, C };
}

/** out (R, C) and lse (R, H). */
export function inferQkv(
  name: string,
  [qkv, spans]: readonly Shape[],
  attrs: Attrs,
  where: string,
): readonly Shape[] {
  const { R, C } = qkvDims(name, where, qkv, attrs);
  expectShape(name, where, 'spans', spans, ['R', 2], { R });
  return [[R, C], [R, attrs.heads]]; // prettier-ignore
}

export const attentionQkv: Op = {
  name: 'attention_qkv',
  inputs: ['qkv', 'spans'],
  outputs: ['out', 'lse'],
  integers: ['spans'],

  infer: (shapes, attrs, where) => inferQkv('attention_qkv', shapes, attrs, where),

  cpu({ inputs, outputs, shapes, attrs, step }) {
    const [qkv, spans] = inputs as [FloatArray, Uint32Array];
    const [out, lse] = outputs as [FloatArray, FloatArray];
    const C = shapes[0][1] / 3;
    const { H, D, scale } = headDims('attention_qkv', '', C, attrs);
    const [keys, values] = [qkv.subarray(C), qkv.subarray(2 * C)];
    out.fill(0, 0, step.rows * C);
    for (let r = 0; r < step.rows; r++) {
      const first = spans[2 * r];
      for (let h = 0; h < H; h++) {
        const [query, firstKey, row] = [r * 3 * C + h * D, first * 3 * C + h * D, r * C + h * D];
        lse[r * H + h] = attendRow(
          qkv,
          query,
          keys,
          values,
          firstKey,
          r - first + 1,
          3 * C,
          D,
          scale,
          out,
          row,
        );
      }
    }
  },

  kernel: {
    source: stepLib + gridLib + attendLib + shader,
    entry: 'attention_qkv',
    launch: ([[R, M]], attrs) => ({
      constants: headConstants(M / 3, attrs, attrs.block),
      workgroups: rowGrid(R, attrs.heads),
    }),
  },

  body: ([[R, M]], attrs, P) => attentionBody(R, M / 3, attrs, P),

  flops: ([qkv, spans], attrs) => (4 * maskedPairs(spans, attrs) * qkv[1]) / 3,

  example(random) {
    const { capacity: R, rows, spans } = randomPackedRows(random, randomInteger(random, 1, 90));
    const { H, C } = randomHeads(random);
    return {
      shapes: [[R, 3 * C], [R, 2]], // prettier-ignore
      attrs: { heads: H, block: R },
      inputs: [randomNormal(random, R * 3 * C), spans],
      step: exampleStep(rows),
    };
  },
};

export const attentionQkvGrad: Op = {
  name: 'attention_qkv_grad',
  inputs: ['qkv', 'out', 'lse', 'dout', 'spans'],
  outputs: ['dqkv'],
  integers: ['spans'],

  infer([qkv, out, lse, dout, spans], attrs, where) {
    const { R, C } = qkvDims('attention_qkv_grad', where, qkv, attrs);
    const expected: [string, Shape, number][] = [['out', out, C], ['lse', lse, attrs.heads], ['dout', dout, C], ['spans', spans, 2]]; // prettier-ignore
    for (const [name, shape, width] of expected) {
      expectShape('attention_qkv_grad', where, name, shape, ['R', width], { R });
    }
    return [[R, 3 * C]];
  },

  cpu({ inputs, outputs, shapes, attrs, step }) {
    const [qkv, out, lse, dout] = inputs as [FloatArray, FloatArray, FloatArray, FloatArray];
    const D = shapes[1][1] / attrs.heads;
    const stats = (i: number): [number, number] => {
      let delta = 0;
      for (let j = i * D; j < (i + 1) * D; j++) delta += dout[j] * out[j];
      return [lse[i], delta];
    };
    qkvGradients(
      qkv,
      dout,
      stats,
      inputs[4] as Uint32Array,
      outputs[0] as FloatArray,
      step.rows,
      shapes[1][1],
      attrs,
    );
  },

  kernel: {
    source: stepLib + gridLib + attendGradLib + gradShader,
    entry: 'attention_qkv_grad',
    launch: ([[R, M]], attrs) => ({
      constants: headConstants(M / 3, attrs, attrs.block),
      workgroups: rowGrid(R, 2 * attrs.heads),
    }),
  },

  body: ([, [R, C]], attrs, P) => attentionGradBody(R, C, attrs, P, { ofQuery: true, ofKey: true }),

  flops: ([, out], attrs) => 14 * maskedPairs(out, attrs) * out[1],

  example(random) {
    const { capacity: R, rows, spans } = randomPackedRows(random, randomInteger(random, 1, 90));
    const { H, C } = randomHeads(random);
    // lse large enough that no p exceeds 1.
    const lse = randomNormal(random, R * H).map((x) => Math.abs(x) + 3);
    return {
      shapes: [[R, 3 * C], [R, C], [R, H], [R, C], [R, 2]], // prettier-ignore
      attrs: { heads: H, block: R },
      inputs: [
        randomNormal(random, R * 3 * C),
        randomNormal(random, R * C),
        lse,
        randomNormal(random, R * C),
        spans,
      ],
      step: exampleStep(rows),
    };
  },
};

/** dqkv (R, 3C) of the first `rows` rows; `statsOf(r·H + h)` gives lse and delta. */
export function qkvGradients(
  qkv: FloatArray,
  dout: FloatArray,
  statsOf: (i: number) => readonly [lse: number, delta: number],
  spans: Uint32Array,
  dqkv: FloatArray,
  rows: number,
  C: number,
  attrs: Attrs,
): void {
  const { H, D, scale } = headDims('attention_qkv_grad', '', C, attrs);
  dqkv.fill(0, 0, rows * 3 * C);
  for (let r = 0; r < rows; r++) {
    for (let h = 0; h < H; h++) {
      const row = r * C + h * D;
      const query = 3 * r * C + h * D;
      const [lse, delta] = statsOf(r * H + h);
      for (let t = spans[2 * r]; t <= r; t++) {
        const key = (3 * t + 1) * C + h * D;
        const value = key + C;
        let score = 0;
        let dp = 0;
        for (let d = 0; d < D; d++) {
          score += qkv[query + d] * qkv[key + d];
          dp += dout[row + d] * qkv[value + d];
        }
        const p = Math.exp(score * scale - lse);
        const ds = p * (dp - delta) * scale;
        for (let d = 0; d < D; d++) {
          dqkv[query + d] += ds * qkv[key + d]; // (R, 3C)
          dqkv[key + d] += ds * qkv[query + d];
          dqkv[value + d] += p * dout[row + d];
        }
      }
    }
  }
}
