// The losses of a sweep as dots, a panel for each setting.

import { AXIS_LABELS, gridPoint, type AxisName } from './sweep-grid.ts';
import type { SavedSweep } from './sweep-file.ts';
import { rankSettings, settingAxes } from './sweep-judge.ts';
import { partOf, ticks, type Scale } from './sweep-scale.ts';
import type { ModelResult } from './sweep.ts';
import {
  MARGIN,
  TOP,
  type Drawn,
  ascending,
  cross,
  figure,
  label,
  round,
  sideways,
  text,
  thinned,
  triangle,
  widest,
} from './svg.ts';

const PANEL = { width: 300, height: 200, gap: 62 };

/** `top`: where the panels begin. */
export function dotPanels(
  { axes, results }: SavedSweep,
  scale: Scale,
  names: readonly AxisName[],
  top = TOP + 28,
): Drawn {
  const columns = Math.min(names.length, 2);
  const parts: string[] = [];
  const left = MARGIN + 52;
  for (const [i, name] of names.entries()) {
    const x = left + (i % columns) * (PANEL.width + PANEL.gap);
    const y = top + Math.floor(i / columns) * (PANEL.height + PANEL.gap);
    parts.push(...dotPanel(x, y, name, axes, results, scale));
  }
  const rows = Math.ceil(names.length / columns);
  const bottom = top + rows * (PANEL.height + PANEL.gap) - 8;
  const legend = [
    `<path class="dots" d="M${left} ${bottom}h0"/>`,
    text(left + 10, bottom + 4, 'model'),
    `<path class="mean" d="M${left + 62} ${bottom}h22"/>`,
    text(left + 90, bottom + 4, 'mean'),
    `<circle class="best" cx="${left + 142}" cy="${bottom}" r="5"/>`,
    text(left + 154, bottom + 4, 'best'),
  ];
  const notes: string[] = [];
  if (scale.clipped) notes.push(`△ above ${figure(scale.high)}`);
  if (results.some(({ diverged }) => diverged)) notes.push('× diverged');
  legend.push(text(left + 196, bottom + 4, notes.join('   '), 'xml:space="preserve"'));
  if (names.some((name) => distances(name, axes, results).length > 0)) {
    legend.push(`<path class="mean" d="M${left} ${bottom + 14}v12"/>`);
    legend.push(text(left + 10, bottom + 24, '95% interval of the distance to the best, paired by seed'));
  }
  const width = left + columns * (PANEL.width + PANEL.gap) - PANEL.gap + MARGIN;
  return { parts: [...parts, ...legend], width, height: bottom + 34 };
}

/** Loss over the values of one axis, which stand at equal distances: most ranges are geometric. */
function dotPanel(
  left: number,
  top: number,
  name: AxisName,
  axes: SavedSweep['axes'],
  results: readonly ModelResult[],
  scale: Scale,
): string[] {
  const values = ascending(axes[name]);
  const w = PANEL.width / values.length;
  const bottom = top + PANEL.height;
  const places = new Map(values.map((value, i) => [value, round(left + w * (i + 0.5))]));
  const yOf = (loss: number) => round(bottom - 8 - (PANEL.height - 16) * partOf(scale, loss));
  const parts: string[] = [];
  for (const tick of ticks(scale)) {
    const y = yOf(tick);
    parts.push(`<path class="rule" d="M${left} ${y}h${PANEL.width}"/>`);
    parts.push(text(left - 6, y + 4, label(tick), 'text-anchor="end"'));
  }
  parts.push(`<path class="rule" d="M${left} ${top}V${bottom}h${PANEL.width}"/>`);

  let dots = '';
  const sums = values.map(() => ({ loss: 0, models: 0 }));
  for (const { index, loss } of results) {
    const value = gridPoint(axes, index)[name];
    const x = places.get(value)!;
    if (loss === undefined) parts.push(cross(x, top - 8, 4));
    else if (loss > scale.high) parts.push(triangle(x, top));
    else dots += `M${x} ${yOf(loss)}h0`;
    const sum = sums[values.indexOf(value)];
    sum.loss += loss ?? 0;
    sum.models += loss === undefined ? 0 : 1;
  }
  const means = values.flatMap((value, i) => {
    const { loss, models } = sums[i];
    const mean = loss / models; // NaN of none
    return mean <= scale.high ? [`${places.get(value)} ${yOf(mean)}`] : [];
  });
  for (const { value, low, high } of distances(name, axes, results)) {
    const [from, to] = [low, high].map((end) => yOf(Math.max(scale.low, Math.min(scale.high, end))));
    if (from !== to) parts.push(`<path class="mean" d="M${places.get(value)} ${from}V${to}"/>`);
  }
  if (dots !== '') parts.push(`<path class="dots" d="${dots}"/>`);
  if (means.length > 1) parts.push(`<path class="mean" d="M${means.join('L')}"/>`);
  const [best] = results;
  if (best.loss !== undefined) {
    const x = places.get(gridPoint(axes, best.index)[name]);
    parts.push(`<circle class="best" cx="${x}" cy="${yOf(best.loss)}" r="5"/>`);
  }
  for (const [i, value] of thinned(values, w, 6 + widest(values))) {
    parts.push(text(left + w * (i + 0.5), bottom + 16, label(value), 'text-anchor="middle"'));
  }
  parts.push(
    text(left + PANEL.width / 2, bottom + 34, AXIS_LABELS[name], 'text-anchor="middle" class="muted"'),
  );
  parts.push(sideways(left - 44, (top + bottom) / 2, 'loss'));
  return parts;
}

/** The 95% interval of each setting's distance to the best one, about its mean, where nothing varies but this and the seeds. */
function distances(
  name: AxisName,
  axes: SavedSweep['axes'],
  results: readonly ModelResult[],
): { readonly value: number; readonly low: number; readonly high: number }[] {
  if (name === 'seed' || settingAxes(axes).join() !== name) return [];
  return rankSettings(axes, results).flatMap(({ setting, loss, behind }) => {
    if (behind?.low === undefined) return [];
    const half = behind.mean - behind.low;
    return [{ value: setting[name], low: loss - half, high: loss + half }];
  });
}
