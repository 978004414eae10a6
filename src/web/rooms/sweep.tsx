// The room Sweep: a grid of learning rates and seeds, all trained, as a heat map.

import { useEffect } from 'preact/hooks';
import { gridPoint, gridSize } from '../../train/sweep-grid.ts';
import { verdictOf } from '../../train/sweep-judge.ts';
import { count, lossText } from '../format.ts';
import { storyHash } from '../state/address.ts';
import { fields } from '../state/settings.ts';
import { HeatMap } from './heat-map.tsx';
import { Lines } from './lines.tsx';
import { Intro, JobBar, SoftwareNotice, TextField } from './parts.tsx';
import './rooms.css';
import './sweep.css';
import * as sweep from './sweep-state.ts';
import type { SweepEngine, SweepFields } from './sweep-state.ts';

export default function Sweep() {
  useEffect(sweep.prepare, []);
  return (
    <>
      <Intro>
        <p>
          How large should the learning rate be, and how much is luck? Here the model of the{' '}
          <a href={storyHash.value}>story</a> is trained again and again: a column for each learning rate, a
          row for each seed. On a GPU every model has a workgroup of its own, and hundreds train side by side.
        </p>
      </Intro>
      <Controls />
      <Said />
      {sweep.sweep.value !== undefined && (
        <div class="swept">
          <HeatMap />
          <Looked />
        </div>
      )}
    </>
  );
}

const ENGINES: Readonly<Record<SweepEngine, string>> = {
  auto: 'The faster one',
  webgpu: 'WebGPU',
  cpu: 'CPU',
};

function Controls() {
  const { wanted, plan, isSweeping, progress } = sweep;
  const now = progress.value;
  const running = isSweeping.value;
  const problem = 'problem' in plan.value ? plan.value.problem : '';
  const field = (name: keyof SweepFields, label: string) => (
    <TextField
      name={name}
      label={label}
      value={wanted.value[name]}
      disabled={running}
      onInput={(value) => {
        wanted.value = { ...wanted.value, [name]: value };
      }}
    />
  );
  return (
    <>
      <div class="options">
        {field('lrFrom', 'Learning rates from')}
        {field('lrTo', 'to')}
        {field('lrCount', 'how many')}
        {field('seeds', 'Seeds')}
        <label class="text">
          What computes
          <select
            value={sweep.engine.value}
            disabled={running}
            onChange={({ currentTarget }) => {
              sweep.engine.value = currentTarget.value as SweepEngine;
            }}
          >
            {Object.entries(ENGINES).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
      {problem !== '' && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
      <JobBar
        running={running}
        start={'axes' in plan.value ? `Train ${count(gridSize(plan.value.axes))} models` : 'Train'}
        disabled={(!running && problem !== '') || sweep.phase.value === 'stopping'}
        onStart={sweep.start}
        onStop={sweep.stop}
        done={now?.modelSteps ?? 0}
        total={now?.allModelSteps ?? 0}
      >
        {now === undefined ? 'Preparing…' : `${count(now.modelSteps)} of ${count(now.allModelSteps)} steps`}
      </JobBar>
      {!running && problem === '' && (
        <p class="help">
          {count(Number(fields.value.steps))} steps each, with the story’s text, model and batch.
        </p>
      )}
    </>
  );
}

/** In words: how it went. */
function Said() {
  const { subject, phase, error, best, ranked } = sweep;
  const axes = sweep.sweep.value?.job.axes;
  const verdict = axes && verdictOf(axes, ranked.value);
  const first = best.value;
  const ended = phase.value === 'done' || phase.value === 'stopped';
  const adapter = subject.value?.engine.adapter;
  return (
    <div class="verdict">
      {error.value !== '' && (
        <p class="error" role="alert">
          {error.value}
        </p>
      )}
      {adapter?.software === true && <SoftwareNotice adapter={adapter} />}
      {subject.value !== undefined && subject.value.note !== '' && (
        <p class="notice" role="status">
          {subject.value.note}.
        </p>
      )}
      <p id="swept" class="sentence" role="status">
        {ended && first !== undefined && axes !== undefined && (
          <>
            {phase.value === 'stopped' && 'Stopped. '}
            The best model has learning rate <b>{gridPoint(axes, first.index).learningRate}</b> and seed{' '}
            <b>{gridPoint(axes, first.index).seed}</b>: its loss is {lossText(first.loss!)}.
          </>
        )}
        {ended && first === undefined && (
          <>
            {sweep.results.value.length === 0
              ? 'Stopped before the first step.'
              : 'Every model diverged: try smaller learning rates.'}
          </>
        )}
      </p>
      {ended && verdict !== undefined && <p id="settings-verdict">{verdict}</p>}
      {subject.value !== undefined && (
        <p class="detail">
          {count(subject.value.parameters)} parameters each. Engine: {subject.value.reason}.
        </p>
      )}
    </div>
  );
}

/** The model of the cell that was pressed. */
function Looked() {
  const { selected, model, sweep: current, subject } = sweep;
  const index = selected.value;
  const now = model.value;
  if (current.value === undefined) return null;
  if (index === undefined) {
    return <p class="hint">Press a cell to look at its model.</p>;
  }
  const { learningRate, seed } = gridPoint(current.value.job.axes, index);
  const result = sweep.results.value.find((own) => own.index === index);
  const { steps } = current.value.job.settings.training;
  return (
    <section class="looked" aria-labelledby="looked-title">
      <h2 id="looked-title">
        Learning rate {learningRate}, seed {seed}
      </h2>
      {now !== undefined && now.steps.length > 1 && (
        <Lines
          label={`Loss of this model: ${result?.loss === undefined ? 'diverged' : lossText(result.loss)} after step ${now.steps.at(-1)} of ${steps}`}
          lines={[{ name: 'loss', x: now.steps, y: now.losses }]}
          right={steps}
          across="step"
          level={subject.value?.chance}
        />
      )}
      {result === undefined && <p class="hint">It is not trained yet.</p>}
      {result?.diverged === true && <p class="hint">It diverged: the learning rate is too large for it.</p>}
      {now?.texts !== undefined && (
        <ol class="samples" aria-label="What it writes">
          {now.texts.map((text, i) => (
            <li key={i}>{text || '(nothing)'}</li>
          ))}
        </ol>
      )}
      {result !== undefined && now !== undefined && now.texts === undefined && result.diverged !== true && (
        <p class="hint">
          {sweep.isSweeping.value
            ? 'What it writes appears once it is trained.'
            : 'It cannot write: it was not trained to its end, or there was no room to keep it.'}
        </p>
      )}
      <button type="button" onClick={() => sweep.adopt(index)}>
        Train it in the story
      </button>
    </section>
  );
}
