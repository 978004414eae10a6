// What one workgroup does inside a dispatch: planted costs are found again, and resident's steps are foretold from them.

import { describe, expect, test } from 'vitest';
import { dot, residentCounts } from '../../../src/report/measure/counts.ts';
import {
  phaseCounts,
  phaseDesign,
  timePhases,
  WORKGROUP_COSTS,
  type PhaseRun,
  type PhaseRunner,
} from '../../../src/report/measure/workgroup.ts';
import { workgroupRunner } from '../../../src/report/measure/workgroup-runner.ts';
import { widthsOf } from '../../../src/webgpu/resident-width.ts';
import { residentStep } from '../../../src/webgpu/resident/step.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../../src/config/config.ts';
import { DeviceError } from '../../../src/util/errors.ts';
import { deviceForTest, noAdapter } from '../../support/device.ts';
import { PlantedClock } from '../../support/planted-clock.ts';
import { testContext } from '../../support/section-context.ts';

/** Microseconds, in the order of WORKGROUP_COSTS: of an artificial GPU, whose latencies are hidden, and of one whose are not. */
const PLANTED = {
  throughput: [60, 0.3, 0.008, 0.00009],
  software: [170, 2, 0.03, 0.009],
};
const SHAPE = {
  nLayer: 1,
  nEmbd: 16,
  nHead: 4,
  blockSize: 16,
  vocabSize: 27,
  batchSize: 1,
  parameters: 4192,
  tokensPerStep: 7.13,
};

/** A workgroup with planted costs and right results. */
function planted(costs: readonly number[], workers: number, clock: PlantedClock): PhaseRunner {
  return {
    workers,
    async run(run) {
      clock.pass(dot(phaseCounts(run), costs));
      return [run.phases];
    },
  };
}

describe('timePhases', () => {
  test.each([
    ['throughput', 512],
    ['software', 32],
  ] as const)(
    'fits an artificial workgroup (%s) within 10%%, and foretells a step of resident',
    async (kind, workers) => {
      const costs = PLANTED[kind];
      const clock = new PlantedClock(0.03);
      const context = testContext({ clock: clock.now, seconds: 1000 });
      const design = phaseDesign(workers, kind === 'software');
      const found = (await timePhases(planted(costs, workers, clock), design, context))!;
      expect(found.costs.map(({ name }) => name)).toEqual([...WORKGROUP_COSTS]);
      found.costs.forEach(({ name, cost }, i) => {
        expect(Math.abs(cost.value / costs[i] - 1), name).toBeLessThan(0.1);
      });
      // Each interval misses once in 20 times.
      const held = found.costs.filter(({ cost }, i) => cost.low <= costs[i] && costs[i] <= cost.high);
      expect(held.length).toBeGreaterThanOrEqual(3);
      expect(found.r2).toBeGreaterThan(0.99);
      const counts = residentCounts(SHAPE, found);
      const predicted = found.fit.predict(counts);
      expect(Math.abs(predicted.value / dot(counts, costs) - 1)).toBeLessThan(0.05);
      expect(predicted.low).toBeLessThan(predicted.value);
      expect(predicted.high).toBeGreaterThan(predicted.value);
    },
  );

  test('where a barrier costs nothing, its interval holds 0', async () => {
    const clock = new PlantedClock(0.05, 3);
    const context = testContext({ clock: clock.now, seconds: 1000 });
    const runner = planted([60, 0, 0.008, 0.00009], 512, clock);
    const { costs } = (await timePhases(runner, phaseDesign(512, false), context))!;
    const { low, high } = costs[1].cost;
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
  });

  test('a wrong result has no time', async () => {
    const runner: PhaseRunner = { workers: 32, run: async ({ phases }) => [phases, phases - 1] };
    const wrong = timePhases(runner, phaseDesign(32, true), testContext());
    await expect(wrong).rejects.toThrow(DeviceError);
    await expect(wrong).rejects.toThrow(/expected 16 after .*"phases":16.*, got 15/);
  });

  test('stopped before the first round, it gives nothing', async () => {
    const context = testContext({ signal: AbortSignal.abort() });
    const runner = planted(PLANTED.software, 32, new PlantedClock(0));
    expect(await timePhases(runner, phaseDesign(32, true), context)).toBeNull();
  });
});

test('a step of resident shares a dispatch with as many as fit into 100 ms and into the ring', () => {
  const steps = (barrier: number) => {
    const costs = [1, barrier, 0, 0].map((value, i) => ({
      name: WORKGROUP_COSTS[i],
      cost: { value, low: value, high: value },
    }));
    const [share, barriers, longest, multiplyAdds] = residentCounts(SHAPE, { workers: 512, costs });
    expect(barriers).toBe(22);
    const rows = { rows: SHAPE.tokensPerStep, seen: (SHAPE.tokensPerStep + 1) / 2 };
    expect(residentStep({ ...DEFAULT_MODEL, ...SHAPE }, DEFAULT_TRAINING).work(rows, 512)).toEqual({
      longest,
      multiplyAdds,
    });
    return Math.round(1 / share);
  };
  expect(steps(1)).toBe(1024);
  expect(steps(10)).toBe(454); // of 220 µs
  expect(steps(1e6)).toBe(1);
});

describe.skipIf(noAdapter !== '')('workgroupRunner', () => {
  test('passes as many barriers and makes as many multiply-adds as a run says', async () => {
    const gpu = await deviceForTest();
    const { workers, run } = await workgroupRunner(gpu);
    const runs: PhaseRun[] = [
      ...phaseDesign(workers, gpu.info.software),
      { phases: 0, invocations: workers, multiplyAdds: 16 },
      { phases: 7, invocations: 1, multiplyAdds: 64 },
    ];
    for (const own of runs) {
      const values = await run(own);
      expect(values).toHaveLength(own.invocations);
      expect(new Set(Array.from(values)), JSON.stringify(own)).toEqual(new Set([own.phases]));
    }
    gpu.check();
  });

  test('is as wide as resident is where several widths are tried', async () => {
    const gpu = await deviceForTest();
    const real = { ...gpu, info: { ...gpu.info, software: false } };
    const { workers, run } = await workgroupRunner(real);
    expect(widthsOf(real)).toContain(workers);
    expect(await run({ phases: 5, invocations: workers, multiplyAdds: 16 })).toHaveLength(workers);
    gpu.check();
  });
});
