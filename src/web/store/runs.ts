// The runs that the browser keeps, a folder each:
//
//   run.json                    its name, and where its text is
//   text.txt                    its text, where that is the reader's own
//   step-000001234.safetensors  checkpoints (train/checkpoint-file.ts), the newest two
//
// What a run is, how far it has come and how large it is, the checkpoints tell.

import * as v from 'valibot';
import { TOY_NAMES } from '../../data/toy-tasks.ts';
import {
  decodeCheckpoint,
  encodeCheckpoint,
  peekCheckpoint,
  type Checkpoint,
} from '../../train/checkpoint-file.ts';
import type { RunConfig } from '../../train/run-files.ts';
import { parseJson } from '../../train/saved-file.ts';
import { CheckpointError } from '../../util/errors.ts';
import {
  fileNames,
  fileOf,
  isNotFound,
  openRoot,
  readFile,
  removeFile,
  storageError,
  tidy,
  writeFile,
} from './files.ts';
import { lockedRuns, lockRun } from './lock.ts';

const DETAILS_FILE = 'run.json';
const TEXT_FILE = 'text.txt';
/** How many checkpoints stay: were the newest damaged, the run would go on from the one before. */
const KEPT = 2;
/** Enough for the head of a checkpoint with a large vocabulary; a longer one is read in a second try. */
const HEAD_BYTES = 1 << 16;

const DETAILS = v.object({
  format: v.literal('microgpt-page-run-1'),
  name: v.string(),
  /** `stored`: in text.txt. `missing`: not here, and wanted before the training can go on. */
  text: v.variant('kind', [
    v.object({ kind: v.picklist(['builtin', 'stored', 'missing']) }),
    v.object({ kind: v.literal('toy'), task: v.picklist(TOY_NAMES) }),
  ]),
});

export type RunDetails = Omit<v.InferOutput<typeof DETAILS>, 'format'>;

/** A line of the list. */
export interface StoredRun extends RunDetails {
  readonly id: string;
  readonly config: RunConfig;
  readonly step: number;
  readonly smoothedLoss: number;
  /** When it was last saved, in milliseconds since 1970. */
  readonly savedAt: number;
  /** Of its files, in bytes. */
  readonly size: number;
  /** Whether a tab has it open. */
  readonly locked: boolean;
}

/** A folder that holds nothing whole. */
export interface DamagedRun {
  readonly id: string;
  readonly size: number;
  readonly locked: boolean;
  readonly problem: string;
}

export interface RunList {
  /** The newest first. */
  readonly runs: readonly StoredRun[];
  readonly damaged: readonly DamagedRun[];
}

export interface ReadCheckpoint {
  readonly checkpoint: Checkpoint;
  /** What was damaged and passed over, a line each. */
  readonly notices: readonly string[];
}

/** A run whose lock this worker holds. */
export class RunFolder {
  readonly id: string;
  readonly #folder: FileSystemDirectoryHandle;
  readonly release: () => void;

  private constructor(id: string, folder: FileSystemDirectoryHandle, release: () => void) {
    this.id = id;
    this.#folder = folder;
    this.release = release;
  }

  static async create(details: RunDetails, text?: Uint8Array): Promise<RunFolder> {
    const root = await openRoot();
    const id = crypto.randomUUID();
    const release = await lockRun(id);
    if (release === undefined) throw new CheckpointError(`${id}: another tab writes to this run.`);
    try {
      const run = new RunFolder(id, await root.getDirectoryHandle(id, { create: true }), release);
      if (text !== undefined) await writeFile(run.#folder, TEXT_FILE, text);
      await run.writeDetails(details);
      return run;
    } catch (error) {
      await root.removeEntry(id, { recursive: true }).catch(() => {});
      release();
      throw storageError(error);
    }
  }

  /** Throws CheckpointError where another tab has it open. */
  static async open(id: string): Promise<RunFolder> {
    const folder = await folderOf(id);
    const release = await lockRun(id);
    if (release === undefined) {
      throw new CheckpointError(
        'This run is open in another tab, and one tab at a time can write to it. Go on there, or press Reset there first.',
      );
    }
    await tidy(folder);
    return new RunFolder(id, folder, release);
  }

  async writeDetails(details: RunDetails): Promise<void> {
    await writeFile(this.#folder, DETAILS_FILE, encodeDetails(details));
  }

  readDetails(): Promise<RunDetails> {
    return readDetails(this.#folder);
  }

  async writeText(text: Uint8Array): Promise<void> {
    await writeFile(this.#folder, TEXT_FILE, text);
  }

  readText(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return readFile(this.#folder, TEXT_FILE);
  }

  /** When this is done, the checkpoint is in the browser's storage, and the two newest are. */
  async save(checkpoint: Checkpoint): Promise<void> {
    const name = `step-${String(checkpoint.state.step).padStart(9, '0')}.safetensors`;
    await writeFile(this.#folder, name, await encodeCheckpoint(checkpoint));
    // Later ones are of a state that the run has gone back from.
    const names = await checkpointNames(this.#folder);
    const at = names.indexOf(name);
    for (const other of [...names.slice(0, at), ...names.slice(at + KEPT)])
      await removeFile(this.#folder, other);
  }

  read(): Promise<ReadCheckpoint> {
    return readCheckpoint(this.#folder);
  }
}

/** The newest whole checkpoint of a run. A damaged one is passed over with a notice. Throws CheckpointError. */
export async function readNewest(id: string): Promise<ReadCheckpoint> {
  return readCheckpoint(await folderOf(id));
}

/** A run's details, and its own text, where it has one. */
export async function readText(
  id: string,
): Promise<{ details: RunDetails; stored: Uint8Array<ArrayBuffer> | undefined }> {
  const folder = await folderOf(id);
  return { details: await readDetails(folder), stored: await readFile(folder, TEXT_FILE) };
}

/** Throws CheckpointError, which says where it is open, or StorageError. */
export async function removeRun(id: string): Promise<void> {
  const release = await lockRun(id);
  if (release === undefined) {
    throw new CheckpointError('This run is open in another tab. Press Reset there, then delete it.');
  }
  try {
    await (await openRoot()).removeEntry(id, { recursive: true });
  } catch (error) {
    if (!isNotFound(error)) throw storageError(error);
  } finally {
    release();
  }
}

export async function renameRun(id: string, name: string): Promise<void> {
  const folder = await folderOf(id);
  await writeFile(folder, DETAILS_FILE, encodeDetails({ ...(await readDetails(folder)), name }));
}

export async function listRuns(): Promise<RunList> {
  const root = await openRoot();
  const locked = await lockedRuns();
  const runs: StoredRun[] = [];
  const damaged: DamagedRun[] = [];
  for await (const [id, entry] of root.entries()) {
    if (entry.kind !== 'directory') continue;
    try {
      const line = await summary(id, entry, locked.has(id));
      if ('problem' in line) damaged.push(line);
      else runs.push(line);
    } catch (error) {
      if (!isNotFound(error)) throw error; // removed meanwhile
    }
  }
  return { runs: runs.sort((a, b) => b.savedAt - a.savedAt), damaged };
}

async function summary(
  id: string,
  folder: FileSystemDirectoryHandle,
  locked: boolean,
): Promise<StoredRun | DamagedRun> {
  let size = 0;
  for (const name of await fileNames(folder)) size += (await fileOf(folder, name))?.size ?? 0;
  const details = await readDetails(folder);
  let problem = 'It was closed before anything was saved.';
  for (const name of await checkpointNames(folder)) {
    const file = await fileOf(folder, name);
    if (file === undefined) continue;
    try {
      const { config, step, smoothedLoss } = await peek(file, name);
      return { id, ...details, config, step, smoothedLoss, savedAt: file.lastModified, size, locked };
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      problem = error.message;
    }
  }
  return { id, size, locked, problem };
}

async function peek(file: File, name: string): Promise<ReturnType<typeof peekCheckpoint>> {
  const head = async (size: number) => new Uint8Array(await file.slice(0, size).arrayBuffer());
  const first = await head(HEAD_BYTES);
  const length = first.length < 8 ? 0 : Number(new DataView(first.buffer).getBigUint64(0, true));
  return peekCheckpoint(8 + length <= first.length ? first : await head(8 + length), name);
}

async function readDetails(folder: FileSystemDirectoryHandle): Promise<RunDetails> {
  return decodeDetails(await readFile(folder, DETAILS_FILE));
}

export function encodeDetails(details: RunDetails): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify({ format: 'microgpt-page-run-1', ...details }));
}

/** Details that are damaged cost the name, not the run: its text is asked for again. */
export function decodeDetails(bytes: Uint8Array | undefined): RunDetails {
  try {
    const { name, text } = parseJson(DETAILS, new TextDecoder().decode(bytes), DETAILS_FILE);
    return { name, text };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return { name: '', text: { kind: 'missing' } };
  }
}

async function readCheckpoint(folder: FileSystemDirectoryHandle): Promise<ReadCheckpoint> {
  const notices: string[] = [];
  for (const name of await checkpointNames(folder)) {
    const bytes = await readFile(folder, name);
    if (bytes === undefined) continue; // replaced by a newer one meanwhile
    try {
      const checkpoint = await decodeCheckpoint(bytes, name);
      const { step } = checkpoint.state;
      if (notices.length > 0) notices.push(`The run goes on from step ${step}, the one saved before.`);
      return { checkpoint, notices };
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      notices.push(error.message);
    }
  }
  throw new CheckpointError(notices[0] ?? 'This run was closed before anything was saved: delete it.');
}

/** Newest first. */
async function checkpointNames(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const names = await fileNames(folder);
  return names
    .filter((name) => /^step-\d{9,15}\.safetensors$/.test(name))
    .sort((a, b) => stepOf(b) - stepOf(a));
}

function stepOf(name: string): number {
  return Number(/\d+/.exec(name));
}

async function folderOf(id: string): Promise<FileSystemDirectoryHandle> {
  try {
    return await (await openRoot()).getDirectoryHandle(id);
  } catch (error) {
    if (isNotFound(error)) throw new CheckpointError('This run is not there any more: it was deleted.');
    throw storageError(error);
  }
}
