// The room of the runs that the browser keeps: look at them, go on with them, carry them to the command line and back.

import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { importRun, list, listError, messageOf, refresh, store } from '../state/kept.ts';
import { kept } from '../state/run.ts';
import { bytes } from './amounts.ts';
import { Run } from './run-row.tsx';
import './runs.css';

export default function Runs() {
  const told = useSignal('');
  const failed = useSignal('');
  useSignalEffect(() => {
    void kept.value; // each saving changes the list
    void refresh();
  });
  /** Does something with the stored runs, says what came of it, and looks again. */
  const act = async (work: () => Promise<string>): Promise<void> => {
    failed.value = told.value = '';
    try {
      told.value = await work();
    } catch (error) {
      failed.value = messageOf(error);
    }
    await refresh();
  };
  const found = list.value;
  return (
    <>
      {listError.value === '' && (
        <>
          <p class="lead">
            Every run is saved in this browser as it trains: a checkpoint every two seconds or so, less often
            where saving takes long. After a reload or a crash it goes on from the last one, on the same
            engine to the same numbers as if nothing had happened. Nothing leaves your machine.
          </p>
          <Import act={act} />
        </>
      )}
      <p role="status" class="hint">
        {told.value}
      </p>
      {failed.value !== '' && (
        <p role="alert" class="error">
          {failed.value}
        </p>
      )}
      {listError.value !== '' && <p class="notice">No run is kept here. {listError.value}</p>}
      {found !== undefined && found.runs.length === 0 && (
        <p class="hint">There is none yet: start one, and it will be here.</p>
      )}
      {found !== undefined && (
        <ul class="runs" aria-label="Runs">
          {found.runs.map((run) => (
            <Run key={run.id} run={run} act={act} />
          ))}
          {found.damaged.map(({ id, problem, size, locked }) => (
            <li key={id} class="run">
              <p class="notice">{problem}</p>
              <p class="hint">{bytes(size)}</p>
              <div class="actions">
                <button
                  type="button"
                  aria-disabled={locked}
                  onClick={() => void act(async () => (await store('remove', id), 'Deleted.'))}
                >
                  Delete the rest of it
                </button>
              </div>
            </li>
          ))}
        </ul>
      )}
      {found !== undefined && found.runs.length > 0 && <Space />}
    </>
  );
}

function Import({ act }: { act: (work: () => Promise<string>) => Promise<void> }) {
  return (
    <div class="import">
      <label for="import">Bring in a run</label>
      <input
        type="file"
        id="import"
        multiple
        accept=".safetensors,.json,.jsonl"
        aria-describedby="import-help"
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          currentTarget.value = '';
          if (files.length === 0) return;
          void act(async () => {
            await importRun(files);
            return 'The run is here.';
          });
        }}
      />
      <p id="import-help" class="help">
        A checkpoint (<code>*.safetensors</code>), from here or from <code>microgpt train</code>; or the five
        files of its run directory, chosen together. You can drop them anywhere on the page too.
      </p>
    </div>
  );
}

/** How much there is, and whether the browser may throw it away. */
function Space() {
  const persisted = useSignal<boolean | undefined>(undefined);
  const refused = useSignal(false);
  useEffect(() => {
    void navigator.storage.persisted().then((yes) => {
      persisted.value = yes;
    });
  }, []);
  const size = list.value?.runs.reduce((sum, run) => sum + run.size, 0) ?? 0;
  const ask = async () => {
    persisted.value = await navigator.storage.persist();
    refused.value = !persisted.value;
  };
  return (
    <div class="space">
      <p class="help">
        {bytes(size)} in all.{' '}
        {persisted.value === true
          ? 'The browser keeps them until you delete them.'
          : 'The browser may delete them when the disk is nearly full.'}{' '}
        {refused.value && 'It did not agree to keep them: save what matters to files.'}
      </p>
      {persisted.value === false && !refused.value && (
        <button type="button" onClick={() => void ask()}>
          Ask the browser to keep them
        </button>
      )}
    </div>
  );
}
