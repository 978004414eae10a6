// What the room Runs does with the runs that the browser keeps: a worker, for workers alone can write files everywhere.

import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from '../../train/checkpoint-file.ts';
import { readDocuments } from '../../data/documents.ts';
import { LossSmoother } from '../../train/progress.ts';
import { decodeRun, encodeRun, RUN_FILES, type RunFileName, type RunFiles } from '../../train/run-files.ts';
import { CheckpointError, DataError } from '../../util/errors.ts';
import { checkSafetensors } from '../store/foreign.ts';
import { openRoot, storageError } from '../store/files.ts';
import { listRuns, readNewest, readText, removeRun, renameRun, RunFolder } from '../store/runs.ts';
import { checkSameText, documentsOf, knownText } from '../store/texts.ts';
import type { StoreCall, StoreOperations, StoreReply } from '../store/operations.ts';
import { errorMessage } from './errors.ts';

const operations: StoreOperations = {
  list: listRuns,
  rename: renameRun,
  remove: removeRun,

  async checkpoint(id) {
    const { checkpoint, notices } = await readNewest(id);
    return { file: new Blob([await encodeCheckpoint(checkpoint)]), notices };
  },

  async saveInto(id, directory) {
    for (const name of RUN_FILES) {
      const there = await directory.getFileHandle(name).catch(() => undefined);
      if (there === undefined) continue;
      throw new CheckpointError(
        `${directory.name}: it already holds a run (${name}). Choose another folder.`,
      );
    }
    const { checkpoint, notices } = await readNewest(id);
    const { smoothedLoss: _, ...run } = checkpoint;
    try {
      for (const [name, bytes] of Object.entries(encodeRun(run))) {
        const file = await directory.getFileHandle(name, { create: true });
        const stream = await file.createWritable();
        await stream.write(bytes as Uint8Array<ArrayBuffer>);
        await stream.close();
      }
    } catch (error) {
      throw storageError(error);
    }
    return notices;
  },

  async text(id) {
    const { details, stored } = await readText(id);
    const documents = documentsOf(details.text, stored, 'text.txt');
    return documents && new Blob([`${documents.join('\n')}\n`]);
  },

  async giveText(id, file) {
    const documents = readDocuments(new Uint8Array(await file.arrayBuffer()), file.name);
    const run = await RunFolder.open(id);
    try {
      const { checkpoint } = await run.read();
      await checkSameText(documents, checkpoint.config.data, file.name);
      await run.writeText(new TextEncoder().encode(`${documents.join('\n')}\n`));
      const { name } = await run.readDetails();
      await run.writeDetails({ name, text: { kind: 'stored' } });
    } finally {
      run.release();
    }
  },

  async importRun(files) {
    await openRoot(); // where nothing can be kept, that comes first
    const checkpoint = await readFiles(files);
    const text = await knownText(checkpoint.config.data);
    const run = await RunFolder.create({
      name: files.length === 1 ? withoutEnding(files[0].name) : '',
      text,
    });
    try {
      await run.save(checkpoint);
    } finally {
      run.release();
    }
    return run.id;
  },
};

/** Of a checkpoint's file, or of the files of a run's directory. */
async function readFiles(files: readonly File[]): Promise<Checkpoint> {
  const read = async (file: File) => new Uint8Array(await file.arrayBuffer());
  if (files.length === 1 && !(RUN_FILES as readonly string[]).includes(files[0].name)) {
    const [{ name }] = files;
    const bytes = await read(files[0]);
    checkSafetensors(bytes, name);
    return decodeCheckpoint(bytes, name);
  }
  const parts: Partial<Record<RunFileName, Uint8Array>> = {};
  for (const name of RUN_FILES) {
    const file = files.find((other) => other.name === name);
    if (file === undefined) {
      throw new DataError(
        `${name} is not among the files. Choose one checkpoint, or these files of a run together: ${RUN_FILES.join(', ')}.`,
      );
    }
    parts[name] = await read(file);
  }
  const run = decodeRun(parts as RunFiles, 'import');
  const smoother = new LossSmoother();
  for (let i = 0; i < run.losses.length; i++) smoother.add(run.losses[i]);
  return { ...run, smoothedLoss: smoother.mean };
}

function withoutEnding(name: string): string {
  return name.replace(/\.safetensors$/, '');
}

self.addEventListener('message', ({ data }: MessageEvent<StoreCall>) => {
  const { call, name, args } = data;
  const reply = (message: StoreReply) => self.postMessage(message, { transfer: [] });
  const operation = operations[name] as (...given: readonly unknown[]) => Promise<unknown>;
  operation(...args).then(
    (result) => reply({ call, result }),
    (error: unknown) => reply({ call, error: errorMessage(error).message }),
  );
});
