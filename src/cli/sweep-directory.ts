// The directory of a sweep on the disk: sweep.json, sweep.svg, and the best model as a run.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SavedRun } from '../train/run-files.ts';
import { encodeSweep, type SavedSweep } from '../train/sweep-file.ts';
import { plotSweep } from '../train/sweep-plot.ts';
import { CheckpointError, ConfigError } from '../util/errors.ts';
import { errorCode, reasonOf, writeFilesAtomically } from './files.ts';
import { listed, writeRun } from './run-directory.ts';

const SWEEP_FILE = 'sweep.json';
const PLOT_FILE = 'sweep.svg';
const BEST_RUN = 'best';

/** Throws ConfigError where `directory` has something that saving a sweep there would replace. */
export async function checkNoSweep(directory: string): Promise<void> {
  const present = await listed(directory);
  const clash = [SWEEP_FILE, PLOT_FILE, BEST_RUN].find((name) => present.includes(name));
  if (clash === undefined) return;
  throw new ConfigError(`--out ${directory}: it already holds a sweep (${clash}). Choose another directory.`);
}

/** Writes what a sweep has found; `best` is missing where every model diverged. Gives the paths written. */
export async function writeSweep(
  directory: string,
  sweep: SavedSweep,
  best: SavedRun | undefined,
): Promise<string[]> {
  const run = join(directory, BEST_RUN);
  try {
    if (best !== undefined) {
      await mkdir(run);
      await writeRun(run, best);
    }
    const svg = new TextEncoder().encode(plotSweep(sweep));
    await writeFilesAtomically(directory, { [SWEEP_FILE]: encodeSweep(sweep), [PLOT_FILE]: svg });
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    throw new CheckpointError(`${directory}: the sweep cannot be saved: ${reasonOf(error)}.`, {
      cause: error,
    });
  }
  return [join(directory, SWEEP_FILE), join(directory, PLOT_FILE), ...(best === undefined ? [] : [run])];
}
