// One run of the list, and what can be done with it.

import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { countParameters } from '../../model/parameters.ts';
import { count, counted, lossText } from '../format.ts';
import { askToKeep, messageOf, openRun, store, titleOf } from '../state/kept.ts';
import { storyHash } from '../state/address.ts';
import { isRunning, kept } from '../state/run.ts';
import { reset } from '../state/trainer.ts';
import type { StoredRun } from '../store/runs.ts';
import { bytes, when } from './amounts.ts';

interface Props {
  readonly run: StoredRun;
  /** Does something and says what came of it. */
  readonly act: (work: () => Promise<string>) => Promise<void>;
}

export function Run({ run, act }: Props) {
  const mode = useSignal<'rename' | 'delete' | undefined>(undefined);
  const title = titleOf(run);
  const { model, training, engine, data } = run.config;
  const parameters = countParameters(model);
  const layers = `${counted(model.nLayer, 'layer')}, ${count(model.nEmbd)} wide`;
  const row = useRef<HTMLLIElement>(null);
  const done = () => {
    mode.value = undefined;
    row.current?.focus(); // what had it is gone
  };
  return (
    <li class="run" ref={row} tabIndex={-1} aria-label={title}>
      <div class="what">
        <h2>{title}</h2>
        <p class="hint">
          {data.source === 'builtin' ? 'the page’s names' : data.source},{' '}
          {counted(data.documents, 'document')} · {layers}, {count(parameters)} parameters · {engine.name}
        </p>
      </div>
      <dl class="how">
        <div>
          <dt>step</dt>
          <dd>
            {count(run.step)} / {count(training.steps)}
          </dd>
        </div>
        <div>
          <dt>smoothed loss</dt>
          <dd>{Number.isFinite(run.smoothedLoss) ? lossText(run.smoothedLoss) : '–'}</dd>
        </div>
        <div>
          <dt>saved</dt>
          <dd>
            <time dateTime={new Date(run.savedAt).toISOString()}>{when(run.savedAt, Date.now())}</time>
          </dd>
        </div>
        <div>
          <dt>size</dt>
          <dd>{bytes(run.size)}</dd>
        </div>
      </dl>
      {mode.value === 'rename' && <Rename run={run} act={act} done={done} />}
      {mode.value === 'delete' && <Delete run={run} act={act} done={done} />}
      {mode.value === undefined && <Actions run={run} act={act} choose={(chosen) => (mode.value = chosen)} />}
    </li>
  );
}

function Actions({ run, act, choose }: Props & { choose: (mode: 'rename' | 'delete') => void }) {
  const { id, step, text, locked } = run;
  const unfinished = step < run.config.training.steps;
  if (unfinished && text.kind === 'missing') return <WantsText run={run} act={act} choose={choose} />;
  return (
    <div class="actions">
      {kept.value?.id === id && isRunning() ? (
        <a href={storyHash.value}>It is open in the story</a>
      ) : (
        <>
          {unfinished && (
            <button type="button" class="primary" onClick={() => void act(() => opened(run, true))}>
              Go on
            </button>
          )}
          <button type="button" onClick={() => void act(() => opened(run, false))}>
            Open
          </button>
        </>
      )}
      {locked && kept.value?.id !== id && <span class="hint">open in another tab</span>}
      <Files run={run} act={act} />
      <button type="button" class="quiet" onClick={() => choose('rename')}>
        Rename
      </button>
      <button type="button" class="quiet" onClick={() => choose('delete')}>
        Delete
      </button>
    </div>
  );
}

/** Rejects where it is not there any more: another tab may have deleted it. */
async function opened(run: StoredRun, go: boolean): Promise<string> {
  await openRun(run, go);
  return '';
}

/** Saves to files of the reader's. */
function Files({ run, act }: Props) {
  const { id, text } = run;
  const name = fileName(run);
  return (
    <>
      <button
        type="button"
        class="quiet"
        onClick={() =>
          void act(async () => {
            const { file, notices } = await store('checkpoint', id);
            download(file, `${name}-step-${run.step}.safetensors`);
            return [...notices, 'Saved as one checkpoint: microgpt sample FILE reads it.'].join(' ');
          })
        }
      >
        Save file
      </button>
      {window.showDirectoryPicker !== undefined && (
        <button
          type="button"
          class="quiet"
          onClick={() =>
            void act(async () => {
              const directory = await pickDirectory();
              if (directory === undefined) return '';
              const notices = await store('saveInto', id, directory);
              const data = text.kind === 'builtin' ? '' : ' --data TEXT';
              const how = `microgpt train --resume ${directory.name}${data} goes on with it.`;
              return [...notices, `Saved: ${how}`].join(' ');
            })
          }
        >
          Save folder
        </button>
      )}
      {(text.kind === 'stored' || text.kind === 'toy') && (
        <button
          type="button"
          class="quiet"
          onClick={() =>
            void act(async () => {
              const file = await store('text', id);
              if (file === undefined) return 'Its text is not here.';
              download(file, `${name}.txt`);
              return 'Saved its text: microgpt train --resume FILE --data TEXT wants it.';
            })
          }
        >
          Save text
        </button>
      )}
    </>
  );
}

/** A run from elsewhere whose text the page does not have. */
function WantsText({ run, act, choose }: Props & { choose: (mode: 'rename' | 'delete') => void }) {
  const { source, documents } = run.config.data;
  return (
    <div class="actions">
      <label class="wants">
        To go on, choose its text: {source}, {counted(documents, 'document')}{' '}
        <input
          type="file"
          onChange={({ currentTarget }) => {
            const [file] = currentTarget.files ?? [];
            currentTarget.value = '';
            if (file !== undefined) {
              void act(
                async () => (await store('giveText', run.id, file), 'That is its text: it can go on.'),
              );
            }
          }}
        />
      </label>
      <Files run={run} act={act} />
      <button type="button" class="quiet" onClick={() => choose('rename')}>
        Rename
      </button>
      <button type="button" class="quiet" onClick={() => choose('delete')}>
        Delete
      </button>
    </div>
  );
}

function Rename({ run, act, done }: Props & { done: () => void }) {
  const name = useSignal(titleOf(run));
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => input.current?.select(), []);
  const save = async () => {
    await act(async () => {
      await store('rename', run.id, name.value.trim());
      askToKeep();
      return '';
    });
    done();
  };
  return (
    <form
      class="actions"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <label>
        Name{' '}
        <input
          type="text"
          ref={input}
          maxLength={80}
          value={name.value}
          onInput={({ currentTarget }) => {
            name.value = currentTarget.value;
          }}
        />
      </label>
      <button type="submit">Save name</button>
      <button type="button" class="quiet" onClick={done}>
        Cancel
      </button>
    </form>
  );
}

function Delete({ run, act, done }: Props & { done: () => void }) {
  const openHere = kept.value?.id === run.id;
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => button.current?.focus(), []);
  const remove = async () => {
    if (openHere) reset(); // which ends its worker, and with it its hold on the files
    await act(async () => (await store('remove', run.id), 'Deleted.'));
    done();
  };
  return (
    <div class="actions" role="group" aria-label="Delete">
      <span>
        Delete {titleOf(run)}, step {count(run.step)}, for good?{openHere && ' It is the run in the story.'}
      </span>
      <button type="button" ref={button} onClick={() => void remove()}>
        Delete it
      </button>
      <button type="button" class="quiet" onClick={done}>
        Keep it
      </button>
    </div>
  );
}

declare global {
  interface Window {
    /** Chrome and Edge. */
    showDirectoryPicker?(options: { mode: 'readwrite' }): Promise<FileSystemDirectoryHandle>;
  }
}

/** Undefined where the reader chose none. */
async function pickDirectory(): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    return await window.showDirectoryPicker?.({ mode: 'readwrite' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw new Error(`The folder cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

function download(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // The browser reads it after this task.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Of letters, digits and hyphens, whatever the run is called. */
function fileName(run: StoredRun): string {
  const name = titleOf(run)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');
  return name === '' ? 'run' : name;
}
