// Dispatches longer than the 65,535 workgroups that one dimension takes, and the grids of a large model.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Op } from '../../src/graph/op.ts';
import { runReference } from '../../src/graph/reference.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { trainingPlan } from '../../src/model/plans.ts';
import { parameterLayout } from '../../src/model/parameters.ts';
import { add } from '../../src/ops/add.ts';
import { rmsnorm } from '../../src/ops/rmsnorm.ts';
import { elementGrid, exampleStep, rowGrid } from '../../src/ops/support.ts';
import { relativeError } from '../../src/verify/check.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { RULES } from '../../src/webgpu/launch.ts';
import { runOnDevice } from '../../src/webgpu/run-op.ts';
import { noAdapter, testDevice } from '../support/device.ts';

const MOST = 65_535;

test('grids reach every element and row, with no dimension too long', () => {
  for (const n of [1, 256, 257, MOST * 256, MOST * 256 + 1, 1e8, 2 ** 32 - 1]) {
    const grid = elementGrid(n);
    expect(grid[0] * grid[1] * 256).toBeGreaterThanOrEqual(n);
    expect(Math.max(...grid)).toBeLessThanOrEqual(MOST);
  }
  for (const rows of [1, MOST, MOST + 1, 1e8]) {
    const grid = rowGrid(rows, 3);
    expect(grid[1] * grid[2]).toBeGreaterThanOrEqual(rows);
    expect(Math.max(...grid)).toBeLessThanOrEqual(MOST);
  }
});

test.each(['graph', 'fused'] as const)('a step of GPT-2 small at batch 8 can be launched: %s', (strategy) => {
  const model = { ...DEFAULT_MODEL, nLayer: 12, nEmbd: 768, nHead: 12, blockSize: 1024, vocabSize: 50_304 };
  const training = { ...DEFAULT_TRAINING, batchSize: 8 };
  const corpus = { length: 1e6, documents: 1000 };
  const plan = trainingPlan(model, training, parameterLayout(model), corpus, RULES[strategy]);
  for (const { label, launch } of plan.dispatches)
    for (const n of launch.workgroups) expect(n, label).toBeLessThanOrEqual(MOST);
});

describe.skipIf(noAdapter !== '')('folded grids on the device', () => {
  let gpu: GpuDevice;
  beforeAll(async () => {
    gpu = await testDevice({ limits: 'default' });
  });
  afterAll(() => gpu?.destroy());

  test.each<[Op, number, number]>([
    [add, 129, 2 ** 17],
    [rmsnorm, MOST + 70, 3],
  ])('$name', async (op, R, C) => {
    const inputs = op.inputs.map((_, n) => Float64Array.from({ length: R * C }, (__, i) => ((i * 37 + n) % 101) - 50.5)); // prettier-ignore
    const example = { shapes: inputs.map(() => [R, C]), attrs: {}, inputs, step: exampleStep(R) };
    const got = (await runOnDevice(gpu, op, example)).tensors.get('out')!;
    expect(relativeError(got, runReference(op, example).tensors.get('out')!)).toBeLessThanOrEqual(1e-6);
  });
});
