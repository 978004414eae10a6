// attention_decode: attention of one new position over the positions before it. Keys and values of those are kept
// in a cache (T, C), to which this position's are added: a token costs one position's work, not the prefix's.

import attendLib from '../../shaders/lib/attend.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/attention_decode.wgsl?raw';
import type { Op } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { attendRow } from './attention.ts';
import {
  exampleStep,
  headConstants,
  headDims,
  matchShapes,
  randomHeads,
  randomInteger,
  randomNormal,
} from './support.ts';

export const attentionDecode: Op = {
  name: 'attention_decode',
  inputs: ['q', 'k', 'v', 'positions'],
  updates: ['keys', 'values'],
  outputs: ['out'],
  integers: ['positions'],

  infer(shapes, attrs, where) {
    const { C } = matchShapes('attention_decode', where, shapes, {
      q: [1, 'C'],
      k: [1, 'C'],
      v: [1, 'C'],
      positions: [1],
      keys: ['T', 'C'],
      values: ['T', 'C'],
    });
    headDims('attention_decode', where, C, attrs);
    return [[1, C]];
  },

  cpu({ inputs, outputs, shapes, attrs }) {
    const [q, k, v, , keys, values] = inputs as FloatArray[] as [
      FloatArray, FloatArray, FloatArray, unknown, FloatArray, FloatArray,
    ]; // prettier-ignore
    const position = inputs[3][0];
    const out = outputs[0] as FloatArray;
    const C = shapes[0][1];
    const { H, D, scale } = headDims('attention_decode', '', C, attrs);
    for (let c = 0; c < C; c++) {
      keys[position * C + c] = k[c];
      values[position * C + c] = v[c];
    }
    out.fill(0);
    for (let h = 0; h < H; h++) {
      attendRow(q, h * D, keys, values, h * D, position + 1, C, D, scale, out, h * D); // (1, C)
    }
  },

  kernel: {
    source: stepLib + attendLib + shader,
    entry: 'attention_decode',
    launch(shapes, attrs) {
      const [T, C] = shapes[4];
      return { constants: headConstants(C, attrs, T), workgroups: [attrs.heads, 1, 1] };
    },
  },

  // At the longest context.
  flops: (shapes) => 4 * shapes[4][0] * shapes[4][1],

  example(random) {
    const { H, C } = randomHeads(random);
    const T = randomInteger(random, 1, 150);
    return {
      shapes: [[1, C], [1, C], [1, C], [1], [T, C], [T, C]], // prettier-ignore
      attrs: { heads: H },
      inputs: [
        randomNormal(random, C),
        randomNormal(random, C),
        randomNormal(random, C),
        new Uint32Array([randomInteger(random, 0, T - 1)]),
        randomNormal(random, T * C),
        randomNormal(random, T * C),
      ],
      step: exampleStep(1),
    };
  },
};
