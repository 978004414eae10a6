// One writer per run directory: a file .lock that names the process that writes. A lock that its process has left behind
// is recognised and taken over.

import { readFileSync, rmSync, utimesSync } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '../util/errors.ts';
import { errorCode } from './files.ts';

export const LOCK_FILE = '.lock';

/** The holder touches its lock so often, in milliseconds. */
const HEARTBEAT = 30_000;
/** A lock of another machine, whose processes cannot be seen from here, is stale after so long without a touch. */
const STALE = 10 * HEARTBEAT;
/** Between making the file and writing into it lies an instant; an empty lock older than this was left there. */
const EMPTY_STALE = 5_000;

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, where the system tells: process numbers come again. */
  readonly started: string;
}

export interface Lock {
  /** Throws CheckpointError where the lock is not there any more: the directory was moved away, or exchanged. */
  check(): void;
  release(): void;
}

/** Throws CheckpointError where another process writes into `directory`. */
export async function lockDirectory(directory: string): Promise<Lock> {
  const path = join(directory, LOCK_FILE);
  const me: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  const mine = JSON.stringify(me);
  for (;;) {
    if (await makeLock(path, mine)) break;
    const seen = readIfThere(path);
    if (seen === undefined) continue; // released meanwhile
    const holder = parseHolder(seen);
    if (await isHeld(path, holder)) throw heldError(directory, holder);
    await removeStale(path, seen);
  }

  const heartbeat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // The directory is gone: the next checkpoint tells.
    }
  }, HEARTBEAT);
  heartbeat.unref();
  const release = () => {
    clearInterval(heartbeat);
    process.off('exit', release);
    if (readIfThere(path) === mine) rmSync(path, { force: true });
  };
  process.prependOnceListener('exit', release); // before claimDirectory's, which wants the directory empty
  const check = () => {
    if (readIfThere(path) === mine) return;
    throw new CheckpointError(
      `${directory}: the run cannot be saved: the directory in which the training began was moved, removed or replaced. ` +
        'Its checkpoints, if any, are where it is now.',
    );
  };
  return { check, release };
}

/** Who writes into `directory` now, in words, if anybody does. */
export async function writerOf(directory: string): Promise<string | undefined> {
  const path = join(directory, LOCK_FILE);
  const seen = readIfThere(path);
  if (seen === undefined) return undefined;
  const holder = parseHolder(seen);
  return (await isHeld(path, holder)) ? inWords(holder) : undefined;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** False where the file exists. */
async function makeLock(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function isHeld(path: string, holder: Holder | undefined): Promise<boolean> {
  const age = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (holder === undefined) return age < EMPTY_STALE;
  if (holder.host !== hostname()) return age < STALE;
  return isAlive(holder.pid) && startOf(holder.pid) === holder.started;
}

/** Takes a stale lock away; where another process has done so and made its own meanwhile, that one stays. */
async function removeStale(path: string, seen: string): Promise<void> {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) === seen) await rm(aside);
  else await rename(aside, path);
}

function heldError(directory: string, holder: Holder | undefined): CheckpointError {
  return new CheckpointError(
    `${directory}: ${inWords(holder)} is writing into it. Wait until it has ended, or choose another directory.`,
  );
}

function inWords(holder: Holder | undefined): string {
  return holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, started } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined;
    if (typeof host !== 'string' || typeof started !== 'string') return undefined;
    return { pid, host, started };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/** When a process began, in the system's own terms; empty where it does not tell. */
function startOf(pid: number): string {
  try {
    // Field 22; the name before it stands in brackets and may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return fields.slice(fields.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
