// Files that are whole or not there: written under another name, flushed to the disk, then renamed.

import { constants, renameSync, rmSync, type Stats } from 'node:fs';
import { open, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes all `files` into `directory`, which exists. None appears before all have been written, and where the process
 * is ended meanwhile (a second Ctrl-C) nothing stays behind.
 */
export async function writeFilesAtomically(
  directory: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<void> {
  const names = Object.keys(files);
  const temporary = (name: string) => join(directory, temporaryName(name));
  const cleanUp = () => {
    for (const name of names) rmSync(temporary(name), { force: true });
  };
  process.prependOnceListener('exit', cleanUp); // before claimDirectory's, which wants the directory empty
  try {
    for (const name of names) await writeFlushed(temporary(name), files[name]);
    // At one go: a signal's handler cannot end the process in between.
    for (const name of names) renameSync(temporary(name), join(directory, name));
  } catch (error) {
    cleanUp();
    throw error;
  } finally {
    process.off('exit', cleanUp);
  }
  await flushDirectory(directory);
}

/** The names in a directory; none where there is no such directory. Throws what the system says where it cannot be read. */
export async function listIfThere(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** Writes one file: after this it is there as a whole, through a power cut too; before, what was there is. */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), temporaryName(basename(path)));
  const cleanUp = () => rmSync(temporary, { force: true });
  process.prependOnceListener('exit', cleanUp);
  try {
    await writeFlushed(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    cleanUp();
    throw error;
  } finally {
    process.off('exit', cleanUp);
  }
  await flushDirectory(dirname(path));
}

function temporaryName(name: string): string {
  return `.${name}.${process.pid}.tmp`;
}

/** Whether a file of this name is what a killed process left of its writing. */
export function isTemporaryName(name: string): boolean {
  return /^\..+\.\d+\.tmp$/.test(name);
}

/** The largest piece that one read gives. */
const READ_PIECE = 1 << 30;

/** An error for something that is not a regular file, or is too large; it has a code, as system errors do. */
function unsuitable(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/**
 * All bytes of a regular file, of more than 2 GiB too, which fs.readFile refuses. Throws, before anything is read, where it is
 * something else (a device or a pipe may never end, or never begin) or has more than `most` bytes. `check` may look at
 * the beginning: it is given a function that reads more of it, and the size.
 */
export async function readRegular(
  path: string,
  most = Infinity,
  check?: (head: (bytes: number) => Promise<Uint8Array>, size: number) => Promise<void>,
): Promise<Uint8Array<ArrayBuffer>> {
  // O_NONBLOCK: opening a pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await file.stat();
    const other = otherThanFile(stats);
    if (other !== undefined) throw unsuitable('NOT_A_FILE', other);
    const { size } = stats;
    if (size > most) throw unsuitable('TOO_LARGE', `expected at most ${most} bytes, got ${size}`);
    const read = async (end: number) => {
      const bytes = new Uint8Array(end);
      let at = 0;
      while (at < end) {
        const { bytesRead } = await file.read(bytes, at, Math.min(READ_PIECE, end - at), at);
        if (bytesRead === 0) break; // it has become shorter meanwhile
        at += bytesRead;
      }
      return at === end ? bytes : bytes.slice(0, at);
    };
    await check?.(read, size);
    return await read(size);
  } finally {
    await file.close();
  }
}

/** In words, what something is that is not a regular file. */
export function otherThanFile(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'it is a directory';
  return stats.isFIFO() || stats.isSocket() ? 'it is a pipe' : 'it is a device';
}

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the renames last through a power cut. Windows cannot open a directory, and needs no such thing. */
async function flushDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What went wrong with a file, in words. */
export function reasonOf(error: unknown): string {
  const code = errorCode(error);
  const known: Record<string, string> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EPERM: 'not permitted',
    EISDIR: 'it is a directory',
    ENOTDIR: 'a part of the path is not a directory',
    EEXIST: 'a file of that name exists',
    EROFS: 'the file system is read-only',
    ENOSPC: 'no space left on device',
    EDQUOT: 'disk quota exceeded',
    EFBIG: 'the file is too large for its file system',
    ENXIO: 'it is a socket',
    ENAMETOOLONG: 'the name is too long',
    ELOOP: 'too many symbolic links',
  };
  if (code !== undefined && Object.hasOwn(known, code)) return known[code];
  return error instanceof Error ? error.message : String(error);
}

/** Node's code of a system error, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
