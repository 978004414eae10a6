// The crossover: a map of CPU time / GPU time over width and batch, one for each context, with the frontier from which on
// the GPU wins.

import { onGpu, outcome } from '../judge/claims.ts';
import { crossoverFinding } from '../judge/findings.ts';
import { count, spread, times, timeSpread, timesSpread } from '../judge/format.ts';
import type { Cell, Crossover, Interval, Report } from '../schema.ts';
import { drawMap, type MapCell } from './heat-map.ts';
import { NONE, number, ranged, words, type Drawing, type Section } from './section.ts';
import { markOf, reasonNotes, skipReasons, type SkipReasons } from './skip-reasons.ts';
import { label, line } from './svg.ts';

export function crossoverSection(report: Report, crossover: Crossover): Section {
  const software = !onGpu(report, crossover);
  const anything = crossover.cells.some(({ ratio }) => ratio !== null);
  const reasons = skipReasons(
    crossover.cells.filter(({ ratio }) => ratio === null).map((cell) => cell.skipped),
  );
  return {
    id: 'crossover',
    title: software ? 'Where would another device overtake the CPU?' : 'Where does the GPU overtake the CPU?',
    finding: crossoverFinding(report),
    key:
      `Each cell: which of the two is faster and how many times. Orange: ${software ? 'the software adapter' : 'the GPU'}; ` +
      'grey: the CPU; the stronger, the clearer. “tie”: within noise. Solid line: where the measured winner changes; ' +
      'dashed: where the launch costs and the ceilings predict it.',
    software,
    ...(anything ? { draw: (width: number) => draw(report, crossover, reasons, width) } : {}),
    tables: [
      {
        id: 'crossover',
        caption: 'CPU time / GPU time; above 1 the GPU wins',
        columns: [
          { label: 'context', numeric: true },
          { label: 'batch', numeric: true },
          { label: 'width', numeric: true },
          { label: 'CPU' },
          { label: 'CPU step', numeric: true },
          { label: 'GPU' },
          { label: 'GPU step', numeric: true },
          { label: 'ratio (95% interval)', numeric: true },
          { label: 'predicted', numeric: true },
        ],
        rows: crossover.cells.map((cell) => ({
          software,
          cells: [
            number(cell.context, count),
            number(cell.batch, count),
            number(cell.width, count),
            words(cell.cpuEngine || '–'),
            cell.cpu ? ranged(spread(cell.cpu), timeSpread) : NONE,
            words(cell.gpuStrategy || '–'),
            cell.gpu ? ranged(spread(cell.gpu), timeSpread) : NONE,
            cell.ratio
              ? ranged(cell.ratio, timesSpread)
              : words(`skipped: ${cell.skipped ?? 'no reason given'}`),
            number(cell.predicted, times),
          ],
        })),
      },
      {
        id: 'crossover-frontier',
        caption: 'The width from which on the GPU wins',
        columns: [
          { label: 'context', numeric: true },
          { label: 'batch', numeric: true },
          { label: 'measured', numeric: true },
          { label: 'predicted', numeric: true },
        ],
        rows: crossover.frontier.map(({ context, batch, measured, predicted }) => ({
          software,
          cells: [
            number(context, count),
            number(batch, count),
            measured === null ? words('not within the grid') : number(measured, count),
            predicted === null ? words('not within the grid') : number(predicted, count),
          ],
        })),
      },
    ],
    notes: [...crossover.notes, ...reasonNotes(reasons)],
  };
}

/** Between two maps. */
export const GAP = 34;

function draw(report: Report, crossover: Crossover, reasons: SkipReasons, width: number): Drawing {
  const contexts = ascending(crossover.cells.map(({ context }) => context));
  const columns = ascending(crossover.cells.map((cell) => cell.width));
  let y = 26;
  let body = lineKey();
  for (const context of contexts) {
    const cells = crossover.cells.filter((cell) => cell.context === context);
    const rows = ascending(cells.map(({ batch }) => batch));
    // The first of two stays.
    const placed = new Map(cells.toReversed().map((cell) => [`${cell.width} ${cell.batch}`, cell]));
    const map = drawMap({
      title: `context ${count(context)}`,
      rowName: 'batch',
      columns,
      rows,
      cell: (column, row) => {
        const cell = placed.get(`${column} ${row}`);
        return cell && mapCell(report, cell, reasons);
      },
      frontiers: (['measured', 'predicted'] as const).map((kind) => ({
        style: kind === 'measured' ? 'frontier' : 'frontier predicted',
        at: (row) => crossover.frontier.find((f) => f.context === context && f.batch === row)?.[kind] ?? null,
      })),
      width,
      y,
    });
    body += map.body;
    y += map.height + GAP;
  }
  return { height: y - GAP + 4, body };
}

function mapCell(report: Report, { ratio, skipped }: Cell, reasons: SkipReasons): MapCell {
  return ratio === null ? { skipped: markOf(skipped, reasons) } : ratioCell(report, ratio);
}

/** Who wins, and how many times. */
export function ratioCell(report: Report, ratio: Interval): MapCell {
  const { kind } = outcome(ratio, report.control);
  const who = {
    faster: onGpu(report, { software: false }) ? 'GPU' : 'soft',
    slower: 'CPU',
    undecided: 'tie',
    unproven: '?',
  };
  return {
    ratio: ratio.value,
    text: multipleText(ratio.value),
    who: who[kind],
    decided: kind === 'faster' || kind === 'slower',
  };
}

/** How many times faster the faster one is. */
export function multipleText(ratio: number): string {
  return times(ratio >= 1 ? ratio : 1 / ratio);
}

/** What the two kinds of line in a map mean, for its top. */
export function lineKey(): string {
  return (
    line(0, 10, 26, 10, 'frontier') +
    label(34, 14.5, 'measured') +
    line(116, 10, 142, 10, 'frontier predicted') +
    label(150, 14.5, 'predicted')
  );
}

export function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
