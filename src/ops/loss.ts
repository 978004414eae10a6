// loss: Σᵣ weights[r] · nll[r], written to a ring that keeps the losses of many steps until they are read. With
// weights 1 / (B · length) it is the mean over documents of the mean over each one's tokens.

import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/loss.wgsl?raw';
import type { Op } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { exampleStep, matchShapes, randomInteger, randomNormal, workersFor } from './support.ts';

export const loss: Op = {
  name: 'loss',
  inputs: ['nll', 'weights'],
  updates: ['ring'],
  outputs: [],

  infer(shapes, _attrs, where) {
    matchShapes('loss', where, shapes, { nll: ['R'], weights: ['R'], ring: ['L'] });
    return [];
  },

  cpu({ inputs, step }) {
    const [nll, weights, ring] = inputs as [FloatArray, FloatArray, FloatArray];
    let total = 0;
    for (let r = 0; r < step.rows; r++) total += weights[r] * nll[r];
    ring[step.index % ring.length] = total;
  },

  // dloss/dnll[r] = weights[r].
  vjp: (_graph, node) => [node.inputs[1], null, null],

  kernel: {
    source: stepLib + reduceLib + shader,
    entry: 'loss',
    launch: ([nll, , ring]) => ({
      constants: { RING: ring[0], WORKERS: workersFor(nll[0]) },
      workgroups: [1, 1, 1],
    }),
  },

  body: ([, , [L]]) => ({
    packed: [],
    phases: [
      {
        times: 1,
        multiplyAdds: ({ rows }) => rows,
        code: (at) => `
      var sum = 0.0;
      for (var r = 0u; r < rows; r++) { sum = fma(${at.weights.element('r')}, ${at.nll.element('r')}, sum); }
      ${at.ring.put(`index % ${L}`, 'sum')}`,
      },
    ],
  }),

  flops: ([nll]) => 2 * nll[0],
  touches: () => ({ ring: 1 }),

  example(random) {
    const [R, L] = [randomInteger(random, 1, 200), randomInteger(random, 1, 9)];
    return {
      shapes: [[R], [R], [L]], // prettier-ignore
      attrs: {},
      // Positive, as they are in training: a sum that cancels says nothing about the arithmetic.
      inputs: [
        randomNormal(random, R).map(Math.abs),
        randomNormal(random, R).map(Math.abs),
        randomNormal(random, L),
      ],
      step: exampleStep(randomInteger(random, 1, R), randomInteger(random, 0, 20)),
    };
  },
};
