// Files that are whole or not there: written under another name, flushed to the disk, then renamed.

import { renameSync, rmSync } from 'node:fs';
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

/** All bytes of a file, of more than 2 GiB too, which fs.readFile refuses. */
export async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(bytes, at, Math.min(READ_PIECE, size - at), at);
      if (bytesRead === 0) break; // it has become shorter meanwhile
      at += bytesRead;
    }
    return at === size ? bytes : bytes.slice(0, at);
  } finally {
    await file.close();
  }
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
    ENOSPC: 'no space left on the device',
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
