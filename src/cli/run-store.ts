// A run that is being trained, on the disk. Its state is saved as checkpoints, one file each in checkpoints/, of which the
// newest two and the best stay; at the end as the files of a run (run-files.ts). A checkpoint reported as written lasts
// through whatever happens to the process afterwards.

import { readdirSync, rmdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from '../train/checkpoint-file.ts';
import { RUN_FILES, type SavedModel, type SavedRun } from '../train/run-files.ts';
import { CheckpointError } from '../util/errors.ts';
import { errorCode, isTemporaryName, writeFileAtomically } from './files.ts';
import { lockDirectory, writerOf, type Lock } from './lock.ts';
import {
  CHECKPOINTS,
  isFile,
  readCheckpointFile,
  readModelFiles,
  readRunFiles,
  saving,
  writeRun,
} from './run-directory.ts';

/** How many of the newest checkpoints stay. */
const KEPT = 2;

interface Listed {
  readonly step: number;
  readonly path: string;
}

export class RunStore {
  readonly #directory: string;
  readonly #lock: Lock;
  /** Smoothed losses of the checkpoints that exist, by step. */
  readonly #losses = new Map<number, number>();

  private constructor(directory: string, lock: Lock) {
    this.#directory = directory;
    this.#lock = lock;
    process.prependOnceListener('exit', this.close);
  }

  /** Of a directory that exists. Throws CheckpointError where another process writes into it, unless `force`. */
  static async open(directory: string, force = false): Promise<RunStore> {
    const lock = await saving(directory, () => lockDirectory(directory, force));
    const store = new RunStore(directory, lock);
    try {
      await store.#tidy();
    } catch (error) {
      store.close();
      throw error;
    }
    return store;
  }

  /** When this is done, the checkpoint is on the disk. Gives its path. */
  async checkpoint(checkpoint: Checkpoint): Promise<string> {
    const folder = join(this.#directory, CHECKPOINTS);
    const { step } = checkpoint.state;
    const path = join(folder, fileName(step));
    await saving(this.#directory, async () => {
      this.#lock.check();
      await mkdir(folder).catch((error: unknown) => {
        if (errorCode(error) !== 'EEXIST') throw error;
      });
      await writeFileAtomically(path, await encodeCheckpoint(checkpoint));
    });
    this.#losses.set(step, checkpoint.smoothedLoss);
    await this.#prune();
    return path;
  }

  /** Whether a checkpoint has the state after `step`: then it is not known to stand in the files of the run. */
  holds(step: number): boolean {
    return this.#losses.has(step);
  }

  /** Writes the files of the run. They are five: a checkpoint holds the state until they all stand. */
  async finish(checkpoint: Checkpoint): Promise<void> {
    const path = await this.checkpoint(checkpoint);
    const { smoothedLoss: _, ...run } = checkpoint;
    await writeRun(this.#directory, run);
    await rm(path, { force: true });
    this.#losses.delete(checkpoint.state.step);
  }

  /** Ends the writing; the end of the process does too. */
  readonly close = (): void => {
    process.off('exit', this.close);
    try {
      rmdirSync(join(this.#directory, CHECKPOINTS));
    } catch {
      // rmdir refuses a directory that is not empty.
    }
    this.#lock.release();
  };

  /** Removes what a killed process left half-written, and reads how good the checkpoints are. */
  async #tidy(): Promise<void> {
    for (const folder of [this.#directory, join(this.#directory, CHECKPOINTS)]) {
      for (const name of listFolder(folder))
        if (isTemporaryName(name)) await rm(join(folder, name), { force: true });
    }
    for (const { step, path } of listCheckpoints(this.#directory)) {
      const loss = await readCheckpoint(path).then(
        ({ smoothedLoss }) => smoothedLoss,
        () => Infinity, // damaged
      );
      this.#losses.set(step, loss);
    }
  }

  async #prune(): Promise<void> {
    const steps = [...this.#losses.keys()].sort((a, b) => b - a);
    const best = steps.reduce((a, b) => (this.#losses.get(b)! < this.#losses.get(a)! ? b : a));
    for (const step of steps.slice(KEPT)) {
      if (step === best) continue;
      await rm(join(this.#directory, CHECKPOINTS, fileName(step)), { force: true });
      this.#losses.delete(step);
    }
  }
}

export interface Read<T> {
  readonly run: T;
  /** What was damaged or left out, one line each. */
  readonly notices: readonly string[];
}

/**
 * The newest whole state of the run at `path`, to go on with: a checkpoint, or a run's directory. Throws CheckpointError where
 * nothing whole is there.
 */
export function readNewest(path: string): Promise<Read<SavedRun>> {
  return newest(
    path,
    readRunFiles,
    ({ state }) => state.step,
    (checkpoint) => {
      const { smoothedLoss: _, ...run } = checkpoint;
      return run;
    },
  );
}

/** The newest whole model of the run at `path`, to draw samples from. Throws CheckpointError likewise. */
export function readNewestModel(path: string): Promise<Read<SavedModel>> {
  // Files that do not say of which step they are were put there by someone.
  return newest(
    path,
    readModelFiles,
    ({ step }) => step ?? Infinity,
    ({ config, tokenizer, state, random }) => {
      const { step, parameters } = state;
      return { config, tokenizer, step, parameters, random };
    },
  );
}

async function newest<T>(
  path: string,
  readFiles: (directory: string) => Promise<T>,
  stepOf: (run: T) => number,
  fromCheckpoint: (checkpoint: Checkpoint) => T,
): Promise<Read<T>> {
  if (await isFile(path)) return { run: fromCheckpoint(await readCheckpoint(path)), notices: [] };
  for (let tries = 1; ; tries++) {
    const found = await tryNewestOf(path, readFiles, stepOf, tries < READ_TRIES);
    if (found === undefined) continue;
    const { run, checkpoint, notices } = found;
    return { run: run ?? fromCheckpoint(checkpoint!), notices };
  }
}

/** Times that a reader begins anew because a checkpoint was replaced before it could be read. */
const READ_TRIES = 100;

/**
 * The newest whole state of the run in `directory`: its files, or a newer checkpoint. A damaged one is passed over with a
 * notice. Throws CheckpointError where nothing whole is there. Undefined where a training has replaced a checkpoint since they
 * were listed: there is a newer one now. With `again` false that is damage.
 */
async function tryNewestOf<T>(
  directory: string,
  readFiles: (directory: string) => Promise<T>,
  stepOf: (run: T) => number,
  again: boolean,
): Promise<{ run?: T; checkpoint?: Checkpoint; notices: readonly string[] } | undefined> {
  const notices: string[] = [];
  const files = await readTwice(directory, readFiles);
  const saved = files instanceof CheckpointError ? undefined : files;
  for (const { step, path } of listCheckpoints(directory)) {
    if (saved !== undefined && stepOf(saved) >= step) break;
    try {
      const checkpoint = await readCheckpoint(path);
      if (files instanceof CheckpointError && !isMissing(directory)) notices.push(files.message);
      const writer = await writerOf(directory);
      const state = writer === undefined ? 'the run was cut short' : `${writer} is writing to it`;
      notices.push(`${directory}: ${state}; its last checkpoint is that of step ${step}`);
      return { checkpoint, notices };
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      if (again && errorCode(error.cause) === 'ENOENT') return undefined;
      notices.push(error.message);
    }
  }
  if (saved !== undefined) return { run: saved, notices };
  const [first, ...older] = notices;
  if (first === undefined) throw files as CheckpointError;
  throw new CheckpointError(
    older.length === 0 ? first : `${first}\nOlder checkpoints are damaged as well: ${older.length}.`,
  );
}

/** The run that the files hold, or why they do not. They may be just about to be replaced, one after the other. */
async function readTwice<T>(
  directory: string,
  readFiles: (directory: string) => Promise<T>,
): Promise<T | CheckpointError> {
  const read = () =>
    readFiles(directory).catch((error: unknown) => {
      if (error instanceof CheckpointError) return error;
      throw error;
    });
  const first = await read();
  if (!(first instanceof CheckpointError) || isMissing(directory)) return first;
  await setTimeout(50);
  return read();
}

/** Throws CheckpointError where the file cannot be read or is damaged. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  return decodeCheckpoint(await readCheckpointFile(path), path);
}

/** Newest first. */
function listCheckpoints(directory: string): Listed[] {
  const folder = join(directory, CHECKPOINTS);
  const found: Listed[] = [];
  for (const name of listFolder(folder)) {
    const digits = /^step-(\d{9,15})\.safetensors$/.exec(name)?.[1];
    if (digits !== undefined) found.push({ step: Number(digits), path: join(folder, name) });
  }
  return found.sort((a, b) => b.step - a.step);
}

function fileName(step: number): string {
  return `step-${String(step).padStart(9, '0')}.safetensors`;
}

/** Names in a folder; none where it cannot be read. */
function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Whether none of a run's files is there: it was ended before it was saved for the first time. */
function isMissing(directory: string): boolean {
  const present = listFolder(directory);
  return !RUN_FILES.some((name) => present.includes(name));
}
