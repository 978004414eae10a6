// adam: the update of all parameters at once (Kingma and Ba 2015), as microgpt.py has it, and the step counter.
//
//   m ← β1·m + (1−β1)·g        v ← β2·v + (1−β2)·g²
//   parameter ← parameter − lr · (m / correction1) / (√(v / correction2) + ε)

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import updateLib from '../../shaders/lib/update.wgsl?raw';
import shader from '../../shaders/adam.wgsl?raw';
import type { Op } from '../graph/op.ts';
import { ShapeError } from '../util/errors.ts';
import type { FloatArray } from '../util/arrays.ts';
import { elementGrid, exampleStep, matchShapes, randomInteger, randomNormal } from './support.ts';

export type AdamAttrs = { readonly beta1: number; readonly beta2: number; readonly eps: number };

export const adam: Op = {
  name: 'adam',
  inputs: ['grads'],
  updates: ['parameters', 'm', 'v', 'counter'],
  outputs: [],
  integers: ['counter'],

  infer(shapes, _attrs, where) {
    const patterns = { grads: ['N'], parameters: ['N'], m: ['N'], v: ['N'], counter: [1] } as const;
    const { N } = matchShapes('adam', where, shapes, patterns);
    if (N % 4 !== 0) throw new ShapeError(`adam at ${where}: expected grads [a multiple of 4], got [${N}]`);
    return [];
  },

  cpu({ inputs, attrs, step }) {
    const [grads, parameters, m, v] = inputs as FloatArray[] as [
      FloatArray,
      FloatArray,
      FloatArray,
      FloatArray,
    ];
    const counter = inputs[4] as Uint32Array;
    const { beta1, beta2, eps } = attrs as AdamAttrs;
    const { learningRate, correction1, correction2 } = step;
    for (let i = 0; i < grads.length; i++) {
      const g = grads[i];
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      parameters[i] -= (learningRate * (m[i] / correction1)) / (Math.sqrt(v[i] / correction2) + eps);
    }
    counter[0] = step.index + 1;
  },

  kernel: {
    source: stepLib + gridLib + updateLib + shader,
    entry: 'adam',
    launch([grads], attrs) {
      const { beta1, beta2, eps } = attrs as AdamAttrs;
      const N = grads[0];
      return {
        constants: {
          QUADS: N / 4,
          BETA1: beta1,
          ONE_MINUS_BETA1: 1 - beta1,
          BETA2: beta2,
          ONE_MINUS_BETA2: 1 - beta2,
          EPS: eps,
        },
        workgroups: elementGrid(N / 4),
      };
    },
  },

  flops: ([grads]) => 14 * grads[0],

  example(random) {
    const N = 4 * randomInteger(random, 1, 500);
    const v = randomNormal(random, N).map((x) => x * x);
    return {
      shapes: [[N], [N], [N], [N], [1]], // prettier-ignore
      attrs: { beta1: 0.85, beta2: 0.99, eps: 1e-8 },
      inputs: [
        randomNormal(random, N),
        randomNormal(random, N),
        randomNormal(random, N),
        v,
        new Uint32Array([3]),
      ],
      step: exampleStep(1),
    };
  },
};
