// The counts of cost.ts against what a device is really asked for, against the shaders, and against counts by hand.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LaunchStrategy } from '../../src/engine/engine.ts';
import { LAUNCH_STRATEGIES } from '../../src/engine/choice.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import type { ModelConfig } from '../../src/config/config.ts';
import { countParameters } from '../../src/model/parameters.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError } from '../../src/util/errors.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { modelFlops, planOf, stepCost } from '../../src/webgpu/cost.ts';
import { residentSteps } from '../../src/webgpu/resident.ts';
import { residentStep } from '../../src/webgpu/resident/step.ts';
import { plannedSteps } from '../../src/webgpu/steps.ts';
import { countCalls } from '../support/device-calls.ts';
import { noAdapter, testDevice } from '../support/device.ts';
import { useOneThread } from '../support/one-thread.ts';

useOneThread();

const model: ModelConfig = { ...DEFAULT_MODEL, vocabSize: 27 };
const dispatches = (launch: LaunchStrategy, nLayer: number) =>
  stepCost({ ...model, nLayer }, DEFAULT_TRAINING, launch).calls.dispatchWorkgroups;
const CLIPPED = { ...DEFAULT_TRAINING, clip: 1 };

describe('dispatches of a step', () => {
  test.each([
    ['eager', 47, 34],
    ['graph', 47, 34],
    ['fused', 21, 13],
    ['resident', 1, 0],
  ] as const)('%s: %d, and %d for each further layer', (launch, one, more) => {
    for (const layers of [1, 2, 5]) expect(dispatches(launch, layers)).toBe(one + (layers - 1) * more);
    const clipped = stepCost(model, CLIPPED, launch).calls.dispatchWorkgroups;
    expect(clipped).toBe(launch === 'resident' ? 1 : one + 1); // sum_squares
  });
});

let gpu: GpuDevice;
beforeAll(async () => {
  if (noAdapter === '') gpu = await testDevice({ limits: 'default' });
});
afterAll(() => gpu?.destroy());

describe.skipIf(noAdapter !== '')('what a device is asked for', () => {
  const configs = [
    { title: "microgpt.py's defaults", shape: {}, batchSize: 1 },
    { title: 'three layers, batch 3', shape: { nLayer: 3, nEmbd: 12, nHead: 3, blockSize: 5 }, batchSize: 3 },
    { title: 'one head, one channel', shape: { nEmbd: 1, nHead: 1, blockSize: 2 }, batchSize: 2 },
    { title: 'clipped gradients', shape: {}, batchSize: 1, clip: 1 },
  ];

  describe.each(configs)('$title', ({ shape, batchSize, clip = 0 }) => {
    const { spec } = prepareRun({
      documents: ['anna', 'bo', 'christopher'],
      model: { ...DEFAULT_MODEL, ...shape },
      training: { ...DEFAULT_TRAINING, batchSize, clip },
    });

    test.each(LAUNCH_STRATEGIES)('%s', async (launch) => {
      const run = await (launch === 'resident' ? residentSteps(spec, gpu) : plannedSteps(spec, gpu, launch));
      for (const steps of [1, 2, 17]) {
        await run.train(steps); // steady: `resident` writes the number of steps where it changes
        const { calls } = stepCost(spec.model, spec.training, launch, { steps });
        const real = await countCalls(() => run.train(steps));
        const others = Object.keys(real).filter((call) => !(call in calls));
        expect(real).toEqual({ ...calls, ...Object.fromEntries(others.map((call) => [call, 0])) });
      }
      run.destroy();
    });
  });
});

describe('arithmetic', () => {
  /** Multiply-adds of the products of one step, twice: forth, and back by input and by weight. */
  function byHand({ nLayer: L, nEmbd: C, vocabSize: V, blockSize: T }: typeof model, B: number) {
    let products = 0;
    const product = (rows: number, inputs: number, outputs: number) => {
      for (let times = 0; times < 3; times++) products += 2 * rows * inputs * outputs;
    };
    for (let layer = 0; layer < L; layer++) {
      for (let i = 0; i < 4; i++) product(B * T, C, C);
      product(B * T, C, 4 * C);
      product(B * T, 4 * C, C);
    }
    product(B * T, C, V);
    let attention = 0;
    for (let t = 0; t < T; t++) attention += 3 * L * B * (t + 1) * 2 * 2 * C; // scores and mixing
    return { products, attention };
  }

  const sum = (launch: LaunchStrategy, of: typeof model, B: number, names: RegExp) =>
    planOf(of, { ...DEFAULT_TRAINING, batchSize: B }, launch)
      .dispatches.filter(({ node }) => names.test(node.op.name))
      .reduce((total, { flops }) => total + flops, 0);

  test("microgpt.py's defaults: 336,384 in products, 26,112 in attention, 14 for each parameter in Adam", () => {
    expect(byHand(model, 1)).toEqual({ products: 336_384, attention: 26_112 });
    expect(modelFlops(model, 1)).toBe(336_384 + 26_112);
    expect(sum('graph', model, 1, /^linear/)).toBe(336_384);
    expect(sum('graph', model, 1, /^adam$/)).toBe(14 * 4_224); // 4,192 parameters and the padding of two tables
    expect(countParameters(model)).toBe(4_192);
  });

  test('other sizes, by the same sums', () => {
    for (const [B, shape] of [
      [1, { nLayer: 2, nEmbd: 24, nHead: 3, blockSize: 7 }],
      [5, { nLayer: 4, nEmbd: 64, nHead: 2, blockSize: 33 }],
    ] as const) {
      const of = { ...model, ...shape };
      const { products, attention } = byHand(of, B);
      expect(modelFlops(of, B)).toBe(products + attention);
      expect(sum('graph', of, B, /^linear/)).toBe(products);
    }
  });

  test('no strategy computes less than the model needs, and k steps are k times one', () => {
    for (const launch of LAUNCH_STRATEGIES) {
      const one = stepCost(model, DEFAULT_TRAINING, launch);
      expect(one.flops).toBeGreaterThan(modelFlops(model, 1));
      expect(one.flops).toBeLessThan(2 * modelFlops(model, 1));
      expect(stepCost(model, DEFAULT_TRAINING, launch, { steps: 7 }).flops).toBe(7 * one.flops);
    }
    expect(() => stepCost(model, DEFAULT_TRAINING, 'graph', { steps: 1025 })).toThrow(ConfigError);
  });
});

describe('memory', () => {
  const dispatch = (name: string, of = model, B = 1) => {
    const { dispatches: all } = planOf(of, { ...DEFAULT_TRAINING, batchSize: B }, 'graph');
    return all.find(({ label }) => label === name)!;
  };

  test('a dispatch moves its operands once, what it updates twice, and of a table only what it takes', () => {
    expect(dispatch('head.linear').bytes).toBe(4 * (16 * 16 + 27 * 16 + 16 * 27));
    expect(dispatch('adam').bytes).toBe(4 * (7 * 4_224 + 2)); // gradients; parameters, m and v there and back; the counter
    expect(dispatch('loss').bytes).toBe(4 * (16 + 16 + 1));
    const rows = 16;
    expect(dispatch('embedding').bytes).toBe(4 * (2 * rows * 16 + 2 * rows + rows * 16));
    const words = { ...model, vocabSize: 50_257 };
    expect(dispatch('embedding', words).bytes).toBe(dispatch('embedding').bytes);
    expect(dispatch('embedding', { ...model, vocabSize: 3 }).bytes).toBe(
      4 * (3 * 16 + 16 * 16 + 2 * rows + rows * 16),
    );
  });

  test('fused moves less than graph, resident with all in workgroup memory least', () => {
    const bytes = (launch: LaunchStrategy) =>
      stepCost(model, DEFAULT_TRAINING, launch, { steps: 100, workgroupMemory: 49_152 }).bytes;
    expect(bytes('eager')).toBe(bytes('graph'));
    expect(bytes('fused')).toBeLessThan(bytes('graph'));
    expect(bytes('resident')).toBe(4 * 4_192 * (4 * 100 + 2)); // m and v in each step, the weights once
    const clipped = stepCost(model, CLIPPED, 'resident', { steps: 100, workgroupMemory: 49_152 }).bytes;
    expect(clipped - bytes('resident')).toBe(4 * 4_192 * 3 * 100); // the gradients: written, and read twice
  });
});

describe('resident', () => {
  const APART = { weights: 'storage', values: 'workgroup' } as const;

  test('passes 22 barriers at one layer, 14 more in each further one, 3 where gradients are clipped, 1 between steps', () => {
    for (const nLayer of [1, 2, 6]) {
      const deep = { ...model, nLayer };
      const barriers = 22 + 14 * (nLayer - 1);
      expect(residentStep(deep, DEFAULT_TRAINING).barriers()).toBe(barriers);
      expect(residentStep(deep, CLIPPED).barriers()).toBe(barriers + 3);
      expect(residentStep(deep, CLIPPED).barriers(APART)).toBe(barriers + 4);
    }
  });

  test('takes the workgroup memory that its shader declares', () => {
    for (const nHead of [4, 8, 16]) {
      const step = residentStep({ ...model, nHead }, CLIPPED);
      for (const weights of ['workgroup', 'storage'] as const) {
        for (const values of ['workgroup', 'storage'] as const) {
          const memory = { weights, values };
          const declared = [...step.source(memory).matchAll(/var<workgroup> \w+: array<.+, (\d+)>;/g)];
          const bytes = declared.reduce((total, [, packs]) => total + 4 * step.pack * Number(packs), 0);
          expect(step.workgroupBytes(memory)).toBe(bytes);
          expect(bytes > 0).toBe(weights === 'workgroup' || values === 'workgroup');
        }
      }
    }
    expect(stepCost(model, DEFAULT_TRAINING, 'resident').resident).toEqual({
      memory: { weights: 'storage', values: 'storage' },
      workgroupBytes: 0,
      barriers: 22,
    });
  });
});
