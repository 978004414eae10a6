// Where the GPU overtakes the CPU: the widths between which the measured cells change sides, with the fastest way of
// launching and with each, and how far launching moves that.

import { outcome } from './claims.ts';
import { count, times } from './format.ts';
import type { Cell, Control, Crossover, Interval } from '../schema.ts';

export interface Side {
  readonly width: number;
  /** How many times faster the winner is. */
  readonly by: Interval;
}

export interface Crossing {
  readonly batch: number;
  readonly context: number;
  /** Widths with a measured ratio, ascending. */
  readonly widths: readonly number[];
  /** The largest width up to which every measured cell is certainly the CPU's. */
  readonly cpu: Side | null;
  /** The smallest width from which on every measured cell is certainly the GPU's. */
  readonly gpu: Side | null;
}

/** One entry for each batch and context with measured cells, by context, then batch. */
export function crossings({ cells }: Pick<Crossover, 'cells'>, control: Control | null): Crossing[] {
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    if (cell.ratio === null) continue;
    const key = `${cell.context} ${cell.batch}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups.values()]
    .map((group) => crossing(group, control))
    .sort((a, b) => a.context - b.context || a.batch - b.batch);
}

/** The ways of launching that stand in the cells, in their order there. */
export function strategiesOf({ cells }: Pick<Crossover, 'cells'>): string[] {
  return [...new Set(cells.flatMap(({ strategies }) => strategies.map(({ strategy }) => strategy)))];
}

/** Which rows of the grid are shown strategy by strategy: the smallest, a middle and the largest batch at the smallest context. */
export function shownBatches({ cells }: Pick<Crossover, 'cells'>): Pick<Cell, 'context' | 'batch'>[] {
  const told = cells.filter(({ strategies }) => strategies.some(({ ratio }) => ratio !== null));
  const context = Math.min(...told.map((cell) => cell.context));
  const batches = [...new Set(told.filter((cell) => cell.context === context).map(({ batch }) => batch))];
  return ends(batches.sort((a, b) => a - b)).map((batch) => ({ context, batch }));
}

/** The first, a middle and the last of a list. */
export function ends<T>(all: readonly T[]): T[] {
  return [...new Set(all.length === 0 ? [] : [all[0], all[all.length >> 1], all[all.length - 1]])];
}

/** As `crossings`, if the GPU always launched as `strategy` does. What was only tried, and not timed, is left out. */
export function crossingsWith(
  strategy: string,
  { cells }: Pick<Crossover, 'cells'>,
  control: Control | null,
): Crossing[] {
  const own = cells.map((cell) => {
    const ratio = cell.strategies.find((figures) => figures.strategy === strategy)?.ratio ?? null;
    return { ...cell, ratio };
  });
  return crossings({ cells: own }, control);
}

/** The strategy that launches naively: what the others are held against. */
export const NAIVE = 'eager';

/**
 * Widths at which the way of launching alone decides who wins: with NAIVE certainly the CPU does, with the fastest strategy
 * certainly the GPU does. NAIVE overtakes the CPU above the largest of them, the fastest strategy at the smallest or below.
 */
export interface Move {
  readonly batch: number;
  readonly context: number;
  /** The largest width at which the CPU still wins against NAIVE. */
  readonly above: number;
  /** The smallest width from which on the GPU wins with its fastest strategy. */
  readonly below: number;
  /** The fastest strategy there. */
  readonly strategy: string;
  /** NAIVE's crossover is more than so many times as wide as the fastest strategy's. At least 1. */
  readonly atLeast: number;
  /** And less than so many times; null where the grid does not hold both crossovers. */
  readonly atMost: number | null;
}

/** A move for each batch and context whose intervals carry one, by context, then batch. */
export function moves(crossover: Pick<Crossover, 'cells'>, control: Control | null): Move[] {
  const naive = crossingsWith(NAIVE, crossover, control);
  return crossings(crossover, control).flatMap((fastest) => {
    const { batch, context, gpu, cpu } = fastest;
    const slow = naive.find((own) => own.batch === batch && own.context === context);
    if (!slow?.cpu || !gpu || gpu.width > slow.cpu.width) return [];
    const [above, below] = [slow.cpu.width, gpu.width];
    const at = crossover.cells.find(
      (cell) => cell.batch === batch && cell.context === context && cell.width === below,
    );
    const atMost = slow.gpu && cpu ? slow.gpu.width / cpu.width : null;
    return { batch, context, above, below, strategy: at!.gpuStrategy, atLeast: above / below, atMost };
  });
}

/** `from above width 256 (eager) to width 16 or below (resident), by more than 16×` */
export function moveText({ above, below, strategy, atLeast, atMost }: Move): string {
  const from = `from above width ${count(above)} (${NAIVE}) to width ${count(below)} or below (${strategy})`;
  if (atMost !== null && atLeast > 1) return `${from}, by ${times(atLeast)} to ${times(atMost)}`;
  if (atMost !== null) return `${from}, by up to ${times(atMost)}`;
  return atLeast > 1 ? `${from}, by more than ${times(atLeast)}` : from;
}

function crossing(group: readonly Cell[], control: Control | null): Crossing {
  const sorted = [...group].sort((a, b) => a.width - b.width);
  const results = sorted.map(({ ratio }) => outcome(ratio, control));
  const side = (i: number, kind: 'faster' | 'slower'): Side | null => {
    const result = results[i];
    return result?.kind === kind ? { width: sorted[i].width, by: result.by } : null;
  };
  const cpus = results.findIndex(({ kind }) => kind !== 'slower');
  const gpus = results.findLastIndex(({ kind }) => kind !== 'faster');
  return {
    batch: group[0].batch,
    context: group[0].context,
    widths: sorted.map(({ width }) => width),
    cpu: side((cpus < 0 ? sorted.length : cpus) - 1, 'slower'),
    gpu: side(gpus + 1, 'faster'),
  };
}
