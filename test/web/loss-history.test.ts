import { describe, expect, it } from 'vitest';
import { LossHistory } from '../../src/web/loss-history.ts';

/** Losses from 1 to 3 that differ from step to step. */
const lossOf = (step: number) => 2 + Math.sin(step * step);

function historyOf(steps: number): LossHistory {
  const history = new LossHistory();
  for (let step = 1; step <= steps; step++) history.push(step, lossOf(step), step / 2);
  return history;
}

describe('LossHistory', () => {
  it('keeps every step of a short run', () => {
    const { buckets } = historyOf(4096);
    expect(buckets).toHaveLength(4096);
    expect(buckets[41]).toEqual({ step: 42, low: lossOf(42), high: lossOf(42), smoothed: 21 });
  });

  it.each([4097, 8192, 8193, 100_000])('holds a run of %i steps in at most 4096 buckets, whole', (steps) => {
    const { buckets } = historyOf(steps);
    expect(buckets.length).toBeLessThanOrEqual(4096);
    expect(buckets.length).toBeGreaterThan(2048);
    let from = 0;
    for (const { step, low, high, smoothed } of buckets) {
      const losses = Array.from({ length: step - from }, (_, i) => lossOf(from + i + 1));
      expect([low, high, smoothed]).toEqual([Math.min(...losses), Math.max(...losses), step / 2]);
      from = step;
    }
    expect(from).toBe(steps);
  });

  it('forgets the steps after a cut, and takes them again', () => {
    const history = historyOf(100);
    history.cut(40);
    expect(history.buckets).toHaveLength(40);
    history.push(41, 7, 8);
    expect(history.buckets.at(-1)).toEqual({ step: 41, low: 7, high: 7, smoothed: 8 });
    history.cut(0);
    expect(history.buckets).toEqual([]);
  });

  it('forgets a bucket that holds a cut', () => {
    const history = historyOf(10_000); // four steps a bucket
    history.cut(5001);
    expect(history.buckets.at(-1)?.step).toBe(5000);
    for (let step = 5002; step <= 100_000; step++) history.push(step, 0, 0);
    expect(history.buckets.length).toBeLessThanOrEqual(4096);
    expect(history.buckets.at(-1)?.step).toBe(100_000);
  });
});
