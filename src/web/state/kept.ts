// The runs that the browser keeps: the page's end of the worker that looks after them.

import { effect, signal } from '@preact/signals';
import { optionOf } from '../../config/config.ts';
import { MicrogptError } from '../../util/errors.ts';
import type { StoreCall, StoreOperations, StoreReply } from '../store/operations.ts';
import type { RunList, StoredRun } from '../store/runs.ts';
import { kept, notKept, phase, progress } from './run.ts';
import {
  begunFile,
  begunWith,
  DEFAULT_FIELDS,
  choicesOf,
  fields,
  fieldsOf,
  file,
  type Fields,
} from './settings.ts';
import { storyHash } from './address.ts';
import { open, startOrPause } from './trainer.ts';

/** Undefined until it was read. */
export const list = signal<RunList | undefined>(undefined);
/** Why there is no list, or ''. */
export const listError = signal('');
/** The run that was being trained when the page was closed. */
export const offered = signal<StoredRun | undefined>(undefined);

let worker: Worker | undefined;
let calls = 0;
const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();

/** Has the worker do something. Rejects with a MicrogptError. */
export function store<N extends keyof StoreOperations>(
  name: N,
  ...args: Parameters<StoreOperations[N]>
): ReturnType<StoreOperations[N]> {
  worker ??= openWorker();
  const call: StoreCall = { call: ++calls, name, args };
  const result = new Promise((resolve, reject) => waiting.set(call.call, { resolve, reject }));
  worker.postMessage(call, { transfer: [] });
  return result as ReturnType<StoreOperations[N]>;
}

function openWorker(): Worker {
  const opened = new Worker(new URL('../worker/store-worker.ts', import.meta.url), { type: 'module' });
  opened.addEventListener('message', ({ data }: MessageEvent<StoreReply>) => {
    const { resolve, reject } = waiting.get(data.call)!;
    waiting.delete(data.call);
    if ('error' in data) reject(new MicrogptError(data.error));
    else resolve(data.result);
  });
  opened.addEventListener('error', ({ message }) => {
    for (const { reject } of waiting.values()) {
      reject(
        new MicrogptError(`The worker that keeps runs stopped: ${message || 'it could not be loaded'}.`),
      );
    }
    waiting.clear();
    worker = undefined;
  });
  return opened;
}

export async function refresh(): Promise<void> {
  try {
    list.value = await store('list');
    listError.value = '';
  } catch (error) {
    list.value = undefined;
    listError.value = messageOf(error);
  }
}

/** Asks the browser not to throw the runs away, where it can be asked: what somebody brings or names is meant to stay. */
export function askToKeep(): void {
  const storage = navigator.storage as StorageManager | undefined; // of a page that is not served securely there is none
  void storage?.persist();
}

/** Brings in a run from files: a checkpoint, or those of a run's directory. Rejects with a MicrogptError. */
export async function importRun(files: readonly File[]): Promise<StoredRun | undefined> {
  const id = await store('importRun', files);
  askToKeep();
  await refresh();
  return list.peek()?.runs.find((run) => run.id === id);
}

/**
 * Times, and milliseconds between them: the page that was reloaded may hold its run a moment longer, and a browser that was
 * killed may not have its storage in order yet.
 */
const LOOKS = 20;
const LOOK_INTERVAL = 250;

/** After a reload or a crash: the newest run, if it was not done. */
export async function offerToGoOn(): Promise<void> {
  for (let i = 0; i < LOOKS && phase.peek() === 'idle'; i++) {
    const found = await store('list').catch(() => undefined);
    if (found !== undefined) {
      const [newest] = found.runs;
      if (newest === undefined || newest.step === newest.config.training.steps) return;
      if (newest.text.kind === 'missing') return;
      if (!newest.locked) {
        if (phase.peek() === 'idle') offered.value = newest;
        return;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL));
  }
}

effect(() => {
  if (phase.value !== 'idle') offered.value = undefined;
});

/** Shows a run in the story, with its settings, and trains on where `go`. */
export async function openRun(run: StoredRun, go: boolean): Promise<void> {
  await keepPresent();
  const text = run.text.kind === 'stored' ? await store('text', run.id) : undefined;
  const { source } = run.config.data;
  const own = source === 'your text' && text !== undefined ? await text.text() : '';
  open(run.id, go); // first, so that the worker reads no other text
  file.value = begunFile.value = text && own === '' ? new File([text], source) : undefined;
  fields.value = begunWith.value = settingsOf(run, own);
  location.hash = storyHash.value;
}

/** Has the run in front of the reader saved as it stands: another one takes its place. */
async function keepPresent(): Promise<void> {
  if (phase.peek() !== 'training') return;
  startOrPause();
  await until(() => phase.value !== 'training');
  await until(() => notKept.value !== '' || kept.value?.step === progress.value?.step);
}

function until(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const dispose = effect(() => {
      if (condition()) queueMicrotask(() => (dispose(), resolve()));
    });
  });
}

function settingsOf({ config, text }: StoredRun, own: string): Fields {
  const { model, training, engine, sampling } = config;
  const values = { ...model, ...training, ...sampling };
  const options = fieldsOf('model', 'training', 'sampling').map(({ id, name }) => [
    id,
    String(Reflect.get(values, name)),
  ]);
  const launches = choicesOf(optionOf('launch')) as readonly Fields['launch'][];
  const data = text.kind === 'builtin' ? 'builtin' : text.kind === 'toy' ? text.task : undefined;
  return {
    ...DEFAULT_FIELDS,
    ...(Object.fromEntries(options) as Partial<Fields>),
    data: data ?? (text.kind === 'stored' && own === '' ? 'file' : 'text'),
    text: own,
    engine: engine.name,
    launch: launches.find((choice) => choice === engine.launch) ?? DEFAULT_FIELDS.launch,
  };
}

/** What a run is called: its name, or that of its text. */
export function titleOf({ name, text, config }: StoredRun): string {
  if (name !== '') return name;
  switch (text.kind) {
    case 'builtin':
      return 'Names';
    case 'toy':
      return text.task.replace(/^./, (letter) => letter.toUpperCase());
    default:
      return config.data.source === 'your text' ? 'Own text' : config.data.source;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
