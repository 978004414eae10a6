// What a sweep prints: a table of the best models and the worst.

import { AXIS_LABELS, gridPoint, varyingAxes, type Axes } from '../train/sweep-grid.ts';
import type { ModelResult, SettingResult } from '../train/sweep.ts';

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

/** `over 8 seeds the best: lr 0.005; mean of the final losses 2.4321` */
export function settingLine(axes: Axes, { setting, seeds, loss }: SettingResult): string {
  const values = varyingAxes(axes).flatMap((name) =>
    name === 'seed' ? [] : [`${AXIS_LABELS[name]} ${setting[name]}`],
  );
  return `over ${seeds} seeds the best: ${values.join(', ')}; mean of the final losses ${loss.toFixed(4)}`;
}

function outcome({ loss, error, step, diverged }: ModelResult, steps: number): string {
  if (diverged) return `diverged at step ${step + 1}`;
  const figure = `${loss!.toFixed(4)}${error === undefined ? '' : ` ± ${error.toFixed(4)}`}`;
  return step < steps ? `${figure} after step ${step}` : figure;
}
