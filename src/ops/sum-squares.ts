// sum_squares: the squares of a gradient, summed in parts, for the norm that adam_clipped needs.
//
//   parts[p] = Σ grads[i]² over every P-th run of 1024 elements, from run p on

import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/sum_squares.wgsl?raw';
import type { Op } from '../graph/op.ts';
import { ShapeError } from '../util/errors.ts';
import { exampleStep, matchShapes, randomInteger, randomNormal } from './support.ts';

/** Invocations of a workgroup, each of which takes 4 elements of a run. */
const WORKERS = 256;
const RUN = 4 * WORKERS;
/** Invocations of one workgroup that share a part. */
const LANES = 16;

/** Each workgroup of adam_clipped reads all parts: more would cost it more than they save here. */
const MOST_PARTS = 256;

function partsOf(N: number): number {
  return Math.min(MOST_PARTS, Math.ceil(N / RUN));
}

export const sumSquares: Op = {
  name: 'sum_squares',
  inputs: ['grads'],
  outputs: ['parts'],

  infer(shapes, _attrs, where) {
    const { N } = matchShapes('sum_squares', where, shapes, { grads: ['N'] });
    if (N % 4 !== 0) {
      throw new ShapeError(`sum_squares at ${where}: expected grads [a multiple of 4], got [${N}]`);
    }
    return [[partsOf(N)]];
  },

  cpu({ inputs, outputs }) {
    const [grads] = inputs;
    const [parts] = outputs;
    for (let p = 0; p < parts.length; p++) {
      let sum = 0;
      for (let from = p * RUN; from < grads.length; from += parts.length * RUN) {
        const end = Math.min(from + RUN, grads.length);
        for (let i = from; i < end; i++) sum += grads[i] * grads[i];
      }
      parts[p] = sum;
    }
  },

  kernel: {
    source: stepLib + reduceLib + shader,
    entry: 'sum_squares',
    launch([grads]) {
      const PARTS = partsOf(grads[0]);
      return { constants: { QUADS: grads[0] / 4, PARTS, WORKERS }, workgroups: [PARTS, 1, 1] };
    },
  },

  // The lanes of a sum are the same for any width of the workgroup, and so are its bits.
  body([[N]], _attrs, P) {
    const parts = partsOf(N);
    return {
      packed: [N],
      temporaries: { lanes: parts * LANES },
      phases: [
        {
          times: parts * LANES,
          multiplyAdds: N / (parts * LANES),
          code: (at) => `
      var sum = 0.0;
      for (var start = i / ${LANES} * ${RUN / P}; start < ${N / P}; start += ${(parts * RUN) / P}) {
        for (var n = start + i % ${LANES}; n < min(start + ${RUN / P}, ${N / P}); n += ${LANES}) {
          let g = ${at.grads.pack('n')};
          sum = add_dot(sum, g, g);
        }
      }
      ${at.lanes.put('i', 'sum')}`,
        },
        {
          times: parts,
          multiplyAdds: 0,
          code: (at) => `
      var sum = 0.0;
      for (var n = i * ${LANES}; n < (i + 1) * ${LANES}; n++) { sum += ${at.lanes.element('n')}; }
      ${at.parts.put('i', 'sum')}`,
        },
      ],
    };
  },

  flops: ([grads]) => 2 * grads[0],

  example(random) {
    // In one of three cases more than one run for each part.
    const long = randomInteger(random, 1, 3) === 1;
    const N =
      4 *
      (long ? randomInteger(random, (MOST_PARTS * RUN) / 4 + 1, 100_000) : randomInteger(random, 1, 1000));
    return {
      shapes: [[N]], // prettier-ignore
      attrs: {},
      inputs: [randomNormal(random, N)],
      step: exampleStep(1),
    };
  },
};
