// Another model than the GPT: attention and MLP in parallel, an MLP of three matrices, and a head that shares the table of tokens,
// whose gradient has two parts. It trains with every launch strategy as its plan does in plain f64.

import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/graph/autodiff.ts';
import { fuse } from '../../src/graph/fuse.ts';
import { Graph } from '../../src/graph/graph.ts';
import type { Tensor } from '../../src/graph/graph.ts';
import { sizeOf, STEP_BYTES, type Op, type StepScalars } from '../../src/graph/op.ts';
import { planGraph, type Place, type Plan } from '../../src/graph/plan.ts';
import { LAUNCH_STRATEGIES } from '../../src/engines.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/model/config.ts';
import { RING_LENGTH, type PlanBuilder } from '../../src/model/gpt.ts';
import { parameterLayout } from '../../src/model/parameters.ts';
import { adam } from '../../src/ops/adam.ts';
import { add, sumGradients } from '../../src/ops/add.ts';
import { attention } from '../../src/ops/attention.ts';
import { batch, packCorpus } from '../../src/ops/batch.ts';
import { crossEntropy } from '../../src/ops/cross-entropy.ts';
import { embedding } from '../../src/ops/embedding.ts';
import { linear } from '../../src/ops/linear.ts';
import { loss } from '../../src/ops/loss.ts';
import { relu } from '../../src/ops/relu.ts';
import { rmsnorm } from '../../src/ops/rmsnorm.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { residentSteps } from '../../src/webgpu/resident.ts';
import { plannedSteps } from '../../src/webgpu/steps.ts';
import { deviceForTest, noAdapter } from '../support/device.ts';
import { namesDocuments } from '../support/golden.ts';

const ROWS = 64;

/** As trainingPlan of model/gpt.ts, for the other model. */
const otherPlan: PlanBuilder = (config, training, _layout, corpus, rules) => {
  const { nEmbd: C, blockSize: T, vocabSize: V, nHead, nLayer } = config;
  const { batchSize, steps, learningRate, beta1, beta2, eps } = training;
  const graph = new Graph();
  const places = new Map<Tensor, Place>();
  const parameters: Tensor[] = [];
  let length = 0;
  const weight = (name: string, ...shape: number[]): Tensor => {
    const tensor = graph.source(name, shape);
    places.set(tensor, { region: 'parameters', offset: length });
    length += Math.ceil(sizeOf(shape) / ROWS) * ROWS;
    parameters.push(tensor);
    return tensor;
  };
  const state = (region: string, size: number, dtype: 'f32' | 'u32' = 'f32'): Tensor => {
    const tensor = graph.source(region, [size], dtype);
    places.set(tensor, { region, offset: 0 });
    return tensor;
  };
  const apply = (op: Op, ...inputs: Tensor[]) => graph.apply(op, inputs)[0];

  const counter = state('counter', 1, 'u32');
  const attrs = {
    batch: batchSize,
    block: T,
    documents: corpus.documents,
    steps,
    learningRate,
    beta1,
    beta2,
  };
  const given = graph.apply(batch, [state('corpus', corpus.length, 'u32'), counter], attrs);
  const [step, tokens, targets, positions, spans, weights] = given;
  places.set(step, { region: 'step', offset: 0 });

  const table = weight('letters', V, C);
  let x = apply(embedding, table, weight('places', T, C), tokens, positions);
  for (let i = 0; i < nLayer; i++) {
    const normed = apply(rmsnorm, x);
    const [q, k, v] = ['ask', 'offer', 'give'].map((name) => apply(linear, normed, weight(name, C, C)));
    const [mixed] = graph.apply(attention, [q, k, v, spans], { heads: nHead, block: T });
    const attended = apply(linear, mixed, weight('gather', C, C));
    const wide = apply(relu, apply(linear, normed, weight('widen', 2 * C, C)));
    const bent = apply(relu, apply(linear, wide, weight('bend', 3 * C, 2 * C)));
    const narrow = apply(linear, bent, weight('narrow', C, 3 * C));
    x = apply(add, apply(add, attended, narrow), x);
  }
  const [nll] = graph.apply(crossEntropy, [apply(linear, apply(rmsnorm, x), table), targets]);
  const end = graph.add(loss, [nll, weights, state('ring', RING_LENGTH)]);
  const sum = (a: Tensor, b: Tensor, of: Tensor) => sumGradients(graph, a, b, of);
  gradients(graph, end, parameters, sum).forEach((gradient, i) => {
    places.set(gradient!, { region: 'gradients', offset: places.get(parameters[i])!.offset });
  });
  const flat = ['gradients', 'parameters', 'm', 'v'].map((region) => state(region, length));
  graph.apply(adam, [...flat, counter], { beta1, beta2, eps });
  const region = (name: string, dtype: 'f32' | 'u32', size: number) => ({ name, dtype, length: size });
  const regions = [
    ...['parameters', 'gradients', 'm', 'v'].map((name) => region(name, 'f32', length)),
    region('corpus', 'u32', corpus.length),
    region('counter', 'u32', 1),
    region('step', 'u32', STEP_BYTES / 4),
    region('ring', 'f32', RING_LENGTH),
  ];
  fuse(graph, rules ?? [], new Set(places.keys()));
  return planGraph(graph, regions, places);
};

/** Runs a plan step by step with the ops' plain loops in f64; gives the losses. */
function plainLosses(
  { buffers, dispatches }: Plan,
  regions: Record<string, ArrayLike<number>>,
  steps: number,
) {
  const arrays = buffers.map(({ name, dtype, length }) => {
    const array = dtype === 'u32' ? new Uint32Array(length) : new Float64Array(length);
    if (regions[name]) array.set(regions[name]);
    return array;
  });
  const step: StepScalars = { index: 0, rows: 0, learningRate: 0, correction1: 0, correction2: 0 };
  const ring = arrays[buffers.findIndex(({ name }) => name === 'ring')];
  return Array.from({ length: steps }, (_, n) => {
    for (const { node, inputs, outputs } of dispatches) {
      const [ins, outs] = [inputs, outputs].map((views) =>
        views.map(({ buffer, offset, length }) => arrays[buffer].subarray(offset, offset + length)),
      );
      const shapes = node.inputs.map(({ shape }) => shape);
      node.op.cpu({ inputs: ins, outputs: outs, shapes, attrs: node.attrs, step });
    }
    return ring[n];
  });
}

describe.skipIf(noAdapter !== '')('another model', () => {
  const model = { ...DEFAULT_MODEL, nLayer: 3, nEmbd: 12, nHead: 3, blockSize: 8 };
  const training = { ...DEFAULT_TRAINING, batchSize: 2, steps: 30 };
  const { spec } = prepareRun({ documents: namesDocuments().slice(0, 40), model, training });

  const corpus = packCorpus(spec.documents);
  const size = { length: corpus.length, documents: spec.documents.count };
  const plan = otherPlan(spec.model, training, parameterLayout(spec.model), size);
  const { length } = plan.buffers.find(({ name }) => name === 'parameters')!;
  const random = new PythonRandom(3);
  const parameters = Float32Array.from({ length }, () => random.gauss(0, 0.1));
  const STEPS = 12;
  const expected = plainLosses(plan, { corpus, parameters }, STEPS);

  test.each([...LAUNCH_STRATEGIES, 'resident, not fused'] as const)('%s', async (launch) => {
    const gpu = await deviceForTest();
    const plain: PlanBuilder = (config, own, layout, data) => otherPlan(config, own, layout, data);
    const steps =
      launch === 'resident' || launch === 'resident, not fused'
        ? await residentSteps(spec, gpu, { build: launch === 'resident' ? otherPlan : plain })
        : await plannedSteps(spec, gpu, launch, otherPlan);
    steps.write('parameters', parameters);
    const ring = await steps.train(STEPS);
    expected.forEach((own, n) => expect(Math.abs(ring[n] - own)).toBeLessThanOrEqual(1e-5)); // f32
    steps.destroy();
  });

  test('learns', () => {
    expect(expected[STEPS - 1]).toBeLessThan(expected[0]);
  });
});
