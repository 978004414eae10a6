import { describe, expect, test } from 'vitest';
import { fitCosts, studentQuantile } from '../../../src/report/measure/regression.ts';
import { estimate, intervalOf, mad, median, ratioOfMedians } from '../../../src/report/measure/statistics.ts';
import { PythonRandom } from '../../../src/util/python-random.ts';

describe('median and mad', () => {
  test('of an odd and of an even number of values, in any order', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(mad([1, 1, 2, 2, 4, 6, 9])).toBe(1);
    expect(median([10, 9])).toBe(9.5); // numbers, not texts
  });

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow(/at least one value/);
  });
});

/** Samples of a skewed distribution like that of times, with median `truth`. */
function times(random: PythonRandom, n: number, truth: number): number[] {
  return Array.from({ length: n }, () => truth * Math.exp(random.gauss(0, 0.2)));
}

describe('the bootstrap', () => {
  test.each([9, 15, 31])('its interval of %i samples covers the median 95 times in 100, or nearly', (n) => {
    const random = new PythonRandom(7);
    let covered = 0;
    for (let trial = 0; trial < 400; trial++) {
      const { low, high } = estimate(times(random, n, 100), trial);
      if (low <= 100 && 100 <= high) covered++;
    }
    // 400 trials of 0.95 have a standard deviation of 4.4; small samples may fall short by a few in 100.
    expect(covered / 400).toBeGreaterThan(0.91);
    expect(covered / 400).toBeLessThan(0.99);
  });

  test('its interval of a ratio covers the ratio, and pairs take out what both share', () => {
    const random = new PythonRandom(8);
    let covered = 0;
    let narrower = 0;
    for (let trial = 0; trial < 200; trial++) {
      const common = times(random, 15, 1);
      const a = times(random, 15, 300).map((t, i) => (t / 300) ** 0.1 * 300 * common[i]);
      const b = times(random, 15, 100).map((t, i) => (t / 100) ** 0.1 * 100 * common[i]);
      const paired = ratioOfMedians(a, b, trial, { paired: true });
      const apart = ratioOfMedians(a, b, trial);
      if (paired.low <= 3 && 3 <= paired.high) covered++;
      if (paired.high - paired.low < apart.high - apart.low) narrower++;
    }
    expect(covered).toBeGreaterThan(180);
    expect(narrower).toBeGreaterThan(180);
  });

  test('is the same for the same seed, keeps all samples in order, and outliers hardly move it', () => {
    const samples = [10, 11, 9, 10, 1000, 10, 9, 11, 10];
    const got = estimate(samples, 5);
    expect(got).toEqual(estimate(samples, 5));
    expect(got.samples).toEqual(samples);
    expect(got.median).toBe(10);
    expect(got.high).toBeLessThanOrEqual(11);
  });

  test('of one sample has no width, and unequal pairs are an error', () => {
    expect(estimate([4], 1)).toEqual({ median: 4, mad: 0, low: 4, high: 4, samples: [4] });
    expect(() => ratioOfMedians([1, 2], [1], 0, { paired: true })).toThrow(/one length, got 2, 1/);
    expect(intervalOf([[1, 1], [2]], ([a, b]) => a[0] + b[0], 0)).toEqual({ value: 3, low: 3, high: 3 });
  });
});

describe('least squares', () => {
  const COSTS = [50, 3, 0.5];

  /** Runs of 1 … with relative noise of `noise`. */
  function planted(random: PythonRandom, noise: number): { rows: number[][]; times: number[] } {
    const rows: number[][] = [];
    for (const submits of [1, 2, 4, 8]) {
      for (const passes of [1, 4]) {
        for (const dispatches of [1, 8, 64]) {
          rows.push([submits, submits * passes, submits * passes * dispatches]);
        }
      }
    }
    const exact = (row: number[]) => row.reduce((sum, count, j) => sum + count * COSTS[j], 0);
    return { rows, times: rows.map((row) => exact(row) * (1 + random.gauss(0, noise))) };
  }

  test('finds planted costs, exactly without noise', () => {
    const { rows, times: exact } = planted(new PythonRandom(1), 0);
    const fit = fitCosts(rows, exact);
    fit.costs.forEach(({ value }, j) => expect(value).toBeCloseTo(COSTS[j], 8));
    expect(fit.r2).toBeCloseTo(1, 10);
    expect(fit.predict([2, 3, 10]).value).toBeCloseTo(114, 6);
  });

  test('its 95% intervals cover the planted costs, and those of predictions too', () => {
    const random = new PythonRandom(2);
    const covered = [0, 0, 0, 0];
    for (let trial = 0; trial < 400; trial++) {
      const { rows, times: noisy } = planted(random, 0.05);
      const fit = fitCosts(rows, noisy);
      const truths = [...COSTS, 2 * 50 + 3 * 3 + 100 * 0.5];
      [...fit.costs, fit.predict([2, 3, 100])].forEach(({ low, high }, j) => {
        if (low <= truths[j] && truths[j] <= high) covered[j]++;
      });
      expect(fit.r2).toBeGreaterThan(0.9);
    }
    for (const count of covered) {
      expect(count / 400).toBeGreaterThan(0.91);
      expect(count / 400).toBeLessThan(0.99);
    }
  });

  test('says what cannot be fitted', () => {
    const same = Array.from({ length: 12 }, (_, i) => [i + 1, 2 * (i + 1)]);
    expect(() =>
      fitCosts(
        same,
        same.map(([n]) => n),
      ),
    ).toThrow(/is a combination of the columns before it/);
    expect(() => fitCosts([[1, 2]], [3])).toThrow(/at least 7 rows for 2 costs, got 1/);
    const empty = Array.from({ length: 12 }, () => [1, 0]);
    expect(() =>
      fitCosts(
        empty,
        empty.map(() => 1),
      ),
    ).toThrow(/column 1 is 0/);
  });

  test("Student's quantile is the table's", () => {
    expect(studentQuantile(5)).toBeCloseTo(2.5706, 2);
    expect(studentQuantile(10)).toBeCloseTo(2.2281, 3);
    expect(studentQuantile(30)).toBeCloseTo(2.0423, 4);
  });
});
