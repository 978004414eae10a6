// What the page has to say about the run, and what can be done: status, errors, the engine that was not to be had.

import { useEffect, useRef } from 'preact/hooks';
import { smallerRate } from '../train/finite.ts';
import { adapterName } from '../webgpu/adapter.ts';
import { dropProblem } from './drop.ts';
import { count, duration } from './format.ts';
import { KeptNotices } from './kept-notices.tsx';
import { slept } from './sleep.ts';
import { gpuHelp } from './gpu-help.ts';
import { CutText } from './parts/text-use.tsx';
import { changedAt, config, error, interruption, pausing, phase, total } from './state/run.ts';
import { linkProblems } from './state/address.ts';
import { LACKS } from './state/link.ts';
import { begunFile, change, file, shownFields } from './state/settings.ts';
import { refusals, reset, startOrPause } from './state/trainer.ts';

export function Notices() {
  return (
    <div class="notices" role="region" aria-label="Notices">
      <p id="status" role="status">
        {status()}
      </p>
      <Alert id="error" text={error.value} presses={refusals.value} />
      <Interrupted />
      <LinkProblems />
      <Alert id="drop-problem" text={dropProblem.value} />
      <Outcome />
      <KeptNotices />
      <TextNotice />
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
      return 'Preparing the text, the parameters and the engine.';
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

/** In view wherever the reader was when it came, or came again by another press. */
function Alert({ id, text, presses }: { id: string; text: string; presses?: number }) {
  const box = useRef<HTMLParagraphElement>(null);
  useEffect(() => box.current?.scrollIntoView({ block: 'nearest' }), [text, presses]);
  if (text === '') return null;
  return (
    <p id={id} ref={box} role="alert" class="error">
      {text}
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
  return (
    <div id="interrupted" role="alert" class="error">
      <p>{now.message}</p>
      <p>
        The model of step {count(now.step)} is kept
        {diverged ? '.' : `, and ${next} can go on from it.`}
      </p>
      {diverged ? (
        <StartSlower />
      ) : (
        <button type="button" onClick={startOrPause}>
          Go on from step {count(now.step)} on {next}
        </button>
      )}
    </div>
  );
}

/** Of a run whose learning rate was too large. */
function StartSlower() {
  const lr = String(smallerRate(Number(shownFields.value.lr)));
  return (
    <button
      type="button"
      onClick={() => {
        const begun = shownFields.value;
        file.value = begunFile.value; // another one may be chosen for the next run
        reset();
        change({ ...begun, lr });
        startOrPause();
      }}
    >
      Start again with learning rate {lr}
    </button>
  );
}

/** What is wrong with the model of a run that is done. */
function Outcome() {
  const problem = total.value?.problem;
  if (phase.value !== 'done' || problem === undefined) return null;
  return (
    <div id="problem" class="notice" role="status">
      <p>{problem}</p>
      {problem.includes('smaller learning rate') && <StartSlower />}
    </div>
  );
}

/** That the run leaves out a part of its text. */
function TextNotice() {
  if (config.value?.text === undefined) return null;
  const { text, model } = config.value;
  return <CutText use={text} blockSize={model.blockSize} />;
}

function LinkProblems() {
  const problems = linkProblems.value;
  if (problems.length === 0) return null;
  return (
    <div id="link-problems" class="notice" role="alert">
      {problems.some((text) => text !== LACKS.text && text !== LACKS.file) && (
        <p>Parts of this link were invalid; the defaults are used instead.</p>
      )}
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
