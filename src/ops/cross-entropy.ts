// cross_entropy: nll[r] = lse[r] − logits[r, target], with lse[r] = log Σᵥ exp(logits[r, v]): the surprise of
// each row at its target, in nats. lse is kept for the derivative.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/cross_entropy.wgsl?raw';
import type { Op } from '../graph/op.ts';
import type { Tensor } from '../graph/graph.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import {
  elementGrid,
  exampleStep,
  matchShapes,
  randomIds,
  randomInteger,
  randomNormal,
  rowGrid,
  workersFor,
} from './support.ts';

const source = stepLib + gridLib + reduceLib + shader;

export const crossEntropy: Op = {
  name: 'cross_entropy',
  inputs: ['logits', 'targets'],
  outputs: ['nll', 'lse'],
  integers: ['targets'],

  infer(shapes, _attrs, where) {
    const { R } = matchShapes('cross_entropy', where, shapes, { logits: ['R', 'V'], targets: ['R'] });
    return [[R], [R]]; // prettier-ignore
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [logits, targets] = inputs as [FloatArray, Uint32Array];
    const [nll, lse] = outputs as [FloatArray, FloatArray];
    const V = shapes[0][1];
    for (let r = 0; r < step.rows; r++) {
      const row = r * V;
      let largest = -Infinity;
      for (let i = row; i < row + V; i++) largest = Math.max(largest, logits[i]);
      let total = 0;
      for (let i = row; i < row + V; i++) total += Math.exp(logits[i] - largest);
      lse[r] = largest + Math.log(total);
      nll[r] = Math.log(total) + (largest - logits[row + targets[r]]); // (R)
    }
  },

  vjp(graph, node, [dnll]) {
    const [logits, targets] = node.inputs as [Tensor, Tensor];
    return [graph.apply(crossEntropyGrad, [logits, targets, node.outputs[1], dnll!])[0], null];
  },

  kernel: {
    source,
    entry: 'cross_entropy',
    launch: ([logits]) => ({
      constants: { V: logits[1], WORKERS: workersFor(logits[1]) },
      workgroups: rowGrid(logits[0]),
    }),
  },

  flops: ([logits]) => 4 * logits[0] * logits[1],

  example(random) {
    const { R, V, logits, targets } = randomLogits(random, random.random() < 0.5 ? 1 : 40);
    return { shapes: [[R, V], [R]], attrs: {}, inputs: [logits, targets], step: exampleStep(randomInteger(random, 1, R)) }; // prettier-ignore
  },
};

/** dlogits[r, v] = dnll[r] · (exp(logits[r, v] − lse[r]) − [v = target]): softmax minus one-hot. */
export const crossEntropyGrad: Op = {
  name: 'cross_entropy_grad',
  inputs: ['logits', 'targets', 'lse', 'dnll'],
  outputs: ['dlogits'],
  integers: ['targets'],

  infer(shapes, _attrs, where) {
    const { R, V } = matchShapes('cross_entropy_grad', where, shapes, {
      logits: ['R', 'V'],
      targets: ['R'],
      lse: ['R'],
      dnll: ['R'],
    });
    return [[R, V]];
  },

  cpu({ inputs, outputs, shapes, step }) {
    const [logits, targets, lse, dnll] = inputs as [FloatArray, Uint32Array, FloatArray, FloatArray];
    const dlogits = outputs[0] as FloatArray;
    const V = shapes[0][1];
    for (let r = 0; r < step.rows; r++) {
      const row = r * V;
      for (let v = 0; v < V; v++) {
        const p = Math.exp(logits[row + v] - lse[r]);
        dlogits[row + v] = dnll[r] * (v === targets[r] ? p - 1 : p); // (R, V)
      }
    }
  },

  kernel: {
    source,
    entry: 'cross_entropy_grad',
    bindings: ['logits', 'targets', 'lse_of_row', 'dnll', 'dlogits'],
    launch: ([logits]) => ({
      constants: { V: logits[1] },
      workgroups: elementGrid(logits[0] * logits[1]),
    }),
  },

  flops: ([logits]) => 4 * logits[0] * logits[1],

  example(random) {
    const { R, V, logits, targets } = randomLogits(random);
    const lse = randomNormal(random, R).map((x) => Math.abs(x) + 4);
    return {
      shapes: [[R, V], [R], [R], [R]], // prettier-ignore
      attrs: {},
      inputs: [logits, targets, lse, randomNormal(random, R)],
      step: exampleStep(randomInteger(random, 1, R)),
    };
  },
};

/** With `spread`, differences of over 88 among the logits of a row, whose exp f32 cannot hold. */
function randomLogits(random: PythonRandom, spread = 1) {
  const [R, V] = [randomInteger(random, 1, 40), randomInteger(random, 1, 300)];
  return { R, V, logits: randomNormal(random, R * V, spread), targets: randomIds(random, R, V) };
}
