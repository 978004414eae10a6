// What the page has to say about the run, and what can be done: status, errors, the engine that was not to be had.

import { useEffect, useRef } from 'preact/hooks';
import { adapterName } from '../webgpu/adapter.ts';
import { dropProblem } from './drop.ts';
import { count, duration } from './format.ts';
import { KeptNotices } from './kept-notices.tsx';
import { slept } from './sleep.ts';
import { gpuHelp } from './gpu-help.ts';
import { changedAt, config, error, interruption, pausing, phase } from './state/run.ts';
import { linkProblems } from './state/address.ts';
import { change, fields, shownFields } from './state/settings.ts';
import { refusals, reset, startOrPause } from './state/trainer.ts';

export function Notices() {
  return (
    <div class="notices" role="region" aria-label="Notices">
      <p id="status" role="status">
        {status()}
      </p>
      <Problem />
      <Interrupted />
      <LinkProblems />
      {dropProblem.value !== '' && (
        <p id="drop-problem" role="alert" class="error">
          {dropProblem.value}
        </p>
      )}
      <KeptNotices />
      <EngineNotice />
      {slept.value > 0 && (
        <p class="notice">
          The browser put this tab to sleep for {duration(slept.value)}; the training stood still, and goes on
          now.
        </p>
      )}
    </div>
  );
}

function status(): string {
  const steps = config.value?.training.steps ?? 0;
  if (pausing.value) return 'Pausing…';
  switch (phase.value) {
    case 'idle':
      return 'Ready.';
    case 'preparing':
      return 'Preparing: shuffling the documents, drawing the parameters, compiling the kernels.';
    case 'training':
      return 'Training.';
    case 'paused':
      return 'Paused.';
    case 'sampling':
      return `Trained for ${count(steps)} steps. Sampling.`;
    case 'done':
      return `Done: trained for ${count(steps)} steps, and sampled.`;
    case 'interrupted':
      return 'Interrupted.';
    case 'failed':
      return 'Stopped.';
  }
}

function Problem() {
  const box = useRef<HTMLParagraphElement>(null);
  const presses = refusals.value;
  useEffect(() => box.current?.scrollIntoView({ block: 'nearest' }), [presses]);
  if (error.value === '') return null;
  return (
    <p id="error" ref={box} role="alert" class="error">
      {error.value}
    </p>
  );
}

/** An error that a press overcomes. */
function Interrupted() {
  const now = interruption.value;
  if (now === undefined) return null;
  const diverged = now.error === 'TrainingError';
  const { engine } = now.engine;
  const next = engine === 'cpu' ? 'the CPU' : now.error === 'DeviceError' ? 'a new device' : engine;
  const lr = String(Number((Number(fields.value.lr) / 10).toPrecision(3)));
  return (
    <div id="interrupted" role="alert" class="error">
      <p>{now.message}</p>
      <p>
        The model of step {count(now.step)} is kept
        {diverged ? '.' : `, and ${next} has it.`}
      </p>
      {diverged ? (
        <button
          type="button"
          onClick={() => {
            reset();
            change({ lr });
            startOrPause();
          }}
        >
          Start again with learning rate {lr}
        </button>
      ) : (
        <button type="button" onClick={startOrPause}>
          Go on from step {count(now.step)} on {next}
        </button>
      )}
    </div>
  );
}

function LinkProblems() {
  const problems = linkProblems.value;
  if (problems.length === 0) return null;
  return (
    <div id="link-problems" class="notice" role="alert">
      <p>Some of the link could not be used; its place has microgpt.py’s setting.</p>
      <ul>
        {problems.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </div>
  );
}

/** Where another engine computes than the one asked for, or a software adapter. */
function EngineNotice() {
  if (config.value === undefined || interruption.value !== undefined) return null;
  const { engine, reason } = config.value;
  const asked = shownFields.value.engine;
  if (changedAt.value !== undefined) {
    return (
      <p id="notice" class="notice">
        The device was lost; the {engine.engine === 'cpu' ? 'CPU' : engine.engine} went on from step{' '}
        {count(changedAt.value)}.
      </p>
    );
  }
  if (asked === 'webgpu' && engine.engine !== 'webgpu') {
    return (
      <div id="notice" class="notice">
        <p>{reason}</p>
        <p class="help">{gpuHelp(navigator.userAgent)}</p>
      </div>
    );
  }
  if (engine.adapter?.software !== true) return null;
  return (
    <p id="notice" class="notice">
      This browser’s WebGPU adapter is {adapterName(engine.adapter)}. It gives the right numbers, slowly: its
      speed says nothing about GPUs.
    </p>
  );
}
