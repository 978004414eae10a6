// Files in the browser's own storage (the origin private file system), written in a worker: whole, or not there.

import { StorageError } from '../../util/errors.ts';

/** What TypeScript's DOM does not declare, for workers alone have it. */
interface SyncAccessHandle {
  truncate(size: number): void;
  write(bytes: Uint8Array, options: { at: number }): number;
  flush(): void;
  close(): void;
}
interface WorkerFileHandle extends FileSystemFileHandle {
  createSyncAccessHandle?(): Promise<SyncAccessHandle>;
  /** Not in Chrome before 110 and Safari before 16. */
  move?(name: string): Promise<void>;
}

const TEMPORARY = '.tmp';
const ROOT = 'microgpt-runs';

/** The folder of all runs. Throws StorageError where the browser has none. */
export async function openRoot(): Promise<FileSystemDirectoryHandle> {
  const storage = navigator.storage as StorageManager | undefined;
  if (!isSecureContext) {
    throw new StorageError('Browsers keep files only for pages that come over https or from localhost.');
  }
  // Locks and random UUIDs came later than the folders, to Safari 15.4.
  if (storage?.getDirectory === undefined || !('locks' in navigator) || !('randomUUID' in crypto)) {
    throw new StorageError('This browser keeps no files for pages. Update it to have runs saved.');
  }
  try {
    return await (await storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });
  } catch (error) {
    throw storageError(error);
  }
}

/** Writes under another name, flushes, then renames. Throws StorageError; what was there before is still there then. */
export async function writeFile(
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const temporary = `${name}${TEMPORARY}`;
  try {
    const file: WorkerFileHandle = await folder.getFileHandle(temporary, { create: true });
    if (file.createSyncAccessHandle === undefined || file.move === undefined) {
      throw new StorageError('This browser cannot write files safely. Update it to have runs saved.');
    }
    const handle = await file.createSyncAccessHandle();
    try {
      handle.truncate(0);
      if (handle.write(bytes, { at: 0 }) < bytes.length) throw new DOMException('', 'QuotaExceededError');
      handle.flush();
    } finally {
      handle.close();
    }
    await file.move(name);
  } catch (error) {
    await removeFile(folder, temporary);
    throw storageError(error);
  }
}

/** Undefined where there is no such file. */
export async function readFile(
  folder: FileSystemDirectoryHandle,
  name: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = await fileOf(folder, name);
  return file && new Uint8Array(await file.arrayBuffer());
}

export async function fileOf(folder: FileSystemDirectoryHandle, name: string): Promise<File | undefined> {
  try {
    return await (await folder.getFileHandle(name)).getFile();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw storageError(error);
  }
}

export async function removeFile(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  await folder.removeEntry(name).catch(() => {}); // it is not there, or will be tidied away later
}

/** Names of the files in a folder, without those that are being written. */
export async function fileNames(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const names: string[] = [];
  for await (const [name, { kind }] of folder.entries()) {
    if (kind === 'file' && !name.endsWith(TEMPORARY)) names.push(name);
  }
  return names;
}

/** Removes what a tab that was closed left half-written. Only for who holds the run's lock. */
export async function tidy(folder: FileSystemDirectoryHandle): Promise<void> {
  const left: string[] = [];
  for await (const name of folder.keys()) if (name.endsWith(TEMPORARY)) left.push(name);
  for (const name of left) await removeFile(folder, name);
}

export function isNotFound(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'NotFoundError';
}

/** What a browser says of its storage, in words. */
export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  switch (name) {
    case 'QuotaExceededError':
      return new StorageError(
        'The space that the browser gives this page is full. Delete runs that you do not need, or free space on the disk.',
        { cause: error },
      );
    case 'SecurityError':
    case 'NotAllowedError':
      return new StorageError(
        'The browser keeps no files for this page: in a private window, or by its settings.',
        { cause: error },
      );
    default:
      return new StorageError(`The browser’s storage failed: ${message || name}.`, { cause: error });
  }
}
