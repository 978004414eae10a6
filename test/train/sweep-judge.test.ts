import { describe, expect, it } from 'vitest';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { rankSettings, settingCurve, tiedWithBest, verdictOf } from '../../src/train/sweep-judge.ts';
import { axesOf, gridPoint, gridSize, type Axes } from '../../src/train/sweep-grid.ts';
import { compareResults, type ModelResult } from '../../src/train/sweep.ts';
import { meanInterval } from '../../src/util/student.ts';

const ONE = axesOf(DEFAULT_TRAINING);

/** Models that end so, in the order of the grid. */
function ended(axes: Axes, losses: readonly number[]): ModelResult[] {
  expect(losses).toHaveLength(gridSize(axes));
  return losses.map((loss, index): ModelResult => ({ index, step: 9, loss })).toSorted(compareResults);
}

const verdict = (axes: Axes, losses: readonly number[]) =>
  verdictOf(axes, rankSettings(axes, ended(axes, losses)));

describe('settings of a sweep', () => {
  it('are ranked by their means over all seeds', () => {
    const axes = { ...ONE, seed: [1, 2], learningRate: [0.1, 0.2, 0.3] };
    const results = ended(axes, [2, 2.1, 1, 3, 2.2, 9]); // the best model is an outlier
    const ranked = rankSettings(axes, results);
    expect(ranked.map(({ setting }) => setting.learningRate)).toEqual([0.2, 0.1, 0.3]);
    const { seed: _, ...rest } = gridPoint(axes, 1);
    expect(ranked[0]).toEqual({ setting: rest, seeds: 2, loss: (2.1 + 2.2) / 2 });
    expect(ranked[1].behind?.mean).toBeCloseTo((2 - 2.1 + 3 - 2.2) / 2, 12);
    // All seeds of a setting must have been trained to the same step.
    const fewer = rankSettings(
      axes,
      results.filter(({ index }) => index !== 4),
    );
    expect(fewer.map(({ setting }) => setting.learningRate)).toEqual([0.1, 0.3]);
    const diverged = results.map((result) =>
      result.index > 2 ? { index: result.index, step: 1, diverged: true } : result,
    );
    expect(rankSettings(axes, diverged)).toEqual([]);
    expect(rankSettings({ ...ONE, seed: [1, 2] }, ended({ ...ONE, seed: [1, 2] }, [1, 2]))).toEqual([]);
    expect(rankSettings(axes, [])).toEqual([]);
  });

  it('are compared by seed: a lead that is small beside the spread of the seeds is one', () => {
    const axes = { ...ONE, seed: [1, 2, 3, 4], learningRate: [0.005, 0.01] };
    expect(verdict(axes, [2.41, 2.412, 2.52, 2.5225, 2.33, 2.3315, 2.45, 2.452])).toBe(
      'lr 0.005 (2.4275) is the best, ahead of lr 0.01 (2.4295) by 0.0020 (95% interval 0.0014 to 0.0026); ' +
        'mean loss over 4 seeds, paired by seed.',
    );
  });

  it('tie where the interval of their distance reaches 0, all of them', () => {
    const axes = { ...ONE, seed: [1, 2, 3], learningRate: [0.005, 0.01, 0.02], beta1: [0.9] };
    const losses = [2.41, 2.42, 2.43, 2.52, 2.51, 2.54, 2.33, 2.335, 2.35];
    expect(verdict(axes, losses)).toBe(
      'A tie: lr 0.005 (2.4200) is indistinguishable from lr 0.01 (2.4217). lr 0.01 is behind by 0.0017 ' +
        '(95% interval -0.0242 to 0.0275); mean loss over 3 seeds, paired by seed.',
    );
    const ranked = rankSettings(axes, ended(axes, losses));
    expect(tiedWithBest(ranked)).toEqual([ranked[1]]);
    const many = { ...ONE, seed: [1, 2], learningRate: [1, 2, 3, 4, 5, 6] };
    expect(verdict(many, [2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3])).toMatch(
      /^A tie: lr 1 \(2\.5000\) is indistinguishable from lr 2 \(2\.5000\); lr 3 \(2\.5000\); lr 4 \(2\.5000\); 2 more\. /,
    );
  });

  it('of one seed are not judged', () => {
    const axes = { ...ONE, learningRate: [0.005, 0.01] };
    expect(verdict(axes, [2.41, 2.42])).toBe(
      'lr 0.005 (2.4100) is ahead of lr 0.01 (2.4200) by 0.0100; with one seed that may be luck: try several.',
    );
    expect(verdict(ONE, [2])).toBeUndefined();
    const [first] = ended(axes, [2.41, 2.42]);
    expect(verdictOf(axes, rankSettings(axes, [first]))).toBe(
      'lr 0.005 (2.4100) is the only one that was trained with every seed.',
    );
  });

  it('make a curve over the learning rates: the best of each', () => {
    const axes = { ...ONE, seed: [1, 2], beta1: [0.8, 0.9], learningRate: [0.1, 0.001, 0.01] };
    const losses = [3, 2.5, 2.2, 3.1, 2.4, 2.3];
    const curve = settingCurve(axes, rankSettings(axes, ended(axes, [...losses, ...losses])));
    expect(curve?.axis).toBe('learningRate');
    expect(curve?.points.map(({ setting, loss }) => [setting.learningRate, setting.beta1, loss])).toEqual([
      [0.001, 0.9, 2.4],
      [0.01, 0.8, 2.2],
      [0.1, 0.8, 3],
    ]);
  });
});

describe('the 95% t-interval', () => {
  it('of one value has no width to tell', () => {
    expect(meanInterval([3])).toEqual({ mean: 3 });
  });

  /** The share of Student's t with `n` degrees of freedom below `t`, by Simpson's rule. */
  function below(t: number, n: number): number {
    const steps = 20_000;
    const density = (x: number) => (1 + (x * x) / n) ** (-(n + 1) / 2);
    const area = (to: number) => {
      let sum = density(0) + density(to);
      for (let i = 1; i < steps; i++) sum += (i % 2 === 1 ? 4 : 2) * density((i * to) / steps);
      return (sum * to) / steps / 3;
    };
    // Half of the whole, from 0 on: √(nπ) Γ(n/2) / Γ((n+1)/2) / 2, by the ratio's recurrence.
    let ratio = n % 2 === 1 ? Math.sqrt(Math.PI) : 2 / Math.sqrt(Math.PI);
    for (let k = n % 2 === 1 ? 1 : 2; k < n; k += 2) ratio *= k / (k + 1);
    return 0.5 + area(t) / (Math.sqrt(n * Math.PI) * ratio);
  }

  it.each([1, 2, 3, 7, 15, 30, 31, 40, 99, 500])('holds 95%% of t with %i degrees of freedom', (n) => {
    const values = Array.from({ length: n + 1 }, (_, i) => i);
    const { mean, error, high } = meanInterval(values);
    // 1e-5: the table has four digits.
    expect(below((high! - mean) / error!, n)).toBeCloseTo(0.975, 4);
  });
});
