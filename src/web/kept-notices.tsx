// What the page has to say about the keeping of runs: one to go on with, and what went wrong.

import { count } from './format.ts';
import { messageOf, offered, openRun, titleOf } from './state/kept.ts';
import { loadUpdate, update } from './offline.ts';
import { room } from './routes.ts';
import { isRunning, kept, notKept, phase, said } from './state/run.ts';
import type { StoredRun } from './store/runs.ts';

export function KeptNotices() {
  return (
    <>
      <Offer />
      <Update />
      {said.value.map((message) => (
        <p key={message} class="notice">
          {message}
        </p>
      ))}
      {notKept.value !== '' && (
        <p id="not-kept" class="notice">
          {kept.value === undefined
            ? 'This run is not saved.'
            : `This run is saved up to step ${count(kept.value.step)}, and no further.`}{' '}
          {notKept.value}
          {phase.value === 'training' && ' The training goes on all the same.'}
        </p>
      )}
    </>
  );
}

function Offer() {
  const run = offered.value;
  if (run === undefined || room.value?.id === 'runs') return null; // where it stands in the list
  const { steps } = run.config.training;
  return (
    <div id="offer" class="notice" role="group" aria-label="A run to go on with">
      <p>
        A run of {titleOf(run)} was left after step {count(run.step)} of {count(steps)}.
      </p>
      <button type="button" onClick={() => void goOn(run)}>
        Go on with the run of {titleOf(run)}
      </button>{' '}
      <button
        type="button"
        class="quiet"
        onClick={() => {
          offered.value = undefined;
        }}
      >
        Not now
      </button>
    </div>
  );
}

async function goOn(run: StoredRun): Promise<void> {
  try {
    await openRun(run, true);
  } catch (error) {
    offered.value = undefined; // another tab deleted it
    said.value = [...said.value, messageOf(error)];
  }
}

function Update() {
  if (update.value === undefined) return null;
  return (
    <div id="update" class="notice">
      <p>
        A newer version of this page is here.
        {isRunning() &&
          (kept.value === undefined
            ? ' Loading it ends the run in progress, which is not saved.'
            : ` The run in progress is saved up to step ${count(kept.value.step)}, and can go on in it.`)}
      </p>
      <button type="button" onClick={loadUpdate}>
        Load it
      </button>
    </div>
  );
}
