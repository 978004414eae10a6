// The directory of a sweep on the disk: sweep.json, sweep.svg, and the best model as a run. What is done is saved on the way,
// and the same sweep goes on from there.

import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { optionsOf, type ModelOptions } from '../config/config.ts';
import type { SavedRun } from '../train/run-files.ts';
import { decodeSweep, encodeSweep, type SavedSweep } from '../train/sweep-file.ts';
import { gridPoint, gridSize } from '../train/sweep-grid.ts';
import { plotSweep } from '../train/sweep-plot.ts';
import { doneBefore, type BestModel, type ModelResult, type SweepOutcome } from '../train/sweep.ts';
import { CheckpointError, ConfigError } from '../util/errors.ts';
import { errorCode, listIfThere, readRegular, reasonOf, writeFilesAtomically } from './files.ts';
import { listed, readRunFiles, writeRun } from './run-directory.ts';

const SWEEP_FILE = 'sweep.json';
const PLOT_FILE = 'sweep.svg';
const BEST_RUN = 'best';

/** Of sweep.json: some 200 bytes for each of at most 10,000 models. */
const MOST_BYTES = 2 ** 26;

/** What a directory must have been begun with. */
type Settings = Pick<SavedSweep, 'training' | 'axes'> & { readonly model: ModelOptions };

/** What an earlier sweep with the same settings has left. */
export interface Unfinished extends Pick<SavedSweep, 'data' | 'engine'> {
  /** Of the models that need no more training, in the order of the grid. */
  readonly known: readonly ModelResult[];
  /** The best of them, if it is there. */
  readonly best: SavedRun | undefined;
}

/**
 * What was left in `directory` of a sweep with these settings, if anything. Throws ConfigError where the directory has
 * something else that saving a sweep there would replace.
 */
export async function readUnfinished(directory: string, settings: Settings): Promise<Unfinished | undefined> {
  const present = await listed(directory);
  const holds = (what: string, advice = '') =>
    new ConfigError(`--out ${directory}: it already holds ${what}. Choose another directory${advice}.`);
  if (!present.includes(SWEEP_FILE)) {
    const clash = [PLOT_FILE, BEST_RUN].find((name) => present.includes(name));
    if (clash !== undefined) throw holds(`a sweep (${clash})`);
    return undefined;
  }
  const saved = await readSweep(join(directory, SWEEP_FILE));
  if (saved === undefined) throw holds(`a sweep (${SWEEP_FILE}) that cannot be read`);
  const others = differing(settings, saved);
  if (others.length > 0) {
    throw holds(`a sweep with other values of ${others.join(', ')}`, ', or give its values to resume it');
  }
  const { training, axes, data, engine } = saved;
  const known = doneBefore(saved.results, training.steps);
  const first = saved.results.find(({ index, diverged }) => !diverged && index < known.length);
  const best = first && (await readBest(directory, saved, first));
  if (known.length === gridSize(axes) && (first === undefined || best !== undefined)) {
    throw holds('this sweep, trained to its end');
  }
  return { data, engine, known, best };
}

/** Undefined where it is damaged, or no file. */
async function readSweep(path: string): Promise<SavedSweep | undefined> {
  try {
    return decodeSweep(await readRegular(path, MOST_BYTES), path);
  } catch (error) {
    if (error instanceof CheckpointError || errorCode(error) !== undefined) return undefined;
    throw error;
  }
}

/** The options whose values are others than the saved sweep's. */
function differing({ model, training, axes }: Settings, saved: SavedSweep): string[] {
  const [now, before] = [
    { ...model, ...training, ...axes },
    { ...saved.model, ...saved.training, ...saved.axes },
  ];
  // Of an axis the lists of values.
  const others = optionsOf('model', 'training').filter(
    ({ name }) => String(Reflect.get(now, name)) !== String(Reflect.get(before, name)),
  );
  return others.map(({ flag }) => `--${flag}`);
}

/** The run of `result`, the best model of `sweep`; undefined where the directory has none, or another one. */
async function readBest(
  directory: string,
  { training, axes, data }: SavedSweep,
  result: ModelResult,
): Promise<SavedRun | undefined> {
  const own = { ...training, ...gridPoint(axes, result.index) };
  try {
    const run = await readRunFiles(join(directory, BEST_RUN));
    const { config, state } = run;
    const same = Object.entries(own).every(([name, value]) => Reflect.get(config.training, name) === value);
    return same && state.step === result.step && config.data.sha256 === data.sha256 ? run : undefined;
  } catch (error) {
    if (error instanceof CheckpointError) return undefined;
    throw error;
  }
}

/** Milliseconds between two savings on the way; more where one takes long: they may take 1/20 of the time. */
const INTERVAL = 1000;
const SHARE = 20;

/** Saves a sweep as it goes, and when it ends. */
export class SweepSaver {
  readonly #directory: string;
  readonly #sweep: Omit<SavedSweep, 'results'>;
  readonly #runOf: (best: BestModel) => SavedRun;
  #next = 0;
  /** The model whose run was saved last. */
  #best: BestModel | undefined;

  constructor(directory: string, sweep: Omit<SavedSweep, 'results'>, runOf: (best: BestModel) => SavedRun) {
    this.#directory = directory;
    this.#sweep = sweep;
    this.#runOf = runOf;
  }

  /** Saves what is done so far, unless it did a moment ago. */
  async keep({ results, best }: SweepOutcome): Promise<void> {
    const start = performance.now();
    if (start < this.#next) return;
    await this.#saving(async () => {
      await writeFilesAtomically(this.#directory, { [SWEEP_FILE]: this.#encoded(results) });
      await this.#writeBest(best);
    });
    const now = performance.now();
    this.#next = now + Math.max(INTERVAL, SHARE * (now - start));
  }

  /** Saves the end of it. Gives the paths of what there is now. */
  async finish({ results, best }: SweepOutcome): Promise<string[]> {
    await this.#saving(async () => {
      const svg = new TextEncoder().encode(plotSweep({ ...this.#sweep, results }));
      await writeFilesAtomically(this.#directory, { [SWEEP_FILE]: this.#encoded(results), [PLOT_FILE]: svg });
      await this.#writeBest(best);
    });
    const present = await listIfThere(this.#directory);
    const names = [SWEEP_FILE, PLOT_FILE, BEST_RUN].filter((name) => present.includes(name));
    return names.map((name) => join(this.#directory, name));
  }

  #encoded(results: readonly ModelResult[]): Uint8Array {
    return encodeSweep({ ...this.#sweep, results });
  }

  /** As a whole: files of two runs must never stand together. */
  async #writeBest(best: BestModel | undefined): Promise<void> {
    if (best === undefined || best === this.#best) return;
    const path = join(this.#directory, BEST_RUN);
    const fresh = join(this.#directory, `.${BEST_RUN}.tmp`);
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh);
    await writeRun(fresh, this.#runOf(best));
    await rm(path, { recursive: true, force: true });
    await rename(fresh, path);
    this.#best = best;
  }

  async #saving(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      const reason = reasonOf(error);
      throw new CheckpointError(`${this.#directory}: the sweep cannot be saved: ${reason}.`, {
        cause: error,
      });
    }
  }
}
