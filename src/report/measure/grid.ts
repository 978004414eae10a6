// Which cells of the crossover's grid to measure next: those whose answer is open. Everything here is pure.

import type { Cell, Crossover } from '../schema.ts';
import type { GridPoint } from './setting.ts';

const WIDTHS = [16, 32, 64, 128, 256, 512, 1024];
const BATCHES = [1, 4, 16, 64, 128];
/** Beyond 16, at this batch. */
const CONTEXTS = [64, 256, 512];
const CONTEXT_BATCH = 16;
const CONTEXT_WIDTHS = [16, 64, 256];

/** Beyond this ratio, either way, nobody needs to know it better. */
const CLEAR = 4;

export function wholeGrid(): GridPoint[] {
  const points: GridPoint[] = [];
  for (const batch of BATCHES) for (const width of WIDTHS) points.push({ width, batch, context: 16 });
  for (const context of CONTEXTS) {
    for (const width of CONTEXT_WIDTHS) points.push({ width, batch: CONTEXT_BATCH, context });
  }
  return points;
}

/** Corners and middle: measured before anything is known. Cheap ones first. */
export function coarseGrid(): GridPoint[] {
  const coarse = (p: GridPoint) =>
    p.context === 16
      ? [16, 128, 1024].includes(p.width) && [1, 16, 128].includes(p.batch)
      : p.context === 512 && p.width === 64;
  return wholeGrid().filter(coarse).sort((a, b) => weight(a) - weight(b)); // prettier-ignore
}

/** Roughly how much work a step is. */
function weight({ width, batch, context }: GridPoint): number {
  return width ** 2 * batch * context;
}

export type Known = GridPoint & { readonly ratio: number };

/** log of the ratio that the three nearest measured cells suggest, near ones most. */
export function suggestedLogRatio(point: GridPoint, known: readonly Known[]): number {
  const distance = (other: GridPoint) =>
    Math.hypot(
      Math.log2(point.width / other.width),
      Math.log2(point.batch / other.batch),
      Math.log2(point.context / other.context),
    );
  const nearest = known
    .map((other) => ({ distance: distance(other), log: Math.log(other.ratio) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3);
  const weights = nearest.map((own) => 1 / Math.max(own.distance, 1e-9));
  const total = weights.reduce((a, b) => a + b, 0);
  return nearest.reduce((sum, { log }, i) => sum + (weights[i] / total) * log, 0);
}

/**
 * The open cell whose ratio may be nearest to 1, or undefined where all that are open are clear. `known` has a list for each
 * frontier that is looked for, the most important first: as long as a cell is open to one, the next ones wait.
 */
export function nextPoint(
  open: readonly GridPoint[],
  known: readonly (readonly Known[])[],
): GridPoint | undefined {
  for (const list of known) {
    const best = nearestToOne(open, list);
    if (best !== undefined) return best;
  }
  return undefined;
}

function nearestToOne(open: readonly GridPoint[], known: readonly Known[]): GridPoint | undefined {
  if (known.length === 0) return undefined;
  let best: GridPoint | undefined;
  let least = Math.log(CLEAR);
  for (const point of open) {
    const distance = Math.abs(suggestedLogRatio(point, known));
    if (distance <= least) {
      least = distance;
      best = point;
    }
  }
  return best;
}

/** Where the ratio passes 1 as the width grows, between two of `points` on a log scale; null where it stays below. */
export function crossing(points: readonly (readonly [width: number, ratio: number])[]): number | null {
  const sorted = [...points].sort(([a], [b]) => a - b);
  for (const [i, [width, ratio]] of sorted.entries()) {
    if (ratio < 1) continue;
    if (i === 0) return width;
    const [before, below] = sorted[i - 1];
    const share = Math.log(1 / below) / Math.log(ratio / below);
    return before * (width / before) ** share;
  }
  return null;
}

type FrontierRow = Crossover['frontier'][number];

/** The width from which the GPU wins, for each batch and context that has a measured cell. */
export function frontierOf(cells: readonly Cell[]): FrontierRow[] {
  const rows = new Map<string, Cell[]>();
  for (const cell of cells) {
    const key = `${cell.context} ${cell.batch}`;
    rows.set(key, [...(rows.get(key) ?? []), cell]);
  }
  return [...rows.values()]
    .filter((own) => own.some(({ ratio }) => ratio !== null))
    .map((own) => ({
      batch: own[0].batch,
      context: own[0].context,
      ...widthsOf(own, (cell) => cell),
      strategies: timedStrategies(own).map((strategy) => ({
        strategy,
        ...widthsOf(own, ({ strategies }) => strategies.find((tried) => tried.strategy === strategy)),
      })),
    }));
}

type Ratios = Pick<Cell, 'ratio' | 'predicted'>;

function widthsOf(
  row: readonly Cell[],
  of: (cell: Cell) => Ratios | undefined,
): Pick<FrontierRow, 'measured' | 'predicted'> {
  const crossingOf = (ratio: (own: Ratios) => number | null) =>
    crossing(
      row.flatMap((cell): [number, number][] => {
        const own = of(cell);
        const value = own ? ratio(own) : null;
        return value === null ? [] : [[cell.width, value]];
      }),
    );
  return {
    measured: crossingOf(({ ratio }) => ratio?.value ?? null),
    predicted: crossingOf(({ predicted }) => predicted),
  };
}

function timedStrategies(row: readonly Cell[]): string[] {
  const timed = row.flatMap(({ strategies }) => strategies.filter(({ ratio }) => ratio !== null));
  return [...new Set(timed.map(({ strategy }) => strategy))];
}
