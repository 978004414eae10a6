import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/graph/autodiff.ts';
import { Graph } from '../../src/graph/graph.ts';
import type { Tensor } from '../../src/graph/graph.ts';
import { operandNames } from '../../src/graph/op.ts';
import { planGraph } from '../../src/graph/plan.ts';
import type { Place, Plan } from '../../src/graph/plan.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { decodePlan, trainingPlan } from '../../src/model/plans.ts';
import { parameterLayout } from '../../src/model/parameters.ts';
import { add } from '../../src/ops/add.ts';
import { crossEntropy } from '../../src/ops/cross-entropy.ts';
import { FUSED, LARGE_SIZES } from '../../src/ops/index.ts';
import { linear } from '../../src/ops/linear.ts';
import { loss } from '../../src/ops/loss.ts';
import { relu } from '../../src/ops/relu.ts';
import { rmsnorm } from '../../src/ops/rmsnorm.ts';
import { ShapeError } from '../../src/util/errors.ts';

const model = { ...DEFAULT_MODEL, vocabSize: 27 };
const layout = parameterLayout(model);
const corpus = { length: 100, documents: 10 };
const fused = trainingPlan(model, DEFAULT_TRAINING, layout, corpus, FUSED);
const defaults = trainingPlan(model, DEFAULT_TRAINING, layout, { length: 100, documents: 10 });

test.each([
  { nLayer: 10_000, rules: [] },
  { nLayer: 2000, rules: FUSED },
])('a plan of $nLayer layers', ({ nLayer, rules }) => {
  const deep = { ...model, nLayer, nEmbd: 4, nHead: 1 };
  const plan = trainingPlan(
    deep,
    DEFAULT_TRAINING,
    parameterLayout(deep),
    { length: 100, documents: 9 },
    rules,
  );
  expect(plan.dispatches.length).toBeGreaterThan(10 * nLayer);
});

describe('the graph', () => {
  test('refuses inputs of the wrong number, kind or shape, naming place and op', () => {
    const graph = new Graph();
    graph.where = 'layer2';
    const x = graph.source('x', [4, 8]);
    const ids = graph.source('ids', [4], 'u32');
    expect(() => graph.apply(add, [x])).toThrow('layer2.add: expected 2 inputs (a, b), got 1');
    expect(() => graph.apply(rmsnorm, [ids])).toThrow('layer2.rmsnorm: expected f32 in x, got u32 (ids)');
    expect(() => graph.apply(add, [x, graph.source('y', [4, 9])])).toThrow(
      new ShapeError('add at layer2: expected b [R=4, C=8], got [4, 9]'),
    );
  });
});

describe('autodiff', () => {
  test('sums the gradients of a tensor that is used several times, and skips what the loss does not need', () => {
    const graph = new Graph();
    const [x, w, unused] = [
      graph.source('x', [3, 2]),
      graph.source('w', [5, 2]),
      graph.source('unused', [5, 2]),
    ];
    const normed = graph.apply(rmsnorm, [x])[0];
    const twice = graph.apply(add, [normed, normed])[0];
    graph.apply(linear, [normed, unused]);
    const logits = graph.apply(linear, [graph.apply(relu, [twice])[0], w])[0];
    const [nll] = graph.apply(crossEntropy, [logits, graph.source('targets', [3], 'u32')]);
    graph.apply(loss, [nll, graph.source('weights', [3]), graph.source('ring', [4])]);
    const forward = graph.nodes.length;
    const sum = (a: Tensor, b: Tensor) => graph.apply(add, [a, b])[0];
    const [dx, dw, dunused] = gradients(graph, graph.nodes.at(-1)!, [x, w, unused], sum);
    expect(dx?.shape).toEqual([3, 2]);
    expect(dw?.shape).toEqual([5, 2]);
    expect(dunused).toBeNull();
    // Backwards, and one add where the two uses of `normed` meet.
    expect(graph.nodes.slice(forward).map((node) => node.op.name)).toEqual([
      'cross_entropy_grad',
      'linear_grad_x',
      'linear_grad_w',
      'relu_grad',
      'add',
      'rmsnorm_grad',
    ]);
    // Both operands of that add are the gradient of `twice`.
    expect(graph.nodes.at(-2)!.inputs[0]).toBe(graph.nodes.at(-2)!.inputs[1]);
  });
});

describe('a plan', () => {
  test('puts tensors that are alive at the same time into different places', () => {
    for (const plan of [defaults, fused, decodePlan(model, layout)]) expectNoOverlap(plan);
  });

  test('reuses scratch: less than half of what separate buffers would take', () => {
    const deep = { ...model, nLayer: 6 };
    const plan = trainingPlan(deep, DEFAULT_TRAINING, parameterLayout(deep), { length: 100, documents: 10 });
    const scratch = plan.buffers.filter((buffer) => buffer.kind === 'scratch');
    const taken = scratch.reduce((total, buffer) => total + buffer.length, 0);
    const separate = plan.dispatches
      .flatMap((d) => d.outputs)
      .filter((view) => plan.buffers[view.buffer].kind === 'scratch')
      .reduce((total, view) => total + view.length, 0);
    expect(taken).toBeLessThan(separate / 2);
  });

  test.each([false, true])('keeps one buffer of the size of the logits, fused: %s', (fuse) => {
    const wide = { ...model, vocabSize: 5000 };
    const plan = trainingPlan(
      wide,
      DEFAULT_TRAINING,
      parameterLayout(wide),
      corpus,
      fuse ? FUSED : LARGE_SIZES,
    );
    const scratch = plan.buffers.filter((buffer) => buffer.kind === 'scratch');
    expect(scratch.filter((buffer) => buffer.length >= 16 * 5000)).toHaveLength(1);
  });

  test('of a training step: batch first, adam last, every gradient in place', () => {
    const names = defaults.dispatches.map((dispatch) => dispatch.node.op.name);
    expect(names[0]).toBe('batch');
    expect(names.at(-1)).toBe('adam');
    expect(names.filter((name) => name === 'linear')).toHaveLength(7);
    expect(names.filter((name) => name === 'linear_grad_w')).toHaveLength(7);
    expect(names).toHaveLength(47);
    const index = defaults.buffers.findIndex((buffer) => buffer.name === 'gradients');
    const written = defaults.dispatches.flatMap((d) => d.outputs).filter((view) => view.buffer === index);
    expect(written.map((view) => view.offset).toSorted((a, b) => a - b)).toEqual(layout.offsets);
  });

  test.each([false, true])(
    'of a clipped training step: one dispatch more, the same buffers, fused: %s',
    (fuse) => {
      const clipped = trainingPlan(
        model,
        { ...DEFAULT_TRAINING, clip: 1 },
        layout,
        corpus,
        fuse ? FUSED : LARGE_SIZES,
      );
      const names = clipped.dispatches.map((dispatch) => dispatch.node.op.name);
      expect(names.slice(-2)).toEqual(['sum_squares', 'adam_clipped']);
      const usual = (fuse ? fused : defaults).dispatches.map((dispatch) => dispatch.node.op.name);
      expect(names.slice(0, -2)).toEqual(usual.slice(0, -1));
      const buffers = clipped.buffers.map(({ name }) => name);
      expect(buffers).toEqual((fuse ? fused : defaults).buffers.map(({ name }) => name));
    },
  );

  test('of a fused training step: 21 dispatches at one layer, 13 more for each other layer, the same gradients', () => {
    const names = fused.dispatches.map((dispatch) => dispatch.node.op.name);
    expect(names).toHaveLength(21);
    expect(names[0]).toBe('batch');
    expect(names.at(-1)).toBe('adam');
    const index = fused.buffers.findIndex((buffer) => buffer.name === 'gradients');
    const written = fused.dispatches.flatMap((d) => d.outputs).filter((view) => view.buffer === index);
    expect(written.map((view) => view.offset).toSorted((a, b) => a - b)).toEqual(layout.offsets);
    const deep = { ...model, nLayer: 3 };
    const deepPlan = trainingPlan(deep, DEFAULT_TRAINING, parameterLayout(deep), corpus, FUSED);
    expect(deepPlan.dispatches).toHaveLength(21 + 2 * 13);
  });

  test('puts the rows in order for the gradients of large tables, and only for those', () => {
    const orders = (vocabSize: number, fuse: boolean) => {
      const wide = { ...model, vocabSize, nEmbd: 64, blockSize: 32 };
      const training = { ...DEFAULT_TRAINING, batchSize: 16 };
      const plan = trainingPlan(wide, training, parameterLayout(wide), corpus, fuse ? FUSED : LARGE_SIZES);
      return plan.dispatches.filter((d) => d.node.op.name === 'token_order').length;
    };
    expect([27, 128].map((V) => orders(V, false))).toEqual([0, 0]);
    expect([27, 128].map((V) => orders(V, true))).toEqual([0, 0]);
    expect([orders(129, false), orders(129, true)]).toEqual([1, 1]);
  });

  test('counts the flops of the matrix products exactly', () => {
    // 4,192 − 27·16 − 16·16 = 3,504 weights are multiplied, forward and twice backward, for 16 rows.
    const products = defaults.dispatches.filter((d) => d.node.op.name.startsWith('linear'));
    expect(products.reduce((total, d) => total + d.flops, 0)).toBe(3 * 2 * 16 * (4192 - 27 * 16 - 16 * 16));
  });

  test('leaves out what nothing needs, and refuses a tensor without a place', () => {
    const graph = new Graph();
    const x = graph.source('x', [4, 8]);
    const kept = graph.apply(rmsnorm, [x])[0];
    graph.apply(relu, [kept]);
    const places = new Map<Tensor, Place>([[kept, { region: 'out', offset: 0 }]]);
    const region = (name: string) => ({ name, dtype: 'f32' as const, length: 32 });
    expect(() => planGraph(graph, [region('out')], places)).toThrow('x has no place');
    places.set(x, { region: 'in', offset: 0 });
    const plan = planGraph(graph, [region('in'), region('out')], places);
    expect(plan.dispatches.map((d) => d.label)).toEqual(['rmsnorm']);
  });
});

/** Replays the plan: whoever reads a tensor must find the node that made it to be the last to write there. */
function expectNoOverlap(plan: Plan): void {
  const lastWriter = new Map<number, Tensor>();
  for (const { node, inputs, outputs } of plan.dispatches) {
    node.inputs.forEach((tensor, i) => {
      const buffer = plan.buffers[inputs[i].buffer];
      if (buffer.kind === 'scratch') expect(lastWriter.get(inputs[i].buffer), tensor.name).toBe(tensor);
      expect(buffer.dtype, tensor.name).toBe(tensor.dtype);
    });
    outputs.forEach(({ buffer, offset, length }, i) => {
      const tensor = node.outputs[i];
      expect(offset + length).toBeLessThanOrEqual(plan.buffers[buffer].length);
      expect(inputs.some((view) => view.buffer === buffer && plan.buffers[buffer].kind === 'scratch')).toBe(
        false,
      );
      lastWriter.set(buffer, tensor);
    });
    const names = operandNames(node.op);
    Object.keys(node.op.becomes ?? {}).forEach((name, i) => {
      lastWriter.set(inputs[names.indexOf(name)].buffer, node.outputs[outputs.length + i]);
    });
  }
}
