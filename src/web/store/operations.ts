// What can be done with the runs that the browser keeps. Each rejects with a MicrogptError that says why it cannot.

import type { RunList } from './runs.ts';

export interface StoreOperations {
  list(): Promise<RunList>;
  rename(id: string, name: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** The newest whole checkpoint, and what was damaged. */
  checkpoint(id: string): Promise<{ file: Blob; notices: readonly string[] }>;
  /** Writes the files of a run into a folder of the reader's. Gives what was damaged. */
  saveInto(id: string, directory: FileSystemDirectoryHandle): Promise<readonly string[]>;
  /** Its documents, one a line; undefined where they are not here. */
  text(id: string): Promise<Blob | undefined>;
  /** Of a run whose text is missing. */
  giveText(id: string, file: File): Promise<void>;
  /** From a checkpoint's file, or from the files of a run's directory. Gives the new run. */
  importRun(files: readonly File[]): Promise<string>;
}

export interface StoreCall {
  readonly call: number;
  readonly name: keyof StoreOperations;
  readonly args: readonly unknown[];
}

export type StoreReply = { readonly call: number } & (
  { readonly result: unknown } | { readonly error: string }
);
