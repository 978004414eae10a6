// What a sweep prints: a table of the best models and the worst, and one of the settings.

import { AXIS_LABELS, gridPoint, varyingAxes, type Axes } from '../train/sweep-grid.ts';
import { settingAxes, settingCurve, type SettingResult } from '../train/sweep-judge.ts';
import { partOf, scaleOf } from '../train/sweep-scale.ts';
import type { ModelResult } from '../train/sweep.ts';

/** Models that are listed from the best on. */
const BEST = 10;

/** Lines of text: the best models, the worst, and how many stand between them. */
export function sweepTable(axes: Axes, results: readonly ModelResult[], steps: number): string[] {
  const names = varyingAxes(axes);
  const row = (cells: readonly string[]) => cells.map((cell, i) => cell.padStart(widthOf(i))).join('  ');
  const body = (rank: number) => {
    const result = results[rank];
    const point = gridPoint(axes, result.index);
    return [String(rank + 1), outcome(result, steps), ...names.map((name) => String(point[name]))];
  };
  const listed = results.length <= BEST + 1 ? results.map((_, i) => i) : [...Array(BEST).keys()];
  const rows = listed.map(body);
  if (listed.length < results.length) rows.push(body(results.length - 1));
  const head = ['rank', 'final loss', ...names.map((name) => AXIS_LABELS[name])];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((cells) => cells[i].length)));
  const widthOf = (i: number) => widths[i];

  const lines = [head, ...rows].map(row);
  const between = results.length - rows.length;
  if (between > 0) lines.splice(-1, 0, `   … ${between} more`);
  return lines;
}

/** Widest bar. */
const BAR = 24;

/** The curve of the final losses over the learning rates, or over what else varies; nothing where one setting was trained. */
export function settingTable(
  axes: Axes,
  ranked: readonly SettingResult[],
  results: readonly ModelResult[],
): string[] {
  const curve = settingCurve(axes, ranked);
  if (curve === undefined) return [];
  const { axis, points } = curve;
  const names = settingAxes(axes);
  const scale = scaleOf(
    points.map(({ loss }, index) => ({ index, step: 0, loss })),
    Infinity,
  );
  const rows = axes[axis]
    .toSorted((a, b) => a - b)
    .map((value) => {
      const point = points.find(({ setting }) => setting[axis] === value);
      if (point === undefined) {
        const diverged = results.some((own) => own.diverged && gridPoint(axes, own.index)[axis] === value);
        return [String(value), ...names.slice(1).map(() => ''), diverged ? 'diverged' : 'not done', '', ''];
      }
      const bar = '█'.repeat(1 + Math.round((BAR - 1) * partOf(scale, point.loss)));
      return [
        ...names.map((name) => String(point.setting[name])),
        point.loss.toFixed(4),
        behindText(point),
        bar,
      ];
    });
  const seeds = axes.seed.length;
  const of = names.length > 1 ? `the best at each ${AXIS_LABELS[axis]}` : 'by setting';
  const head = [...names.map((name) => AXIS_LABELS[name]), 'loss', 'behind the best', ''];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((cells) => cells[i].length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  return [
    '',
    `${of}: mean over ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}`,
    ...[head, ...rows].map(line),
    '',
  ];
}

function behindText({ behind }: SettingResult): string {
  if (behind === undefined) return 'best';
  const { mean, low, high } = behind;
  const interval = low === undefined ? '' : ` (95%: ${low.toFixed(4)} to ${high!.toFixed(4)})`;
  return `${mean.toFixed(4)}${interval}`;
}

function outcome({ loss, error, step, diverged }: ModelResult, steps: number): string {
  if (diverged) return `diverged at step ${step + 1}`;
  const figure = `${loss!.toFixed(4)}${error === undefined ? '' : ` ± ${error.toFixed(4)}`}`;
  return step < steps ? `${figure} after step ${step}` : figure;
}
