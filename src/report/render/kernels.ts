// The kernels against their ceilings: what share of the nearer one, arithmetic or memory, each reaches.

import { onGpu } from '../judge/claims.ts';
import { kernelsFinding } from '../judge/findings.ts';
import { count, figure, figureSpread, percent, spread, time, timeSpread } from '../judge/format.ts';
import type { KernelFigures, Report } from '../schema.ts';
import { axisAbove, linearScale } from './scale.ts';
import { number, ranged, words, type Drawing, type Section } from './section.ts';
import { cut, element, escapeText, label, LETTER, rect } from './svg.ts';

/** Rows of the drawing: those that take longest. The table has them all. */
const MOST_ROWS = 30;
const BOUND_STYLES = { arithmetic: 'accent', memory: 'bar', launch: 'outline' } as const;

export function kernelsSection(report: Report, kernels: KernelFigures): Section {
  const software = !onGpu(report, kernels);
  const { gflops, gbps } = kernels.ceilings;
  const more = kernels.rows.length - MOST_ROWS;
  return {
    id: 'kernels',
    title: 'How close do the kernels come to what the machine can do?',
    finding: kernelsFinding(report, kernels),
    key:
      'Share of the nearer ceiling, longest kernels first. Orange: bound by arithmetic; grey: by memory; outlined: by ' +
      'its launch, too small for either.',
    software,
    draw: (width) => draw(kernels, width),
    tables: [
      {
        id: 'kernels-ceilings',
        caption: 'Ceilings measured in the same run',
        columns: [{ label: 'ceiling' }, { label: 'median (95% interval)', numeric: true }],
        rows: [
          { software, cells: [words('arithmetic, GFLOP/s'), ranged(spread(gflops), figureSpread)] },
          { software, cells: [words('memory, GB/s'), ranged(spread(gbps), figureSpread)] },
        ],
      },
      {
        id: 'kernels',
        caption: 'Kernels',
        columns: [
          { label: 'kernel' },
          { label: 'shape' },
          { label: 'time (95% interval)', numeric: true },
          { label: 'operations', numeric: true },
          { label: 'bytes', numeric: true },
          { label: 'GFLOP/s', numeric: true },
          { label: 'GB/s', numeric: true },
          { label: 'of the ceiling', numeric: true },
          { label: 'bound by' },
        ],
        rows: kernels.rows.map((row) => ({
          software,
          cells: [
            words(row.name),
            words(row.shape),
            ranged(spread(row.time), timeSpread),
            number(row.flops, count),
            number(row.bytes, count),
            number(row.gflops, figure),
            number(row.gbps, figure),
            number(row.share, percent),
            words(row.bound),
          ],
        })),
      },
    ],
    notes: more > 0 ? [`The figure leaves out the ${count(more)} shortest; the table has them.`] : [],
  };
}

/** The name and, lighter, as much of the shape as there is room for; the table has all of it. */
function nameAndShape(y: number, name: string, shape: string, room: number): string {
  const shown = cut(name, room);
  const rest = cut(shape, Math.max(LETTER, room - (shown.length + 1) * LETTER));
  return element(
    'text',
    { x: 0, y },
    escapeText(shown),
    element('tspan', { class: 'muted', dx: 6 }, escapeText(rest)),
  );
}

function draw({ rows }: KernelFigures, width: number): Drawing {
  const narrow = width < 500;
  const row = narrow ? 42 : 26;
  const top = 28;
  const left = narrow ? 4 : 290;
  const right = narrow ? width - 50 : width - 160;
  const shown = [...rows].sort((a, b) => b.time.median - a.time.median).slice(0, MOST_ROWS);
  const height = top + shown.length * row + 4;
  const scale = linearScale(1, [left, right]);
  const bars = shown.map(({ name, shape, share, bound, time: { median } }, i) => {
    const y = top + i * row + (narrow ? 30 : row / 2);
    const style = { class: BOUND_STYLES[bound], 'data-value': String(share) };
    const room = narrow ? width * 0.76 : left - 14;
    return (
      nameAndShape(narrow ? y - 13 : y + 4.5, name, shape, room) +
      rect(left, y - 5, Math.max(1, scale(share) - left), 10, style) +
      label(right + 12, y + 4.5, percent(share), { class: 'value' }) +
      label(width, narrow ? y - 13 : y + 4.5, time(median), { class: 'muted', 'text-anchor': 'end' })
    );
  });
  const heads = narrow ? '' : label(width, top - 7, 'time', { class: 'tick', 'text-anchor': 'end' });
  return { height, body: axisAbove(scale, top, height, percent) + heads + bars.join('') };
}
