// Training at the right pace, on artificial devices whose answers are late; by vitest's clock, which ticks in milliseconds.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { train } from '../../src/train/trainer.ts';
import { timeSteps } from '../../src/engine/trial.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { nudged } from '../../src/webgpu/nudge.ts';
import { inBatches, Pace } from '../../src/webgpu/pace.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Lets the clock run until `work` is done. */
async function timed<T>(work: Promise<T>): Promise<T> {
  const state = { over: false };
  const watched = work.finally(() => (state.over = true));
  watched.catch(() => undefined); // until it is returned
  while (!state.over) await vi.advanceTimersToNextTimerAsync();
  return watched;
}

/** Takes `stepMs` a step, and answers after `lateMs`, give or take half of `jitterMs`, or at the next tick of `tickMs`. */
interface Device {
  readonly stepMs: number;
  readonly lateMs?: number;
  readonly jitterMs?: number;
  readonly tickMs?: number;
  /** What the first batch takes beyond its steps: it compiles. */
  readonly firstMs?: number;
}

/** An engine on a device that does nothing but take its time. */
function engineOn({ stepMs, lateMs = 0, jitterMs = 0, tickMs = 0, firstMs = 0 }: Device, targetMs = 200) {
  const random = new PythonRandom(1);
  const pace = new Pace(targetMs);
  const seen = { batches: [] as number[], queued: 0 };
  let free = 0;
  let queued = 0;
  const answer = async (steps: number) => {
    seen.queued = Math.max(seen.queued, ++queued);
    const compiles = seen.batches.length === 1 ? firstMs : 0;
    free = Math.max(performance.now(), free) + steps * stepMs + compiles;
    const ready = free + Math.max(0, lateMs + jitterMs * (random.random() - 0.5));
    const seenAt = tickMs === 0 ? ready : Math.ceil(ready / tickMs + 1e-6) * tickMs;
    await new Promise((resolve) => setTimeout(resolve, seenAt - performance.now()));
    queued--;
  };
  const engine = {
    get latency() {
      return pace.latency;
    },
    async advance(k: number) {
      await pace.measureLatency(() => answer(0));
      const losses = new Float64Array(k);
      const run = (steps: number) => {
        seen.batches.push(steps);
        return answer(steps);
      };
      await inBatches(k, pace, run, (_, from, steps) => losses.fill(1, from, from + steps));
      expect(losses).not.toContain(0);
      return losses;
    },
    size: 1,
    dispose: () => undefined,
  };
  return { engine: engine as unknown as Engine, seen };
}

describe('batches', () => {
  test.each<[string, Device]>([
    ['answers at once', { stepMs: 1 }],
    ['answers after some milliseconds, now more, now fewer', { stepMs: 1, lateMs: 5, jitterMs: 10 }],
    ['answers after 100 ms', { stepMs: 0.5, lateMs: 100 }],
    ['answers every 100 ms', { stepMs: 1, tickMs: 100 }],
    ['answers every 100 ms, with steps of 10 ms', { stepMs: 10, tickMs: 100 }],
    ['compiles in its first step', { stepMs: 1, lateMs: 1, firstMs: 800 }],
    ['compiles for long in its first step', { stepMs: 1, tickMs: 100, firstMs: 5000 }],
  ])('take some 200 ms on a device that %s', async (_, device) => {
    const { engine, seen } = engineOn(device);
    await timed(engine.advance(Math.ceil(10_000 / device.stepMs)));
    const { batches } = seen;
    const last = batches.slice(-15, -1);
    const mean = last.reduce((a, b) => a + b) / last.length;
    expect(mean * device.stepMs).toBeGreaterThan(150);
    expect(mean * device.stepMs).toBeLessThan(300);
    for (const [i, steps] of batches.entries()) {
      if (i > 0) expect(steps).toBeLessThanOrEqual(4 * Math.max(...batches.slice(0, i)));
      expect(steps * device.stepMs).toBeLessThanOrEqual(1000);
    }
    expect(seen.queued).toBe(2); // the next one is there before the last is read
  });

  test('are longer than the wait for their answers', async () => {
    const { engine, seen } = engineOn({ stepMs: 1, lateMs: 300 });
    const start = performance.now();
    await timed(engine.advance(20_000));
    expect(performance.now() - start).toBeLessThan(20_000 * 1.2);
    expect(Math.max(...seen.batches)).toBeLessThan(600);
  });

  test.each([300, 700, 3000])('have no second step where one takes %d ms', async (stepMs) => {
    const { engine, seen } = engineOn({ stepMs });
    await timed(engine.advance(20));
    expect(seen.batches).toEqual(Array.from({ length: 20 }, () => 1));
  });

  test('shrink at once when steps become slow, and grow again', () => {
    const pace = new Pace(200);
    for (const steps of [1, 4, 16, 64, 200, 200]) {
      expect(pace.next(1000)).toBe(steps);
      pace.learn(steps, steps);
    }
    pace.learn(200, 20_000);
    expect(pace.next(1000)).toBe(2);
    pace.learn(2, 2000); // a step alone takes longer than it should: no less than one
    expect(pace.next(1000)).toBe(1);
    expect(pace.next(0)).toBe(0);
    for (const steps of [1, 4, 16, 64]) {
      expect(pace.next(1000)).toBe(steps);
      pace.learn(steps, steps);
    }
    pace.learn(1, 3); // most of it is the way to the GPU and back
    expect(pace.next(1000)).toBeGreaterThan(150);
  });

  test('take no odd answer at the beginning for the usual wait', async () => {
    const pace = new Pace(200);
    const waits = [0, 5, 300, 5];
    await timed(pace.measureLatency(() => new Promise((resolve) => setTimeout(resolve, waits.shift()))));
    expect(pace.latency).toBe(300);
    for (const ms of [10, 12, 8, 10]) pace.learn(2, ms);
    expect(pace.latency).toBe(12);
  });

  test('that are answered together, as their thread was busy, leave a long step long', () => {
    const pace = new Pace(200);
    expect(pace.stepMs).toBeUndefined();
    pace.learn(1, 7000);
    pace.learn(1, 0.1, true);
    expect(pace.stepMs).toBe(7000);
  });

  test('after one that fails no other is begun, and the call waits for those under way', async () => {
    const begun: number[] = [];
    let ended = 0;
    const run = async (steps: number) => {
      const number = begun.push(steps);
      await new Promise((resolve) => setTimeout(resolve, 5 * number));
      ended++;
      throw new Error(`batch ${number}`);
    };
    const call = inBatches(100, new Pace(200), run, () => expect.unreachable());
    await expect(timed(call)).rejects.toThrow('batch 1');
    expect([begun.length, ended]).toEqual([2, 2]);
  });
});

describe('on a device that answers every 100 ms', () => {
  test.each([
    [50, 0.1, 200],
    [50, 1, 200],
    [50, 1, 100],
    [50, 10, 200],
    [50, 70, 200],
    [100, 1, 200],
    [100, 30, 100],
  ])(
    'a training with a report every %d ms wastes less than a quarter, steps of %d ms, batches of %d ms',
    async (interval, stepMs, targetMs) => {
      const { engine } = engineOn({ stepMs, tickMs: 100 }, targetMs);
      const training = { ...DEFAULT_TRAINING, steps: 1e9 };
      const reports: { time: number; step: number }[] = [];
      const until = performance.now() + 12_000;
      const work = async () => {
        for await (const { step } of train(engine, training, { interval })) {
          reports.push({ time: performance.now(), step });
          if (performance.now() > until) return;
        }
      };
      await timed(work());
      const steady = reports.filter(({ time }) => time > until - 10_000);
      const [first, last] = [steady[0], steady.at(-1)!];
      expect((last.step - first.step) * stepMs).toBeGreaterThan(0.75 * (last.time - first.time));
      // A page stays alive.
      const gaps = steady.slice(1).map(({ time }, i) => time - steady[i].time);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(700);
    },
  );

  test.each([0.5, 2, 40, 400])('a trial finds that a step takes %d ms', async (stepMs) => {
    const { engine } = engineOn({ stepMs, tickMs: 100 });
    const found = await timed(timeSteps(engine, 1e6, 2, 200));
    expect(found).toBeGreaterThan(0.6 * stepMs);
    expect(found).toBeLessThan(1.5 * stepMs);
  });

  test('a submit of nothing brings the answer, where a browser looks for it then', async () => {
    const began = performance.now();
    const submit = vi.fn<(value: unknown) => void>();
    const device = { queue: { submit } } as unknown as GPUDevice;
    const answer = new Promise((resolve) => submit.mockImplementation(resolve));
    await timed(nudged(device, answer, true));
    expect(performance.now() - began).toBeLessThan(10);
    await vi.advanceTimersByTimeAsync(100);
    expect(submit).toHaveBeenCalledTimes(1);
    await expect(nudged(device, Promise.reject(new Error('lost')), true)).rejects.toThrow('lost');
    expect(vi.getTimerCount()).toBe(0);
  });
});
