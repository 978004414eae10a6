// Run directories on the disk: reading one, making sure that one can be written, writing it.

import { rmdirSync } from 'node:fs';
import { mkdir, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { countParameters } from '../model/parameters.ts';
import { peekCheckpoint } from '../train/checkpoint-file.ts';
import { METRICS_LIMIT } from '../train/metrics-file.ts';
import {
  decodeConfig,
  decodeModel,
  decodeRun,
  encodeRun,
  RUN_FILES,
  type ModelFiles,
  type RunFileName,
  type RunFiles,
  type SavedModel,
  type SavedRun,
} from '../train/run-files.ts';
import { headerEnd, readLayout } from '../train/safetensors.ts';
import { readText } from '../train/saved-file.ts';
import { CheckpointError, ConfigError } from '../util/errors.ts';
import { shellQuote } from './arguments.ts';
import {
  errorCode,
  isTemporaryName,
  listIfThere,
  readRegular,
  reasonOf,
  writeFilesAtomically,
} from './files.ts';
import { lockDirectory } from './lock.ts';

/** Folder of a run's checkpoints: see run-store.ts. */
export const CHECKPOINTS = 'checkpoints';

const WHAT_TO_DO = 'Expected a directory that `microgpt train --out DIR` has written.';

/** Whether there is a file at `path`: a checkpoint, where a run is expected. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Beside the numbers a safetensors file of ours has a header. */
const ROOM = 2 ** 25;

/** The most bytes that a file may have. Of numbers twice as many as we write: what does not belong there can be named. */
function mostBytes(name: RunFileName, parameters: number): number {
  switch (name) {
    case 'config.json':
      return 2 ** 20;
    case 'tokenizer.json':
      return 2 ** 25; // all of Unicode
    case 'metrics.jsonl':
      return 100 * METRICS_LIMIT;
    case 'model.safetensors':
      return ROOM + 2 * 8 * parameters;
    case 'optimizer.safetensors':
      return ROOM + 2 * 16 * parameters;
  }
}

/** The files `names` of a run. Throws CheckpointError where one cannot be read, unless it is among `optional`. */
async function readFiles(
  directory: string,
  names: readonly RunFileName[],
  optional: readonly RunFileName[] = [],
): Promise<Partial<Record<RunFileName, Uint8Array>>> {
  try {
    if (!(await stat(directory)).isDirectory()) {
      throw new CheckpointError(`${directory}: it is not a directory. ${WHAT_TO_DO}`);
    }
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(`${directory}: ${reasonOf(error)}. ${WHAT_TO_DO}`, { cause: error });
  }
  const files: Partial<Record<RunFileName, Uint8Array>> = {};
  let parameters = 0;
  for (const name of names) {
    const path = join(directory, name);
    try {
      const bytes = await readRunFile(path, mostBytes(name, parameters));
      files[name] = bytes;
      if (name === 'config.json')
        parameters = countParameters(decodeConfig(readText(bytes, path), path).model);
    } catch (error) {
      if (!(error instanceof CheckpointError && optional.includes(name))) throw error;
    }
  }
  return files;
}

/** The run that the files of `directory` hold. Throws CheckpointError where there is none or it is damaged. */
export async function readRunFiles(directory: string): Promise<SavedRun> {
  return decodeRun((await readFiles(directory, RUN_FILES)) as RunFiles, directory);
}

/** What samples are drawn from. Throws CheckpointError likewise. */
export async function readModelFiles(directory: string): Promise<SavedModel> {
  const names = RUN_FILES.filter((name) => name !== 'metrics.jsonl');
  return decodeModel((await readFiles(directory, names, ['optimizer.safetensors'])) as ModelFiles, directory);
}

/** A checkpoint's file. Throws CheckpointError, before its numbers are read, where its head or its size is not that of one. */
export function readCheckpointFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return readRunFile(path, Infinity, async (size, head) => {
    const { config } = peekCheckpoint(head, path);
    const most = ROOM + 2 * 24 * countParameters(config.model) + 8 * METRICS_LIMIT;
    if (size > most)
      throw new CheckpointError(`${path}: expected at most ${most} bytes, got ${size}. ${WHAT_TO_DO}`);
  });
}

/** Throws CheckpointError. Of a safetensors file the header is looked at before the numbers are read, by `check` too. */
async function readRunFile(
  path: string,
  most: number,
  check?: (size: number, head: Uint8Array) => Promise<void>,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readRegular(path, most, async (read, size) => {
      if (!path.endsWith('.json') && !path.endsWith('.jsonl')) {
        const head = await read(headerEnd(await read(Math.min(8, size)), size, path));
        readLayout(head, size, path);
        await check?.(size, head);
      }
    });
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(`${path}: ${reasonOf(error)}. ${WHAT_TO_DO}`, { cause: error });
  }
}

/** Writes `run` over what the directory holds of an earlier state of it. */
export async function writeRun(directory: string, run: SavedRun): Promise<void> {
  await saving(directory, () => writeFilesAtomically(directory, encodeRun(run)));
}

/** Does what writes into `directory`. Throws CheckpointError where the system refuses. */
export async function saving<T>(directory: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof CheckpointError || errorCode(error) === undefined) throw error;
    const before = await holdsRun(directory);
    const kept = before ? 'What was saved before is still there.' : 'Nothing was saved before.';
    throw new CheckpointError(
      `${directory}: the run cannot be saved: ${reasonOf(error)}.${before === undefined ? '' : ` ${kept}`}`,
      { cause: error },
    );
  }
}

/** Whether a run or a checkpoint of one is in `directory`; undefined where that cannot be told. */
async function holdsRun(directory: string): Promise<boolean | undefined> {
  try {
    const present = await listIfThere(directory);
    if (RUN_FILES.some((name) => present.includes(name))) return true;
    const checkpoints = await listIfThere(join(directory, CHECKPOINTS));
    return checkpoints.some((name) => !isTemporaryName(name));
  } catch {
    return undefined;
  }
}

/** Throws ConfigError where `directory` has a file that saving a run there would replace. */
export async function checkNoRun(directory: string): Promise<void> {
  const present = await listed(directory);
  const clash = [...RUN_FILES, CHECKPOINTS].find((name) => present.includes(name));
  if (clash === undefined) return;
  throw new ConfigError(
    `--out ${directory}: it already holds a run (${clash}). ` +
      `Resume that one with --resume ${shellQuote(directory)}, or choose another directory.`,
  );
}

/** What is in a directory that is to be written into. Throws CheckpointError where that cannot be told. */
export async function listed(directory: string): Promise<string[]> {
  try {
    return await listIfThere(directory);
  } catch (error) {
    throw new CheckpointError(
      `--out ${directory}: what is there cannot be read: ${reasonOf(error)}. Choose another directory.`,
      { cause: error },
    );
  }
}

/** A directory for a new run. */
export interface ClaimedDirectory {
  /** Removes what was made for it, if it is still empty. The end of the process does too. */
  release(): void;
}

/**
 * Makes `directory` and tries to write into it, so that a long training does not end in an error.
 * Throws CheckpointError where it cannot.
 */
export async function claimDirectory(directory: string): Promise<ClaimedDirectory> {
  const made: string[] = [];
  const release = () => {
    process.off('exit', release);
    try {
      for (const path of made.toReversed()) rmdirSync(path);
    } catch {
      // rmdir refuses a directory that is not empty any more.
    }
  };
  process.once('exit', release);
  try {
    for (const path of await missingDirectories(resolve(directory))) {
      if (await makeDirectory(path)) made.push(path);
    }
    await checkWritable(directory);
  } catch (error) {
    release();
    throw new CheckpointError(
      `--out ${directory}: nothing can be written there: ${reasonOf(error)}. Choose another directory.`,
      { cause: error },
    );
  }
  return { release };
}

/** Gives false where another process has made it a moment before. */
async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    return false;
  }
}

/**
 * A directory for something new that this process alone writes into, until it is released. `check` looks whether it would
 * replace anything: before the directory is made, and again when nobody else can. Throws what `check` does, and
 * CheckpointError where another process writes there, unless `force`, or nothing can be written.
 */
export async function claimAlone(
  directory: string,
  check: () => Promise<void>,
  force = false,
): Promise<ClaimedDirectory> {
  await check();
  const claimed = await claimDirectory(directory);
  try {
    const lock = await lockDirectory(directory, force);
    const release = () => {
      lock.release();
      claimed.release();
    };
    try {
      await check();
    } catch (error) {
      lock.release();
      throw error;
    }
    return { release };
  } catch (error) {
    claimed.release();
    throw error;
  }
}

/**
 * Those of `path` and the directories above it that do not exist, outermost first. Instead of mkdir's own
 * `recursive`, which never ends where a file system says ENOENT to a new directory (Node 20, /proc).
 */
async function missingDirectories(path: string): Promise<string[]> {
  try {
    await stat(path);
    return [];
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || path === dirname(path)) throw error;
    return [...(await missingDirectories(dirname(path))), path];
  }
}

/** Throws CheckpointError where the files of a run that goes on could not be replaced. */
export async function checkWritableRun(directory: string): Promise<void> {
  try {
    await checkWritable(directory);
  } catch (error) {
    throw new CheckpointError(
      `--resume ${directory}: nothing can be written there: ${reasonOf(error)}. ` +
        'Make it writable, or copy it to another place.',
      { cause: error },
    );
  }
}

/** Tries it: permissions alone do not tell of read-only file systems and full disks. */
async function checkWritable(directory: string): Promise<void> {
  const probe = await mkdtemp(join(directory, '.microgpt-'));
  await rmdir(probe);
}
