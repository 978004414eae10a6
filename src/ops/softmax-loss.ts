// softmax_loss: cross entropy and its derivative in one kernel. The loss of a step is Σᵣ weights[r] · nll[r]; dlogits is
// the gradient of that sum: weights[r] · (softmax − one-hot). In a graph this op is the loss itself.

import gridLib from '../../shaders/lib/grid.wgsl?raw';
import reduceLib from '../../shaders/lib/reduce.wgsl?raw';
import stepLib from '../../shaders/lib/step.wgsl?raw';
import shader from '../../shaders/softmax_loss.wgsl?raw';
import type { Op } from '../graph/op.ts';
import type { FloatArray } from '../util/arrays.ts';
import { crossEntropy, crossEntropyGrad } from './cross-entropy.ts';
import { matchShapes, randomNormal, rowGrid, workersFor } from './support.ts';

export const softmaxLoss: Op = {
  name: 'softmax_loss',
  inputs: ['logits', 'targets', 'weights'],
  outputs: ['nll', 'dlogits'],
  integers: ['targets'],

  infer(shapes, _attrs, where) {
    const patterns = { logits: ['R', 'V'], targets: ['R'], weights: ['R'] } as const;
    const { R, V } = matchShapes('softmax_loss', where, shapes, patterns);
    return [[R], [R, V]]; // prettier-ignore
  },

  cpu(call) {
    const [logits, targets, weights] = call.inputs;
    const [nll, dlogits] = call.outputs as [FloatArray, FloatArray];
    const lse = nll.slice();
    crossEntropy.cpu({ ...call, outputs: [nll, lse] });
    crossEntropyGrad.cpu({ ...call, inputs: [logits, targets, lse, weights], outputs: [dlogits] });
  },

  vjp(_graph, node, douts) {
    if (douts.some((dout) => dout !== null))
      throw new Error('softmax_loss: it is the loss, nothing follows it');
    return [node.outputs[1], null, null];
  },

  kernel: {
    source: stepLib + gridLib + reduceLib + shader,
    entry: 'softmax_loss',
    launch: ([[R, V]]) => ({ constants: { V, WORKERS: workersFor(V) }, workgroups: rowGrid(R) }),
  },

  flops: ([[R, V]]) => 8 * R * V,

  example(random) {
    const example = crossEntropy.example(random);
    const R = example.shapes[0][0];
    const weights = randomNormal(random, R).map(Math.abs);
    return { ...example, shapes: [...example.shapes, [R]], inputs: [...example.inputs, weights] };
  },
};
