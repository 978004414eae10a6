// The crossover: a map of CPU time / GPU time over width and batch, one for each context, with the frontier from which on
// the GPU wins.

import { onGpu, outcome } from '../claims.ts';
import { crossoverFinding } from '../findings.ts';
import { count, spread, times, timeSpread, timesSpread } from '../format.ts';
import type { Cell, Crossover, Report } from '../schema.ts';
import { drawMap, type MapCell } from './heat-map.ts';
import { NONE, number, ranged, words, type Drawing, type Section } from './section.ts';
import { label, line } from './svg.ts';

export function crossoverSection(report: Report, crossover: Crossover): Section {
  const software = !onGpu(report, crossover);
  const reasons = skipReasons(crossover);
  return {
    id: 'crossover',
    title: software ? 'Where would another device overtake the CPU?' : 'Where does the GPU overtake the CPU?',
    finding: crossoverFinding(report),
    key:
      `Each cell: which of the two is faster and how many times. Orange: ${software ? 'the software adapter' : 'the GPU'}; ` +
      'grey: the CPU; the stronger, the clearer. “tie”: not told from noise. Solid line: where the measured winner changes; ' +
      'dashed: where the launch costs and the ceilings predict it.',
    software,
    draw: (width) => draw(report, crossover, reasons, width),
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

/** Why cells were skipped, with the letter that stands for it in the map. */
interface Reason {
  readonly mark: string;
  readonly texts: Set<string>;
}

/** Reasons that differ in their figures alone are one; the table has the figures. */
function skipReasons({ cells }: Crossover): Map<string, Reason> {
  const reasons = new Map<string, Reason>();
  for (const { ratio, skipped } of cells) {
    if (ratio !== null) continue;
    const kind = kindOf(skipped);
    const reason = reasons.get(kind) ?? { mark: letter(reasons.size), texts: new Set() };
    reason.texts.add(textOf(skipped));
    reasons.set(kind, reason);
  }
  return reasons;
}

function reasonNotes(reasons: ReadonlyMap<string, Reason>): string[] {
  return [...reasons].map(([kind, { mark, texts }]) => {
    const [text] = texts;
    return `Skipped (${mark}): ${texts.size === 1 ? text : kind}.`;
  });
}

function textOf(skipped: string | null): string {
  return (skipped ?? 'no reason given').replace(/\.$/, '');
}

function kindOf(skipped: string | null): string {
  return textOf(skipped).replace(/(?<![\w.])\d[\d.,]*(?:e[+-]?\d+)?(?!\w)/g, '…');
}

/** a … z, then numbers. */
function letter(i: number): string {
  return i < 26 ? String.fromCharCode(97 + i) : String(i - 25);
}

const GAP = 34;

function draw(
  report: Report,
  crossover: Crossover,
  reasons: ReadonlyMap<string, Reason>,
  width: number,
): Drawing {
  const contexts = ascending(crossover.cells.map(({ context }) => context));
  const columns = ascending(crossover.cells.map((cell) => cell.width));
  let y = 26;
  let body =
    line(0, 10, 26, 10, 'frontier') +
    label(34, 14.5, 'measured') +
    line(116, 10, 142, 10, 'frontier predicted') +
    label(150, 14.5, 'predicted');
  for (const context of contexts) {
    const cells = crossover.cells.filter((cell) => cell.context === context);
    const rows = ascending(cells.map(({ batch }) => batch));
    // The first of two stays.
    const placed = new Map(cells.toReversed().map((cell) => [`${cell.width} ${cell.batch}`, cell]));
    const map = drawMap({
      title: `context ${count(context)}`,
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

function mapCell(report: Report, cell: Cell, reasons: ReadonlyMap<string, Reason>): MapCell {
  const { ratio } = cell;
  if (ratio === null) return { skipped: reasons.get(kindOf(cell.skipped))?.mark ?? '' };
  const { kind } = outcome(ratio, report.control);
  const who = {
    faster: onGpu(report, { software: false }) ? 'GPU' : 'soft',
    slower: 'CPU',
    undecided: 'tie',
    unproven: '?',
  };
  const multiple = ratio.value >= 1 ? ratio.value : 1 / ratio.value;
  return {
    ratio: ratio.value,
    text: times(multiple),
    who: who[kind],
    decided: kind === 'faster' || kind === 'slower',
  };
}

function ascending(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}
