// Where the GPU overtakes the CPU: the widths between which the measured cells change sides.

import { outcome } from './claims.ts';
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
export function crossings({ cells }: Crossover, control: Control | null): Crossing[] {
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
