// softmax_loss: cross entropy and its derivative in one kernel. The loss of a step is Σᵣ weights[r] · nll[r]; the gradient of
// that sum, weights[r] · (softmax − one-hot), takes the logits' place.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import softmaxLib from '../../shaders/lib/softmax.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/softmax_loss.wgsl?raw';
import type { Rule } from '../graph/fuse.ts';
import type { Op } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { crossEntropy, crossEntropyGrad, LANES, launchRows, softmaxBody } from './cross-entropy.ts';
import { matchShapes, randomNormal } from './support.ts';

export const softmaxLoss: Op = {
  name: 'softmax_loss',
  inputs: ['targets', 'weights'],
  updates: ['logits'],
  outputs: ['nll'],
  becomes: { logits: 'dlogits' },
  integers: ['targets'],

  infer(shapes, _attrs, where) {
    const patterns = { targets: ['R'], weights: ['R'], logits: ['R', 'V'] } as const;
    const { R } = matchShapes('softmax_loss', where, shapes, patterns);
    return [[R]];
  },

  cpu(call) {
    const [targets, weights, logits] = call.inputs;
    const nll = call.outputs[0] as FloatArray;
    const lse = nll.slice();
    const shapes = [call.shapes[2], call.shapes[0]];
    crossEntropy.cpu({ ...call, shapes, inputs: [logits, targets], outputs: [nll, lse] });
    crossEntropyGrad.cpu({
      ...call,
      shapes: [[], [], [], call.shapes[2]],
      inputs: [targets, lse, weights, logits],
    });
  },

  kernel: {
    source: stepLib + gridLib + reduceLib + softmaxLib + shader,
    entry: 'softmax_loss',
    launch: ([, , logits]) => launchRows(logits),
  },

  body: ([, , logits]) =>
    softmaxBody(logits, LANES, (at) => {
      const place = `r * ${logits[1]} + token`;
      return `
      let target_token = ${at.targets.integer('r')};
      let share = ${at.weights.element('r')};
      for (var token = i % ${LANES}; token < ${logits[1]}; token += ${LANES}) {
        let logit = ${at.logits.element(place)};
        let p = exp(logit - largest) / total;
        if (token == target_token) { ${at.nll.put('r', 'log(total) + (largest - logit)')} }
        ${at.logits.put(place, 'share * select(p, p - 1, token == target_token)')}
      }`;
    }),

  flops: ([, , [R, V]]) => 8 * R * V,

  example(random) {
    const { shapes, inputs, ...rest } = crossEntropy.example(random);
    const weights = randomNormal(random, shapes[1][0]).map(Math.abs);
    return { ...rest, shapes: [shapes[1], shapes[1], shapes[0]], inputs: [inputs[1], weights, inputs[0]] };
  },
};

export const softmaxLossRule: Rule = {
  inputs: ['logits', 'targets', 'weights'],
  plain(apply, [logits, targets, weights]) {
    const [nll, lse] = apply(crossEntropy, logits, targets);
    return [nll, ...apply(crossEntropyGrad, targets, lse, weights, logits)];
  },
  fused: (graph, [logits, targets, weights]) => graph.apply(softmaxLoss, [targets, weights, logits]),
};
