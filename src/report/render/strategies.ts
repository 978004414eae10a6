// The crossover of each way of launching: maps as of the crossover, whose rows are strategies.

import { onGpu } from '../judge/claims.ts';
import { NAIVE, crossingsWith, moves, shownBatches, strategiesOf } from '../judge/crossings.ts';
import { strategiesFinding } from '../judge/findings.ts';
import { count, spread, time, times, timeSpread, timesSpread } from '../judge/format.ts';
import type { Cell, Crossover, Report, StrategyFigures } from '../schema.ts';
import { ascending, GAP, lineKey, multipleText, ratioCell } from './crossover.ts';
import { drawMap, type MapCell } from './heat-map.ts';
import {
  NONE,
  number,
  ranged,
  words,
  type Column,
  type Drawing,
  type Section,
  type Table,
} from './section.ts';
import { markOf, reasonNotes, skipReasons, type SkipReasons } from './skip-reasons.ts';

export const STRATEGIES_TITLE = 'How far does clever launching move the crossover?';

export function strategiesSection(report: Report, crossover: Crossover): Section {
  const software = !onGpu(report, crossover);
  const common = {
    id: 'strategies',
    title: STRATEGIES_TITLE,
    finding: strategiesFinding(report),
    software,
  };
  if (strategiesOf(crossover).length === 0) return { ...common, tables: [], notes: [] };
  const reasons = skipReasons(
    shownCells(crossover).flatMap(({ skipped, strategies }) =>
      strategies.length === 0
        ? [skipped]
        : strategies.filter((own) => own.ratio === null && own.trial === null).map(({ reason }) => reason),
    ),
  );
  return {
    ...common,
    key:
      'The map above for each way of launching on its own: how far to the left the line stands is what launching decides. ' +
      '“tried”: a few steps, without an interval, so no sentence rests on it. ' +
      `${NAIVE}: a submit for each kernel; graph: one for all; fused: fewer kernels; resident: whole steps inside one.`,
    draw: (width) => draw(report, crossover, reasons, width),
    tables: [
      ...movesTable(report, crossover, software),
      crossingsTable(report, crossover, software),
      cellsTable(crossover, software),
    ],
    notes: reasonNotes(reasons),
  };
}

const WHERE: readonly Column[] = [
  { label: 'context', numeric: true },
  { label: 'batch', numeric: true },
];

function movesTable({ control }: Report, crossover: Crossover, software: boolean): Table[] {
  const found = moves(crossover, control);
  if (found.length === 0) return [];
  const table: Table = {
    id: 'strategies-moves',
    caption: 'Where launching alone decides who wins',
    columns: [
      ...WHERE,
      { label: `CPU wins against ${NAIVE} up to width`, numeric: true },
      { label: 'GPU wins from width', numeric: true },
      { label: 'launched as' },
      { label: 'moved more than', numeric: true },
      { label: 'and less than', numeric: true },
    ],
    rows: found.map(({ context, batch, above, below, strategy, atLeast, atMost }) => ({
      software,
      cells: [
        number(context, count),
        number(batch, count),
        number(above, count),
        number(below, count),
        words(strategy),
        number(atLeast, times),
        number(atMost, times),
      ],
    })),
  };
  return [table];
}

function crossingsTable({ control }: Report, crossover: Crossover, software: boolean): Table {
  return {
    id: 'strategies',
    caption: 'The width from which each strategy overtakes the CPU',
    columns: [
      ...WHERE,
      { label: 'strategy' },
      { label: 'CPU certain up to', numeric: true },
      { label: 'GPU certain from', numeric: true },
      { label: 'crossover, interpolated', numeric: true },
      { label: 'predicted', numeric: true },
    ],
    rows: crossover.frontier.flatMap(({ context, batch, strategies }) =>
      strategies.map(({ strategy, measured, predicted }) => {
        const crossing = crossingsWith(strategy, crossover, control).find(
          (own) => own.context === context && own.batch === batch,
        );
        return {
          software,
          cells: [
            number(context, count),
            number(batch, count),
            words(strategy),
            number(crossing?.cpu?.width ?? null, count),
            number(crossing?.gpu?.width ?? null, count),
            measured === null ? words('not within the grid') : number(measured, count),
            predicted === null ? NONE : number(predicted, count),
          ],
        };
      }),
    ),
  };
}

function cellsTable({ cells }: Crossover, software: boolean): Table {
  return {
    id: 'strategies-cells',
    caption: 'A step with each strategy, and CPU time over its time',
    detail: true,
    columns: [
      ...WHERE,
      { label: 'width', numeric: true },
      { label: 'strategy' },
      { label: 'step', numeric: true },
      { label: 'ratio (95% interval)', numeric: true },
      { label: 'predicted', numeric: true },
    ],
    rows: cells.flatMap((cell) =>
      cell.strategies.map((own) => ({
        software,
        cells: [
          number(cell.context, count),
          number(cell.batch, count),
          number(cell.width, count),
          words(own.strategy),
          own.time ? ranged(spread(own.time), timeSpread) : number(own.trial, (us) => `${time(us)}, tried`),
          own.ratio ? ranged(own.ratio, timesSpread) : words(own.reason ?? 'no reason given'),
          number(own.predicted, times),
        ],
      })),
    ),
  };
}

/** Cells of the maps that are drawn. */
function shownCells(crossover: Crossover): Cell[] {
  const shown = shownBatches(crossover);
  return crossover.cells.filter(({ context, batch }) =>
    shown.some((own) => own.context === context && own.batch === batch),
  );
}

function draw(report: Report, crossover: Crossover, reasons: SkipReasons, width: number): Drawing {
  const rows = strategiesOf(crossover);
  const columns = ascending(shownCells(crossover).map((cell) => cell.width));
  let y = 26;
  let body = lineKey();
  for (const { context, batch } of shownBatches(crossover)) {
    const cells = crossover.cells.filter((cell) => cell.context === context && cell.batch === batch);
    const frontier = crossover.frontier.find((own) => own.context === context && own.batch === batch);
    const map = drawMap({
      title: `batch ${count(batch)}, context ${count(context)}`,
      rowName: 'launch',
      columns,
      rows,
      cell: (column, row) => {
        const cell = cells.find((own) => own.width === column);
        return cell && strategyCell(report, cell, row, reasons);
      },
      frontiers: (['measured', 'predicted'] as const).map((kind) => ({
        style: kind === 'measured' ? 'frontier' : 'frontier predicted',
        at: (row) => frontier?.strategies.find(({ strategy }) => strategy === row)?.[kind] ?? null,
      })),
      width,
      y,
    });
    body += map.body;
    y += map.height + GAP;
  }
  return { height: y - GAP + 4, body };
}

function strategyCell(report: Report, cell: Cell, strategy: string, reasons: SkipReasons): MapCell {
  const own = cell.strategies.find((figures) => figures.strategy === strategy);
  if (own?.ratio) return ratioCell(report, own.ratio);
  const tried = own && triedRatio(cell, own);
  if (tried) return { ratio: tried, text: multipleText(tried), who: 'tried', decided: false };
  return { skipped: markOf(own ? own.reason : cell.skipped, reasons) };
}

/** CPU time over the time of a trial; null where there is none. */
function triedRatio({ cpu }: Cell, { trial }: StrategyFigures): number | null {
  return cpu && trial !== null && trial > 0 ? cpu.median / trial : null;
}
