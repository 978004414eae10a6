// Rules: what they put together computes the same, and nothing is put together that somebody else needs.

import { describe, expect, test } from 'vitest';
import { createPlainEngine } from '../../src/cpu/plain.ts';
import { fuse } from '../../src/graph/fuse.ts';
import type { Rule } from '../../src/graph/fuse.ts';
import { Graph } from '../../src/graph/graph.ts';
import type { Tensor } from '../../src/graph/graph.ts';
import type { Op } from '../../src/graph/op.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { trainingPlan } from '../../src/model/plans.ts';
import { initParameters, parameterLayout } from '../../src/model/parameters.ts';
import { add } from '../../src/ops/add.ts';
import { FUSED, LARGE_SIZES, OPS } from '../../src/ops/index.ts';
import { linear } from '../../src/ops/linear.ts';
import { linearAddRule } from '../../src/ops/linear-add.ts';
import { relu } from '../../src/ops/relu.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { relativeError } from '../../src/verify/check.ts';

describe('every strategy computes what the plain graph does', () => {
  const sizes = [
    { nLayer: 2, blockSize: 8, vocabSize: 11, batchSize: 3 },
    { nLayer: 1, blockSize: 40, vocabSize: 30, batchSize: 30 }, // tiles, and weight gradients in parts
    { nLayer: 1, blockSize: 40, vocabSize: 300, batchSize: 30 }, // and a table so large that its rows are put in order
    {
      nLayer: 2,
      batchSize: 3,
      vocabSize: 9,
      activation: 'gelu' as const,
      norm: 'layernorm' as const,
      bias: true,
      tie: true,
    },
  ];

  test.each(sizes)('%o', async ({ batchSize, ...size }) => {
    const model = { ...DEFAULT_MODEL, ...size };
    const random = new PythonRandom(3);
    const count = batchSize + 1;
    const length = model.blockSize + 1;
    const documents = {
      count,
      offsets: Uint32Array.from({ length: count + 1 }, (_, i) => i * length),
      tokens: Uint32Array.from({ length: count * length }, () =>
        Math.floor(random.random() * model.vocabSize),
      ),
    };
    const training = { ...DEFAULT_TRAINING, steps: 5, batchSize };
    const spec = { model, training, documents, parameters: initParameters(model, random) };
    const plain = await createPlainEngine(spec, 'f64').gradients();
    for (const rules of [LARGE_SIZES, FUSED]) {
      const other = await createPlainEngine(spec, 'f64', rules).gradients();
      expect(Math.abs(other.losses[0] - plain.losses[0])).toBeLessThan(1e-13);
      // 1e-12: sums of up to 1,200 rows in another order, in f64.
      expect(relativeError(other.gradients, plain.gradients)).toBeLessThan(1e-12);
    }
  });

  test('and every op that a rule brings in is among them', () => {
    const used = new Set<string>();
    for (const { batchSize, ...size } of sizes) {
      const model = { ...DEFAULT_MODEL, ...size };
      for (const rules of [[], LARGE_SIZES, FUSED]) {
        const training = { ...DEFAULT_TRAINING, batchSize };
        const plan = trainingPlan(
          model,
          training,
          parameterLayout(model),
          { length: 1000, documents: 40 },
          rules,
        );
        for (const { node } of plan.dispatches) used.add(node.op.name);
      }
    }
    // normed_grad is there for models in which it does not end in a sum.
    const others = ['attention_decode', 'sum_squares', 'adam_clipped', 'normed_grad'];
    expect(OPS.map(({ name }) => name).filter((name) => !used.has(name) && !others.includes(name))).toEqual(
      [],
    );
  });
});

describe('a rule', () => {
  const build = (make: (graph: Graph, sources: Record<'x' | 'w' | 'residual', Tensor>) => Tensor[]) => {
    const graph = new Graph();
    const x = graph.source('x', [3, 2]);
    const w = graph.source('w', [5, 2]);
    const residual = graph.source('residual', [3, 5]);
    const kept = make(graph, { x, w, residual });
    fuse(graph, [linearAddRule], new Set(kept));
    return { graph, kept, ops: graph.nodes.map(({ op }) => op.name) };
  };

  test('fits with the operands of a sum in either order, and the result is the tensor that it was', () => {
    for (const swapped of [false, true]) {
      const { graph, kept, ops } = build((g, { x, w, residual }) => {
        const [product] = g.apply(linear, [x, w]);
        return [...g.apply(add, swapped ? [residual, product] : [product, residual])];
      });
      expect(ops).toEqual(['linear_add']);
      expect(graph.nodes[0].outputs).toEqual(kept);
      expect(graph.nodes[0].inputs.map(({ name }) => name)).toEqual(['x', 'w', 'residual']);
      expect(kept[0].node).toBe(graph.nodes[0]);
    }
  });

  test('leaves alone what another node needs, or what is to be kept', () => {
    const used = build((g, { x, w, residual }) => {
      const [product] = g.apply(linear, [x, w]);
      return [...g.apply(add, [product, residual]), ...g.apply(relu, [product])];
    });
    expect(used.ops).toEqual(['linear', 'add', 'relu']);
    const kept = build((g, { x, w, residual }) => {
      const [product] = g.apply(linear, [x, w]);
      return [product, ...g.apply(add, [product, residual])];
    });
    expect(kept.ops).toEqual(['linear', 'add']);
  });

  test('fits wherever it can, with the rest of the graph around it', () => {
    const { graph, ops } = build((g, { x, w, residual }) => {
      const [once] = g.apply(add, [...g.apply(linear, [x, w]), residual]);
      const [kept] = g.apply(relu, [once]);
      const [twice] = g.apply(add, [kept, ...g.apply(linear, [x, w])]);
      return [...g.apply(relu, [twice])];
    });
    expect(ops).toEqual(['linear_add', 'relu', 'linear_add', 'relu']);
    for (const [i, node] of graph.nodes.entries()) {
      for (const { node: maker } of node.inputs)
        if (maker) expect(graph.nodes.indexOf(maker)).toBeLessThan(i);
    }
  });
});

test('a rule does not fit where nothing takes an output that it needs', () => {
  const two: Op = { ...relu, name: 'two', outputs: ['a', 'b'], infer: ([x]) => [x, x] };
  const graph = new Graph();
  const [a] = graph.apply(two, [graph.source('x', [3, 2])]);
  const [out] = graph.apply(relu, [a]);
  const rule: Rule = {
    inputs: ['x'],
    plain: (apply, inputs) => {
      const [first, second] = apply(two, ...inputs);
      return [...apply(relu, second), ...apply(relu, first)];
    },
    fused: () => [],
  };
  fuse(graph, [rule], new Set([out]));
  expect(graph.nodes.map(({ op }) => op.name)).toEqual(['two', 'relu']);
});

test('a node that overwrites a tensor comes after all that read it, or the plan is refused', async () => {
  const { crossEntropy } = await import('../../src/ops/cross-entropy.ts');
  const { planGraph } = await import('../../src/graph/plan.ts');
  const graph = new Graph();
  const logits = graph.apply(relu, [graph.source('x', [3, 4])])[0];
  const targets = graph.source('targets', [3], 'u32');
  const [nll] = graph.apply(crossEntropy, [logits, targets]);
  const [dlogits] = crossEntropy.vjp!(graph, nll.node!, [graph.source('dnll', [3]), null]);
  const out = graph.apply(add, [dlogits!, logits])[0];
  const places = new Map([...graph.sources, out].map((t) => [t, { region: t.name, offset: 0 }]));
  const regions = [...places.keys()].map(({ name, dtype }) => ({ name, dtype, length: 12 }));
  expect(() => planGraph(graph, regions, places)).toThrow(
    'cross_entropy_grad overwrites relu.out, which is needed after it',
  );
});
