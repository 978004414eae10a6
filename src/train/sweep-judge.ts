// What a sweep shows: which setting is the best, by how much, and which others tie with it.
//
// With the same seed all settings see the same documents in the same order, so settings are compared by the differences of their
// final losses seed by seed. Each interval is for a single comparison: among very many settings one may win by chance.

import { meanInterval, type MeanInterval } from '../util/student.ts';
import { AXIS_LABELS, gridPoint, gridSize, varyingAxes, type AxisName, type Axes } from './sweep-grid.ts';
import type { GridPoint } from './sweep-grid.ts';
import type { ModelResult } from './sweep.ts';

type SettingAxis = Exclude<AxisName, 'seed'>;

/** A setting that was trained with every seed. */
export interface SettingResult {
  readonly setting: Omit<GridPoint, 'seed'>;
  readonly seeds: number;
  /** Mean of the final losses. */
  readonly loss: number;
  /** How far it lies behind the best setting: the mean over the seeds, nats per token. Absent at the best. */
  readonly behind?: MeanInterval;
}

/**
 * The settings that were trained with every seed, as far as the best model, the best first. Settings that diverged with any seed
 * are left out. Empty where the sweep has only one setting.
 */
export function rankSettings(axes: Axes, results: readonly ModelResult[]): SettingResult[] {
  const seeds = axes.seed.length;
  const settings = gridSize(axes) / seeds;
  if (settings === 1) return [];
  const losses = Array.from({ length: settings }, () => new Map<number, number>()); // by seed
  for (const { index, loss, step } of results) {
    if (loss === undefined || step !== results[0].step) continue;
    losses[index % settings].set(Math.floor(index / settings), loss); // seeds are the slowest axis
  }
  const whole = losses.flatMap((own, i) => {
    if (own.size < seeds) return [];
    const values = axes.seed.map((_, seed) => own.get(seed)!);
    const { seed: _, ...setting } = gridPoint(axes, i);
    return [{ setting, seeds, values, loss: meanInterval(values).mean }];
  });
  whole.sort((a, b) => a.loss - b.loss); // of equals the first in the grid
  return whole.map(({ values, ...own }, rank) => {
    if (rank === 0) return own;
    return { ...own, behind: meanInterval(values.map((loss, seed) => loss - whole[0].values[seed])) };
  });
}

/** Settings that are indistinguishable from the best one; none where there is only one seed. */
export function tiedWithBest(ranked: readonly SettingResult[]): SettingResult[] {
  return ranked.filter(({ behind }) => behind?.low !== undefined && behind.low <= 0);
}

/** The best setting at each value of the learning rate, or of what else varies, in rising order. */
export function settingCurve(
  axes: Axes,
  ranked: readonly SettingResult[],
): { readonly axis: SettingAxis; readonly points: readonly SettingResult[] } | undefined {
  const axis = settingAxes(axes)[0];
  if (axis === undefined) return undefined;
  const values = axes[axis].toSorted((a, b) => a - b);
  const points = values.flatMap((value) => ranked.find(({ setting }) => setting[axis] === value) ?? []);
  return points.length === 0 ? undefined : { axis, points };
}

/** `lr 0.003, beta1 0.9`: the values that vary. */
export function settingName(axes: Axes, { setting }: SettingResult): string {
  return settingAxes(axes)
    .map((name) => `${AXIS_LABELS[name]} ${setting[name]}`)
    .join(', ');
}

/** The axes that vary, apart from the seed, learning rate first. */
export function settingAxes(axes: Axes): SettingAxis[] {
  return varyingAxes(axes).filter((name) => name !== 'seed');
}

/** At most this many ties are named. */
const NAMED = 3;

/** The verdict in a sentence or two; undefined where there is nothing to compare. */
export function verdictOf(axes: Axes, ranked: readonly SettingResult[]): string | undefined {
  const [best, second] = ranked;
  if (best === undefined) return undefined;
  const named = (own: SettingResult) => `${settingName(axes, own)} (${own.loss.toFixed(4)})`;
  if (second?.behind === undefined) return `${named(best)} is the only one that was trained with every seed.`;
  const { mean, low, high } = second.behind;
  if (low === undefined || high === undefined) {
    return `${named(best)} is ahead of ${named(second)} by ${mean.toFixed(4)}; with one seed that may be luck: try several.`;
  }
  const seeds = `mean loss over ${best.seeds} seeds`;
  const tied = tiedWithBest(ranked);
  if (tied.length === 0) {
    return (
      `${named(best)} is the best, ahead of ${named(second)} by ${mean.toFixed(4)} ` +
      `(95% interval ${low.toFixed(4)} to ${high.toFixed(4)}); ${seeds}, paired by seed.`
    );
  }
  const some = tied.slice(0, NAMED).map(named);
  const more = tied.length > NAMED ? [`${tied.length - NAMED} more`] : [];
  const others = [...some, ...more].join('; ');
  const nearest = tied[0].behind!;
  return (
    `A tie: ${named(best)} is indistinguishable from ${others}. ${settingName(axes, tied[0])} is behind by ` +
    `${nearest.mean.toFixed(4)} (95% interval ${nearest.low!.toFixed(4)} to ${nearest.high!.toFixed(4)}); ${seeds}, paired by seed.`
  );
}
