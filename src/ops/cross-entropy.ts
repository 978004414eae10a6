// cross_entropy: nll[r] = lse[r] − logits[r, target], with lse[r] = log Σᵥ exp(logits[r, v]): the surprise of
// each row at its target, in nats. lse is kept for the derivative.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import softmaxLib from '../../shaders/lib/softmax.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/cross_entropy.wgsl?raw';
import type { Body, Operands, Phase } from '../graph/body.ts';
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

  body: ([[R, V]]) =>
    softmaxBody([R, V], 1, (at) => {
      const ofTarget = at.logits.element(`r * ${V} + ${at.targets.integer('r')}`);
      return `
      ${at.nll.put('r', `log(total) + (largest - ${ofTarget})`)}
      ${at.lse.put('r', 'largest + log(total)')}`;
    }),

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

  body: ([, , , [, V]]) => ({
    packed: [],
    phases: [
      {
        perRow: V,
        multiplyAdds: 1,
        code: (at) => `
      let r = i / ${V};
      let p = exp(${at.logits.element('i')} - ${at.lse.element('r')});
      ${at.logits.put('i', `${at.dnll.element('r')} * select(p, p - 1, i % ${V} == ${at.targets.integer('r')})`)}`,
      },
    ],
  }),

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

/** Invocations of one workgroup that share a row of logits. */
export const LANES = 8;

/**
 * The body of a softmax: each lane of a row finds the largest of its logits and Σ exp(logit − largest). Then `code`, of `perRow`
 * iterations a row, has those of row `r` as `largest` and `total`.
 */
export function softmaxBody([R, V]: Shape, perRow: number, code: (at: Operands) => string): Body {
  const each = `for (var token = i % ${LANES}; token < ${V}; token += ${LANES})`;
  const survey: Phase = {
    perRow: LANES,
    multiplyAdds: 0,
    code: (at) => `
      let row = i / ${LANES} * ${V};
      var largest = LOWEST;
      ${each} { largest = max(largest, ${at.logits.element('row + token')}); }
      var total = 0.0;
      ${each} { total += exp(${at.logits.element('row + token')} - largest); }
      ${at.survey.put('2 * i', 'largest')}
      ${at.survey.put('2 * i + 1', 'total')}`,
  };
  const spend: Phase = {
    perRow,
    multiplyAdds: LANES,
    code: (at) => `
      let r = i / ${perRow};
      var largest = LOWEST;
      for (var n = r * ${LANES}; n < (r + 1) * ${LANES}; n++) { largest = max(largest, ${at.survey.element('2 * n')}); }
      var total = 0.0;
      for (var n = r * ${LANES}; n < (r + 1) * ${LANES}; n++) {
        total = fma(${at.survey.element('2 * n + 1')}, exp(${at.survey.element('2 * n')} - largest), total);
      }
      ${code(at)}`,
  };
  return { packed: [], temporaries: { survey: 2 * LANES * R }, phases: [survey, spend] };
}
