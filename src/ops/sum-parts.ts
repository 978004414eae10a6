// sum_parts: out = Σₛ parts[s], the last step of a sum over rows that was made in parts.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/sum_parts.wgsl?raw';
import type { Op } from '../graph/op.ts';
import { elementGrid, exampleStep, matchShapes, randomInteger, randomNormal } from './support.ts';

export const sumParts: Op = {
  name: 'sum_parts',
  inputs: ['parts'],
  outputs: ['out'],

  infer(shapes, _attrs, where) {
    const { O, I } = matchShapes('sum_parts', where, shapes, { parts: ['S', 'O', 'I'] });
    return [[O, I]];
  },

  cpu({ inputs, outputs, shapes }) {
    const [parts] = inputs;
    const [out] = outputs;
    const [S, O, I] = shapes[0];
    for (let i = 0; i < O * I; i++) {
      let sum = 0;
      for (let s = 0; s < S; s++) sum += parts[s * O * I + i];
      out[i] = sum;
    }
  },

  kernel: {
    source: stepLib + gridLib + shader,
    entry: 'sum_parts',
    launch: ([[S, O, I]]) => ({ constants: { S, LENGTH: O * I }, workgroups: elementGrid(O * I) }),
  },

  flops: ([[S, O, I]]) => (S - 1) * O * I,

  example(random) {
    const [S, O, I] = [
      randomInteger(random, 1, 9),
      randomInteger(random, 1, 60),
      randomInteger(random, 1, 60),
    ];
    return {
      shapes: [[S, O, I]],
      attrs: {},
      inputs: [randomNormal(random, S * O * I)],
      step: exampleStep(1),
    };
  },
};
