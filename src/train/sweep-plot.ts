// sweep.svg: the final loss of every model, as a heat map where two settings vary, else as dots over each setting that
// varies. Plain SVG: it follows the reader's light or dark mode, in a browser as in an image.

import {
  MARGIN,
  TOP,
  type Drawn,
  cross,
  ascending,
  escape,
  figure,
  label,
  round,
  sideways,
  text,
  thinned,
  widest,
} from './svg.ts';
import { dotPanels } from './sweep-dots.ts';
import { AXIS_LABELS, gridPoint, varyingAxes, type AxisName } from './sweep-grid.ts';
import { rankSettings, verdictOf } from './sweep-judge.ts';
import { partOf, rampAt, scaleOf, type Scale } from './sweep-scale.ts';
import type { SavedSweep } from './sweep-file.ts';
import type { ModelResult } from './sweep.ts';

const STYLE = `
svg { --paper: #fdfcfa; --ink: #1d1b19; --muted: #6a645d; --rule: #d8d2c9; --dot: #2f6f8f; --mean: #b93a0c; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #151413; --ink: #ebe8e3; --muted: #a19a91; --rule: #3a3632; --dot: #6db3d6; --mean: #ff8c5a; }
}
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.muted { fill: var(--muted); }
.title { font-size: 15px; font-weight: 600; }
.rule { stroke: var(--rule); fill: none; }
.dots { stroke: var(--dot); stroke-width: 6; stroke-linecap: round; stroke-opacity: 0.6; fill: none; }
.mean { stroke: var(--mean); stroke-width: 1.5; fill: none; }
.bad { stroke: var(--muted); stroke-width: 1.5; fill: none; }
.best { stroke: var(--ink); stroke-width: 2.5; fill: none; }
`;

/** Widest of a line of text, in pixels. */
const CHARACTER = 6.6;

/** The SVG of a sweep with at least one result. */
export function plotSweep(sweep: SavedSweep): string {
  const varying = varyingAxes(sweep.axes);
  // Losses after different numbers of steps would not compare.
  const results = sweep.results.filter(({ step, diverged }) => diverged || step === sweep.results[0].step);
  const scale = scaleOf(results, Math.log(sweep.model.vocabSize));
  const shown = { ...sweep, results };
  const drawn =
    varying.length === 2
      ? mapAndCurve(shown, scale, varying[0], varying[1])
      : dotPanels(shown, scale, varying.length === 0 ? ['seed'] : varying);
  const verdict = verdictOf(sweep.axes, rankSettings(sweep.axes, results)) ?? '';
  const { model, training, data, smoothingWindow: window } = sweep;
  const title = `Final loss of ${results.length} ${results.length === 1 ? 'model' : 'models'}`;
  const { steps } = training;
  const step = results[0].diverged ? steps : results[0].step;
  const after =
    step < steps
      ? `${Math.min(window, step)} steps, stopped after step ${step} of ${steps}`
      : `${window} of ${steps} steps`;
  const what = `nats per token, mean over the last ${after}`;
  const { nLayer, nEmbd, blockSize } = model;
  const shape = `layers ${nLayer}, width ${nEmbd}, block ${blockSize}, batch ${training.batchSize}; data: ${shortened(data.source)}`;
  const width = Math.ceil(Math.max(drawn.width, 480, 2 * MARGIN + CHARACTER * verdict.length));
  const height = Math.ceil(drawn.height);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escape(`${title}: ${what}`)}</title>`,
    `<style>${STYLE}</style>`,
    '<rect width="100%" height="100%" fill="var(--paper)"/>',
    text(MARGIN, 26, title, 'class="title"'),
    text(MARGIN, 44, what, 'class="muted"'),
    text(MARGIN, 60, shape, 'class="muted"'),
    ...(verdict === '' ? [] : [text(MARGIN, 78, verdict)]),
    ...drawn.parts,
    '</svg>\n',
  ].join('\n');
}

/** The map, and below it the curve over the setting that varies across it. */
function mapAndCurve(sweep: SavedSweep, scale: Scale, across: AxisName, down: AxisName): Drawn {
  const map = heatMap(sweep, scale, across, down);
  const curve = dotPanels(sweep, scale, [across], map.height + 24);
  return {
    parts: [...map.parts, ...curve.parts],
    width: Math.max(map.width, curve.width),
    height: curve.height,
  };
}

function heatMap({ axes, results }: SavedSweep, scale: Scale, across: AxisName, down: AxisName): Drawn {
  const columns = ascending(axes[across]);
  const rows = ascending(axes[down]);
  const w = Math.max(2, Math.min(56, 720 / columns.length));
  const h = Math.max(2, Math.min(26, 720 / rows.length));
  const left = MARGIN + 24 + widest(rows);
  const top = TOP + 12;
  const right = left + w * columns.length;
  const bottom = top + h * rows.length;
  const box = (x: number, y: number, width: number, height: number) =>
    `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`;
  const cells = [`<rect ${box(left, top, right - left, bottom - top)} class="rule"/>`];
  const marks: string[] = []; // over the cells
  for (const [rank, { index, loss }] of results.entries()) {
    const point = gridPoint(axes, index);
    const x = left + w * columns.indexOf(point[across]);
    const y = top + h * rows.indexOf(point[down]);
    if (loss === undefined) {
      marks.push(cross(x + w / 2, y + h / 2, Math.min(w, h) / 5));
      continue;
    }
    const part = partOf(scale, loss);
    cells.push(`<rect ${box(x, y, w, h)} fill="${rampAt(part)}"/>`);
    if (rank === 0) marks.push(`<rect ${box(x, y, w, h)} class="best"/>`);
    if (w >= 40 && h >= 15) {
      const ink = `text-anchor="middle" style="fill:${part < 0.55 ? '#000' : '#fff'}"`;
      marks.push(text(x + w / 2, y + h / 2 + 4, figure(loss), ink));
    }
  }
  const labels = [
    ...thinned(columns, w, 6 + widest(columns)).map(([i, value]) =>
      text(left + w * (i + 0.5), bottom + 16, label(value), 'text-anchor="middle"'),
    ),
    ...thinned(rows, h, 14).map(([i, value]) =>
      text(left - 6, top + h * (i + 0.5) + 4, label(value), 'text-anchor="end"'),
    ),
    text((left + right) / 2, bottom + 34, AXIS_LABELS[across], 'text-anchor="middle" class="muted"'),
    sideways(MARGIN + 6, (top + bottom) / 2, AXIS_LABELS[down]),
  ];
  const missing = columns.length * rows.length - results.length;
  const legend = rampLegend(left, bottom + 50, scale, results, missing);
  const parts = [...cells, ...marks, ...labels, ...legend];
  return { parts, width: Math.max(right + MARGIN, left + 420), height: bottom + 86 };
}

/** The ramp with its ends, and what the marks mean. */
function rampLegend(
  x: number,
  y: number,
  scale: Scale,
  results: readonly ModelResult[],
  missing: number,
): string[] {
  const steps = 24;
  const width = 144;
  const ramp = Array.from({ length: steps }, (_, i) => {
    const at = `x="${round(x + (i * width) / steps)}" y="${y}" width="${round(width / steps + 0.5)}" height="12"`;
    return `<rect ${at} fill="${rampAt(i / (steps - 1))}"/>`;
  });
  const high = `${scale.clipped ? '≥ ' : ''}${figure(scale.high)}`;
  const notes = ['▢ best'];
  if (results.some(({ diverged }) => diverged)) notes.push('× diverged');
  if (missing > 0) notes.push('empty: not trained');
  return [
    ...ramp,
    text(x, y + 27, figure(scale.low), 'class="muted"'),
    text(x + width, y + 27, high, 'class="muted" text-anchor="end"'),
    text(x + width + 24, y + 10, notes.join('   '), 'xml:space="preserve"'),
  ];
}

/** The end of a long path. */
function shortened(path: string): string {
  return path.length <= 40 ? path : `…${path.slice(-39)}`;
}
