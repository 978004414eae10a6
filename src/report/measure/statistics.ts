// Figures that a slow moment of the machine does not move much, and how far they may be trusted. Every sample counts:
// nothing is thrown out as an outlier. Intervals are drawn with a seed, so a report can be recomputed from its samples.

import { PythonRandom } from '../../util/python-random.ts';
import type { Estimate, Interval } from '../schema.ts';

/** Resamples of a bootstrap: the ends of a 95% interval then rest on 50 values each. */
const RESAMPLES = 2000;

/** The middle value; of an even number of values the mean of the middle two. */
export function median(values: ArrayLike<number>): number {
  if (values.length === 0) throw new RangeError('median: expected at least one value, got none.');
  return middle(Float64Array.from(values).sort());
}

function middle(sorted: Float64Array): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Median absolute deviation from the median: the spread, in the unit of the values. */
export function mad(values: ArrayLike<number>): number {
  const centre = median(values);
  return median(Float64Array.from(values, (value) => Math.abs(value - centre)));
}

/** Median, spread and the 95% percentile bootstrap interval of the median. One sample gives an interval of no width. */
export function estimate(samples: readonly number[], seed: number): Estimate {
  const { value, low, high } = intervalOf([samples], ([resample]) => median(resample), seed);
  return { median: value, mad: mad(samples), low, high, samples: [...samples] };
}

/** median(above) / median(below), as `intervalOf`. `paired` where sample i of both was taken in the same round. */
export function ratioOfMedians(
  above: readonly number[],
  below: readonly number[],
  seed: number,
  { paired = false }: { readonly paired?: boolean } = {},
): Interval {
  return intervalOf([above, below], ([a, b]) => median(a) / median(b), seed, { paired });
}

/**
 * `statistic` of `groups` of samples with its 95% percentile bootstrap interval (Efron 1979). The groups are resampled
 * independently of each other, or, where they are `paired` and of one length, by rounds: what slowed a round down
 * slowed all of its samples, and does so in the resample.
 */
export function intervalOf(
  groups: readonly (readonly number[])[],
  statistic: (resamples: readonly ArrayLike<number>[]) => number,
  seed: number,
  { paired = false }: { readonly paired?: boolean } = {},
): Interval {
  const value = statistic(groups);
  if (paired && groups.some((group) => group.length !== groups[0].length)) {
    throw new RangeError(
      `intervalOf: paired groups need one length, got ${groups.map((g) => g.length).join(', ')}.`,
    );
  }
  const random = new PythonRandom(seed);
  const resamples = groups.map((group) => new Float64Array(group.length));
  const values = new Float64Array(RESAMPLES);
  for (let r = 0; r < RESAMPLES; r++) {
    if (paired) {
      for (let i = 0; i < groups[0].length; i++) {
        const pick = Math.floor(random.random() * groups[0].length);
        for (let g = 0; g < groups.length; g++) resamples[g][i] = groups[g][pick];
      }
    } else {
      groups.forEach((group, g) => {
        for (let i = 0; i < group.length; i++)
          resamples[g][i] = group[Math.floor(random.random() * group.length)];
      });
    }
    values[r] = statistic(resamples);
  }
  values.sort();
  return { value, low: values[0.025 * RESAMPLES], high: values[0.975 * RESAMPLES - 1] };
}
