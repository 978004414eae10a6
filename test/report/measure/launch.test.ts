// The price of a launch: planted costs are found again.

import { describe, expect, test } from 'vitest';
import { COSTS, countsOf, launchDesign, timeLaunches } from '../../../src/report/measure/launch.ts';
import { launchRunner } from '../../../src/report/measure/launch-runner.ts';
import { deviceForTest, noAdapter } from '../../support/device.ts';
import { PlantedClock } from '../../support/planted-clock.ts';
import { testContext } from '../../support/section-context.ts';

/** Of an artificial engine, in microseconds, in the order of COSTS. */
const PLANTED = [3, 1.5, 6, 40, 150, 12];

describe('timeLaunches', () => {
  test('fits an artificial engine within 10%, and foretells its runs', async () => {
    const clock = new PlantedClock(0.05);
    const runner = async (run: Parameters<typeof countsOf>[0]) =>
      clock.pass(countsOf(run).reduce((sum, count, i) => sum + count * PLANTED[i], 0));
    const context = testContext({ clock: clock.now, seconds: 1000 });
    const { costs, points, r2 } = (await timeLaunches(runner, launchDesign(), context))!;
    expect(costs.map(({ name }) => name)).toEqual([...COSTS]);
    costs.forEach(({ name, cost }, i) => {
      expect(Math.abs(cost.value / PLANTED[i] - 1), name).toBeLessThan(0.1);
    });
    // Each interval misses once in 20 times; that three of six do would be once in 500.
    const held = costs.filter(({ cost }, i) => cost.low <= PLANTED[i] && PLANTED[i] <= cost.high);
    expect(held.length).toBeGreaterThanOrEqual(4);
    expect(r2).toBeGreaterThan(0.99);
    for (const { predicted, time } of points) expect(Math.abs(predicted / time.median - 1)).toBeLessThan(0.1);
  });

  test('where nothing costs a barrier, its interval holds 0', async () => {
    const clock = new PlantedClock(0.05, 2);
    const runner = async (run: Parameters<typeof countsOf>[0]) => {
      const [dispatches, , ...others] = countsOf(run);
      clock.pass(3 * dispatches + others.reduce((sum, count) => sum + 10 * count, 0));
    };
    const context = testContext({ clock: clock.now, seconds: 1000 });
    const { costs } = (await timeLaunches(runner, launchDesign(), context))!;
    const { low, high } = costs.find(({ name }) => name === 'barrier')!.cost;
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
  });

  test('takes samples that a coarse clock resolves, and fits the same costs', async () => {
    const fine = new PlantedClock(0.02);
    const runner = async (run: Parameters<typeof countsOf>[0]) =>
      fine.pass(countsOf(run).reduce((sum, count, i) => sum + count * PLANTED[i], 0));
    // Ticks every millisecond; reading it takes a little.
    const clock = () => {
      fine.pass(0.1);
      return Math.floor(fine.now() / 1000) * 1000;
    };
    const { costs } = (await timeLaunches(runner, launchDesign(), testContext({ clock, seconds: 1000 })))!;
    costs.forEach(({ name, cost }, i) => {
      expect(Math.abs(cost.value / PLANTED[i] - 1), name).toBeLessThan(0.1);
    });
  });

  test('gives nothing where the clock says that runs take no time', async () => {
    const context = testContext({ clock: () => 5, seconds: 0 });
    expect(await timeLaunches(async () => {}, launchDesign(), context)).toBeNull();
    expect(context.notes.join()).toMatch(/no costs/);
  });

  test('stopped before the first round, it gives nothing', async () => {
    const context = testContext({ signal: AbortSignal.abort() });
    expect(await timeLaunches(async () => {}, launchDesign(), context)).toBeNull();
  });
});

describe.skipIf(noAdapter !== '')('launchRunner', () => {
  test('makes exactly the calls of a run, and no error', async () => {
    const gpu = await deviceForTest();
    const runner = await launchRunner(gpu);
    let submits = 0;
    const { queue } = gpu.device;
    const submit = queue.submit.bind(queue);
    Object.defineProperty(queue, 'submit', {
      value: (buffers: Iterable<GPUCommandBuffer>) => {
        submits++;
        submit(buffers);
      },
    });
    for (const kernel of ['empty', 'work'] as const) {
      for (const dependent of [false, true]) {
        submits = 0;
        await runner({ kernel, dependent, dispatches: 3, passes: 2, submits: 4, readbacks: 2 });
        expect(submits).toBe(8);
      }
    }
    gpu.check();
  });
});
