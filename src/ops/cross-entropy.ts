// cross_entropy: nll[r] = lse[r] − logits[r, target], with lse[r] = log Σᵥ exp(logits[r, v]): the surprise of
// each row at its target, in nats. lse is kept for the derivative.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import softmaxLib from '../../shaders/lib/softmax.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/cross_entropy.wgsl?raw';
import type { Launch, Op, Shape } from '../graph/op.ts';
import type { Tensor } from '../graph/graph.ts';
import type { FloatArray } from '../util/arrays.ts';
import type { PythonRandom } from '../util/python-random.ts';
import {
  exampleStep,
  matchShapes,
  randomIds,
  randomInteger,
  randomNormal,
  rowGrid,
  workersFor,
} from './support.ts';

const source = stepLib + gridLib + reduceLib + softmaxLib + shader;

/** How the rows of logits (R, V) are launched: with 16 logits an invocation or more, up to 256 invocations share a row. */
export function launchRows([R, V]: Shape): Launch {
  const workers = Math.max(workersFor(V), workersFor(V / 16, 256));
  return { constants: { V, WORKERS: workers }, workgroups: rowGrid(R) };
}

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
    return [graph.apply(crossEntropyGrad, [targets, node.outputs[1], dnll!, logits])[0], null];
  },

  kernel: {
    source,
    entry: 'cross_entropy',
    launch: ([logits]) => launchRows(logits),
  },

  flops: ([logits]) => 4 * logits[0] * logits[1],

  example(random) {
    const { R, V, logits, targets } = randomLogits(random, random.random() < 0.5 ? 1 : 40);
    return { shapes: [[R, V], [R]], attrs: {}, inputs: [logits, targets], step: exampleStep(randomInteger(random, 1, R)) }; // prettier-ignore
  },
};

/** dlogits[r, v] = dnll[r] · (exp(logits[r, v] − lse[r]) − [v = target]): softmax minus one-hot, in the logits' place. */
export const crossEntropyGrad: Op = {
  name: 'cross_entropy_grad',
  inputs: ['targets', 'lse', 'dnll'],
  updates: ['logits'],
  outputs: [],
  becomes: { logits: 'dlogits' },
  integers: ['targets'],

  infer(shapes, _attrs, where) {
    matchShapes('cross_entropy_grad', where, shapes, {
      targets: ['R'],
      lse: ['R'],
      dnll: ['R'],
      logits: ['R', 'V'],
    });
    return [];
  },

  cpu({ inputs, shapes, step }) {
    const [targets, lse, dnll, logits] = inputs as [Uint32Array, FloatArray, FloatArray, FloatArray];
    const V = shapes[3][1];
    for (let r = 0; r < step.rows; r++) {
      const row = r * V;
      for (let v = 0; v < V; v++) {
        const p = Math.exp(logits[row + v] - lse[r]);
        logits[row + v] = dnll[r] * (v === targets[r] ? p - 1 : p); // (R, V)
      }
    }
  },

  kernel: {
    source,
    entry: 'cross_entropy_grad',
    bindings: ['target_of_row', 'lse_of_row', 'dnll', 'dlogits'],
    launch: ([, , , logits]) => launchRows(logits),
  },

  flops: ([, , , logits]) => 4 * logits[0] * logits[1],

  example(random) {
    const { R, V, logits, targets } = randomLogits(random);
    const lse = randomNormal(random, R).map((x) => Math.abs(x) + 4);
    return {
      shapes: [[R], [R], [R], [R, V]], // prettier-ignore
      attrs: {},
      inputs: [targets, lse, randomNormal(random, R), logits],
      step: exampleStep(randomInteger(random, 1, R)),
    };
  },
};

/** With `spread`, differences of over 88 among the logits of a row, whose exp f32 cannot hold. */
function randomLogits(random: PythonRandom, spread = 1) {
  const [R, V] = [
    randomInteger(random, 1, 40),
    randomInteger(random, 1, randomInteger(random, 1, 4) === 1 ? 3000 : 300),
  ];
  return { R, V, logits: randomNormal(random, R * V, spread), targets: randomIds(random, R, V) };
}
