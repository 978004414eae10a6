// The room Measure: the report's quick version on this machine, drawn as it arrives; reports side by side; a race.

import { useEffect } from 'preact/hooks';
import { duration } from '../format.ts';
import { phase as runPhase } from '../state/run.ts';
import { startOrPause } from '../state/trainer.ts';
import * as measure from './measure-state.ts';
import type { Length } from './measure-state.ts';
import './measure.css';
import { download, Intro, JobBar, PickOne, TextField } from './parts.tsx';
import { Race } from './race.tsx';
import { ReportView } from './report-view.tsx';
import './rooms.css';

export default function Measure() {
  useEffect(measure.prepare, []);
  return (
    <>
      <Intro>
        <p>
          When does a GPU pay? The same training step on every engine and with every launch strategy, timed in
          turns; where a step’s time goes, what a launch costs, and from which model width on the GPU wins, if
          it does. It runs in this browser, and sends nothing anywhere.
        </p>
      </Intro>
      <Controls />
      <Shown />
      <Race />
    </>
  );
}

function Controls() {
  const running = measure.isMeasuring.value;
  const now = measure.progress.value;
  const seconds = measure.SECONDS[measure.length.value];
  return (
    <>
      <div class="options">
        <PickOne
          name="length"
          legend="How long"
          disabled={running}
          options={{
            brief: `at most ${measure.SECONDS.brief} s`,
            quick: `${measure.SECONDS.quick} s`,
          }}
          value={measure.length.value}
          onPick={(value: Length) => {
            measure.length.value = value;
          }}
        />
        <PickOne
          name="measured"
          legend="What"
          disabled={running}
          options={{ gpu: 'GPU and CPU', cpu: 'CPU only' }}
          value={measure.onlyCpu.value ? 'cpu' : 'gpu'}
          onPick={(value) => {
            measure.onlyCpu.value = value === 'cpu';
          }}
        />
        <TextField
          name="machine"
          label="Name of this machine, if you like"
          wide
          value={measure.name.value}
          disabled={running}
          onInput={(value) => {
            measure.name.value = value;
          }}
        />
      </div>
      {runPhase.value === 'training' && (
        <div class="notice">
          <p>A training run is using this machine and would distort the measurement.</p>
          <button type="button" onClick={startOrPause}>
            Pause it
          </button>
        </div>
      )}
      <JobBar
        running={running}
        start="Measure this machine"
        disabled={measure.phase.value === 'stopping'}
        onStart={measure.start}
        onStop={measure.stop}
        done={now === undefined ? 0 : seconds - now.secondsLeft}
        total={seconds}
      >
        {measure.phase.value === 'stopping' ? (
          'Stopping at the next sample…'
        ) : now === undefined ? (
          'Opening the device…'
        ) : (
          <>
            {now.section}, {now.done} of {now.total}; at most {duration(now.secondsLeft)} left
          </>
        )}
      </JobBar>
    </>
  );
}

function Shown() {
  const page = measure.page.value;
  const running = measure.isMeasuring.value;
  const done = measure.own.value !== undefined && !running;
  return (
    <>
      {measure.error.value !== '' && (
        <p class="error" role="alert">
          {measure.error.value}
        </p>
      )}
      <div class="files">
        {done && (
          <button
            type="button"
            onClick={() => download('report.json', 'application/json', measure.ownJson())}
          >
            Save report.json
          </button>
        )}
        {page !== undefined && !running && (
          <button type="button" onClick={() => download('report.html', 'text/html', measure.shownHtml())}>
            Save report.html
          </button>
        )}
        <label class="opener">
          Compare with a report.json of another machine{' '}
          <input
            type="file"
            accept=".json,application/json"
            multiple
            disabled={running}
            onChange={({ currentTarget }) => {
              void measure.open([...(currentTarget.files ?? [])]);
              currentTarget.value = '';
            }}
          />
        </label>
      </div>
      {measure.opened.value.length > 0 && (
        <ul class="opened" aria-label="Opened reports">
          {measure.opened.value.map((report, i) => (
            <li key={i}>
              {report.name}{' '}
              <button type="button" class="quiet" onClick={() => measure.close(report)}>
                close<span class="hidden"> {report.name}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {page !== undefined && (
        <section aria-label="Report" class="shown">
          {!running && (
            <>
              <h2 id="report-title">{page.title}</h2>
              <p class="detail">{page.byline}</p>
            </>
          )}
          <ReportView page={page} />
        </section>
      )}
    </>
  );
}
