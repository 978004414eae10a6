// How the dispatches of a plan are shared out among submits: on a device that only writes down what it is given.

import { describe, expect, test } from 'vitest';
import { DEFAULT_MODEL, DEFAULT_TRAINING, type ModelConfig } from '../../src/config/config.ts';
import { decodePlan } from '../../src/model/plans.ts';
import { parameterLayout } from '../../src/model/parameters.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { planOf } from '../../src/webgpu/cost.ts';
import { LAUNCHERS, slowMs, type PlannedDispatch } from '../../src/webgpu/launch.ts';
import { plannedSteps } from '../../src/webgpu/steps.ts';
import { countCalls, CREATIONS } from '../support/device-calls.ts';
import { deviceForTest, noAdapter } from '../support/device.ts';

/** Milliseconds after which systems reset a GPU, and a margin for guesses that are four times too low. */
const SAFE_MS = 2000 / 4;

const GPT2: ModelConfig = {
  ...DEFAULT_MODEL,
  nLayer: 12,
  nEmbd: 768,
  nHead: 12,
  blockSize: 1024,
  vocabSize: 50257,
};

/** The guesses for the dispatches of each submit. */
function submits(dispatches: readonly PlannedDispatch[], times: number, passMs?: number): number[][] {
  const submitted: number[][] = [];
  let bound = 0;
  let recorded: number[] = [];
  const pass = {
    setPipeline: () => undefined,
    setBindGroup: (_: number, group: unknown) => (bound = group as number),
    dispatchWorkgroups: () => recorded.push(bound),
    end: () => undefined,
  };
  const device = {
    createCommandEncoder: () => ({ beginComputePass: () => pass, finish: () => recorded }),
    queue: {
      submit: ([commands]: number[][]) => {
        submitted.push(commands);
        recorded = [];
      },
    },
  };
  let copies = 0;
  LAUNCHERS.graph(device as unknown as GPUDevice, dispatches, times, () => copies++, passMs);
  expect(copies).toBe(1);
  return submitted;
}

function dispatchesOf(plan: ReturnType<typeof planOf>): PlannedDispatch[] {
  return plan.dispatches.map(({ label, flops, bytes }, i) => {
    const guess = slowMs({ flops, bytes });
    const bindGroup = guess as unknown as GPUBindGroup; // which a submit is recognised by
    return {
      label,
      pipeline: i as unknown as GPUComputePipeline,
      bindGroup,
      workgroups: [1, 1, 1],
      guessMs: guess,
    };
  });
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

describe("a step of GPT-2's shape", () => {
  const dispatches = dispatchesOf(planOf(GPT2, DEFAULT_TRAINING, 'fused'));
  const guess = sum(dispatches.map(({ guessMs: own }) => own));

  test('is split before anything is measured', () => {
    const parts = submits(dispatches, 1);
    expect(parts.length).toBeGreaterThan(10);
    expect(parts.flat()).toEqual(dispatches.map(({ guessMs: own }) => own));
    for (const part of parts) if (part.length > 1) expect(sum(part)).toBeLessThanOrEqual(SAFE_MS);
  });

  test.each([3000, 7000])('is split where it takes %d ms', (stepMs) => {
    const parts = submits(dispatches, 2, stepMs);
    expect(parts.length).toBeGreaterThanOrEqual((2 * stepMs) / SAFE_MS);
    expect(parts.length).toBeLessThan((4 * stepMs) / SAFE_MS);
    for (const part of parts)
      if (part.length > 1) expect((sum(part) * stepMs) / guess).toBeLessThanOrEqual(SAFE_MS);
  });

  test('is whole on a fast device, as many in a submit as fit', () => {
    expect(submits(dispatches, 1, 60)).toHaveLength(1);
    expect(submits(dispatches, 8, 60)).toHaveLength(1);
    expect(submits(dispatches, 16, 60)).toHaveLength(2);
  });

  test('the gradients alone and a token are no exception', () => {
    const parts = submits(dispatches.slice(0, -1), 1);
    for (const part of parts) if (part.length > 1) expect(sum(part)).toBeLessThanOrEqual(SAFE_MS);
    const xl = { ...GPT2, nLayer: 48, nEmbd: 1600, nHead: 25 };
    const token = submits(dispatchesOf(decodePlan(xl, parameterLayout(xl))), 1);
    expect(token.length).toBeGreaterThan(1);
    for (const part of token) expect(sum(part)).toBeLessThanOrEqual(SAFE_MS);
  });
});

test.each(['graph', 'fused'] as const)('%s: small steps go 16 to a submit from the first on', (launch) => {
  const dispatches = dispatchesOf(planOf({ ...DEFAULT_MODEL, vocabSize: 27 }, DEFAULT_TRAINING, launch));
  expect(submits(dispatches, 16).map(({ length }) => length)).toEqual([16 * dispatches.length]);
  expect(submits(dispatches, 40, 2)).toHaveLength(3);
});

test.skipIf(noAdapter)('the parts of a step give the bits of the whole, and make nothing', async () => {
  const { spec } = prepareRun({
    documents: ['anna', 'bo'],
    model: DEFAULT_MODEL,
    training: DEFAULT_TRAINING,
  });
  const gpu = await deviceForTest();
  const parameters = Float32Array.from(
    { length: parameterLayout(spec.model).length },
    (_, i) => Math.sin(i) / 10,
  );
  const dispatches = planOf(spec.model, spec.training, 'fused').dispatches.length;
  const results: Float32Array[][] = [];
  for (const [stepMs, least, most] of [
    [1, 1, 1],
    [5000, 20, 60],
    [1e9, 3 * dispatches, 3 * dispatches],
  ]) {
    const steps = await plannedSteps(spec, gpu, 'fused');
    steps.write('parameters', parameters);
    let rings: readonly Float32Array[] = [];
    const calls = await countCalls(async () => (rings = await steps.train(3, stepMs)));
    expect(calls.submit).toBeGreaterThanOrEqual(least);
    expect(calls.submit).toBeLessThanOrEqual(most);
    expect(calls.dispatchWorkgroups).toBe(3 * dispatches);
    expect(CREATIONS.filter((call) => calls[call] > 0)).toEqual([]);
    results.push([...rings, await steps.read('parameters')]);
    steps.destroy();
  }
  expect(results[0][0][2]).toBeGreaterThan(0);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});
