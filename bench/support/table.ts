// The table that `npm run bench` prints.

import type { Contestant, Timing } from './rounds.ts';
import { show } from './rounds.ts';

/** A contestant whose round gives microseconds, and what it does in them. */
export interface Row extends Contestant {
  /** True where a CPU plays the GPU. */
  readonly software: boolean;
  readonly work: {
    readonly flops: number;
    /** The least that must be moved from and to memory; absent where nobody counted. */
    readonly bytes?: number;
    /** Documents of a step, for the time per sample. */
    readonly samples?: number;
  };
}

/** Those of the rows that were timed, with rates from the median. */
export function* tableLines(rows: readonly Row[], timings: readonly Timing[]): Generator<string> {
  const line = (name: string, cells: readonly string[], note = '') =>
    `${name.padEnd(34)}${cells.map((cell, i) => cell.padStart(i === 0 ? 22 : 12)).join('')}  ${note}`.trimEnd();
  yield line('', ['µs: median ± MAD', 'shortest', 'µs/sample', 'GFLOP/s', 'GB/s']);
  for (const timing of timings) {
    const { index, name, median, rounds } = timing;
    const { software, work } = rows[index];
    const rate = (amount: number | undefined) =>
      amount === undefined ? '' : (amount / median / 1e3).toFixed(2);
    const shortest = Math.min(...rounds).toFixed(2);
    const sample = work.samples === undefined ? '' : (median / work.samples).toFixed(2);
    const cells = [show(timing), shortest, sample, rate(work.flops), rate(work.bytes)];
    yield line(name, cells, software ? 'software adapter, no GPU result' : '');
  }
}
