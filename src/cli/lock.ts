// One writer per run directory: a file .lock that names the process that writes. A lock that its process has left behind
// is recognised and taken over.

import { lstatSync, readFileSync, readlinkSync, rmSync, unlinkSync, utimesSync } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '../util/errors.ts';
import { errorCode, reasonOf } from './files.ts';

export const LOCK_FILE = '.lock';

/** The holder touches its lock so often, in milliseconds. */
const HEARTBEAT = 30_000;
/** A lock whose process cannot be checked from here is stale after this long without a touch. */
const STALE = 10 * HEARTBEAT;
/** Likewise where this machine has rebooted since the last touch: only another machine of the same name could hold it. */
const REBOOTED_STALE = 2 * HEARTBEAT;
/** Between making the file and writing into it lies an instant; an empty lock older than this was left there. */
const EMPTY_STALE = 5_000;

/** A lock has some 150 bytes. What is larger is not one, and is not read. */
const MOST_BYTES = 4096;

/** A process, and the system in which its number is valid. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, where the system tells: process numbers are reused. */
  readonly started: string;
  /** The boot and the PID namespace (each container has its own) in which the number is valid, where the system tells. */
  readonly boot: string;
  readonly namespace: string;
}

export interface Lock {
  /** Throws CheckpointError where the lock is not there any more: the directory was moved away, exchanged, or taken over. */
  check(): void;
  release(): void;
}

/** A lock: who holds it, and until when, in milliseconds of Date.now(); Infinity if its process is alive. */
interface Found {
  readonly text: string;
  readonly holder: Holder | undefined;
  readonly touched: number;
  readonly until: number;
}

/**
 * Throws CheckpointError where another process is writing to `directory`, unless `force`, and where something other than a lock
 * has the lock's name.
 */
export async function lockDirectory(directory: string, force = false): Promise<Lock> {
  const path = join(directory, LOCK_FILE);
  const mine = JSON.stringify(holderOf(process.pid));
  if (force) removeLock(directory);
  while (!(await makeLock(path, mine))) {
    const found = findLock(directory);
    if (found === undefined) continue; // released meanwhile
    if (found.until > Date.now()) throw heldError(directory, found);
    await removeStale(path, found.text);
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
  const isMine = () => {
    try {
      return findLock(directory)?.text === mine;
    } catch {
      return false;
    }
  };
  const release = () => {
    clearInterval(heartbeat);
    process.off('exit', release);
    if (isMine()) rmSync(path, { force: true });
  };
  process.prependOnceListener('exit', release); // before claimDirectory's, which wants the directory empty
  const check = () => {
    if (isMine()) return;
    throw new CheckpointError(
      `${directory}: the run cannot be saved: the directory in which the training began was moved, removed, replaced or ` +
        'taken over by another process. Its checkpoints, if any, are where it is now.',
    );
  };
  return { check, release };
}

/** Who writes into `directory` now, in words, if anybody does. */
export async function writerOf(directory: string): Promise<string | undefined> {
  try {
    const found = findLock(directory);
    return found !== undefined && found.until > Date.now() ? inWords(found.holder) : undefined;
  } catch (error) {
    if (error instanceof CheckpointError) return undefined; // what is there is no lock, or not for us to read
    throw error;
  }
}

/** The lock of a directory, if there is one. Throws CheckpointError where something else has its name, or it cannot be read. */
function findLock(directory: string): Found | undefined {
  const path = join(directory, LOCK_FILE);
  try {
    const stats = lstatSync(path);
    if (!stats.isFile()) {
      const kind = stats.isSymbolicLink()
        ? 'a symbolic link'
        : stats.isDirectory()
          ? 'a directory'
          : 'a device or pipe';
      throw new CheckpointError(`${path}: expected a lock file, got ${kind}. Remove it.`);
    }
    const text = stats.size > MOST_BYTES ? '' : readFileSync(path, 'utf8');
    const holder = parseHolder(text);
    return { text, holder, touched: stats.mtimeMs, until: heldUntil(holder, stats.mtimeMs) };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(
      `${path}: this lock cannot be read: ${reasonOf(error)}. If no other process is writing to the directory, remove the lock or give --force.`,
      { cause: error },
    );
  }
}

/** Removes the lock, whoever holds it; of a link, the link and not its target. */
function removeLock(directory: string): void {
  const path = join(directory, LOCK_FILE);
  try {
    unlinkSync(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw new CheckpointError(`${path}: cannot be removed: ${reasonOf(error)}.`, { cause: error });
  }
}

/** False where the file exists. */
async function makeLock(path: string, content: string): Promise<boolean> {
  let file;
  try {
    file = await open(path, 'wx');
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    await file.writeFile(content);
  } catch (error) {
    rmSync(path, { force: true }); // a full disk has room for an empty file
    throw error;
  } finally {
    await file.close();
  }
  return true;
}

function heldUntil(holder: Holder | undefined, touched: number): number {
  if (holder === undefined) return touched + EMPTY_STALE;
  const { pid, host, started, boot, namespace } = holder;
  const here = holderOf(pid);
  if (host !== here.host) return touched + STALE;
  if (boot === here.boot && namespace === here.namespace) {
    return isAlive(pid) && here.started === started ? Infinity : -Infinity;
  }
  const rebooted = boot !== here.boot && touched < Date.now() - 1000 * uptime();
  return touched + (rebooted ? REBOOTED_STALE : STALE);
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
  const text = (await stat(aside)).size > MOST_BYTES ? '' : await readFile(aside, 'utf8');
  if (text === seen) await rm(aside);
  else await rename(aside, path);
}

function heldError(directory: string, { holder, touched, until }: Found): CheckpointError {
  const who = `${directory}: ${inWords(holder)} is writing to it`;
  if (until === Infinity) {
    return new CheckpointError(`${who}. Wait until it has ended, or choose another directory.`);
  }
  const now = Date.now();
  const seconds = (to: number) => `${Math.ceil(to / 1000)} s`;
  if (touched > now + STALE) {
    return new CheckpointError(
      `${who}, or was: whether it still runs cannot be checked from here, and its lock is dated ${seconds(touched - now)} ahead of this machine's clock. ` +
        'If it has ended, take the directory over with --force.',
    );
  }
  return new CheckpointError(
    `${who}, or was ${seconds(Math.max(0, now - touched))} ago: whether it still runs cannot be checked from here. ` +
      `If it has ended, the directory can be taken over in ${seconds(until - now)}, or at once with --force.`,
  );
}

function inWords(holder: Holder | undefined): string {
  return holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
}

function parseHolder(text: string): Holder | undefined {
  try {
    // Earlier versions wrote no boot and no namespace.
    const { pid, host, started, boot = '', namespace = '' } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined;
    if (typeof host !== 'string' || typeof started !== 'string') return undefined;
    if (typeof boot !== 'string' || typeof namespace !== 'string') return undefined;
    return { pid, host, started, boot, namespace };
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

/** The process `pid` of this system, as its lock would describe it. */
export function holderOf(pid: number): Holder {
  return {
    pid,
    host: hostname(),
    // Field 22; the name before it stands in brackets and may hold anything.
    started: told(() => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [state, ...others] = fields.slice(fields.lastIndexOf(')') + 2).split(' ');
      // Ended, and its parent has not asked how: in a container the first process may never do.
      return state === 'Z' || state === 'X' ? 'ended' : others[18];
    }),
    boot: told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    namespace: told(() => readlinkSync('/proc/self/ns/pid')),
  };
}

/** What the system tells; empty where it does not. */
function told(read: () => string | undefined): string {
  try {
    return read() ?? '';
  } catch {
    return '';
  }
}
