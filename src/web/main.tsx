// The page: buttons and settings -> a worker that trains -> what it says, shown.

import { MicrogptError } from '../util/errors.ts';
import { byId, isEnabled, setEnabled, showText } from './dom.ts';
import { count } from './format.ts';
import type { Command, PhaseMessage, WorkerMessage } from './messages.ts';
import { RunView } from './run-view.ts';
import { SettingsForm } from './settings-form.ts';

/** `idle`: there is no run. `done` and `failed`: there was one, and what it did stays in view. */
type Phase = 'idle' | PhaseMessage['phase'] | 'done' | 'failed';

const mainButton = byId('main', HTMLButtonElement);
const stepButton = byId('step', HTMLButtonElement);
const resetButton = byId('reset', HTMLButtonElement);
const status = byId('status', HTMLElement);
const error = byId('error', HTMLElement);
const settings = new SettingsForm();
const view = new RunView();
let phase: Phase = 'idle';
let worker: Worker | undefined;
let steps = 0;

settings.form.addEventListener('submit', (event) => {
  event.preventDefault();
  mainButton.focus(); // also after Enter in a field, which is locked now
  pressMain();
});
stepButton.addEventListener('click', () => {
  if (!isEnabled(stepButton)) return;
  if (running() || start()) send({ type: 'step' });
});
resetButton.addEventListener('click', () => {
  if (isEnabled(resetButton)) reset();
});
byId('not-started', HTMLElement).remove();
enter('idle');

function pressMain(): void {
  if (!isEnabled(mainButton)) return;
  if (phase === 'training' || phase === 'preparing') {
    send({ type: 'pause' });
    setEnabled(mainButton, false); // until the step under way is done
    status.textContent = 'Pausing…';
  } else if (running() || start()) {
    send({ type: 'go' });
  }
}

/** Whether there is a run that can go on. */
function running(): boolean {
  return worker !== undefined;
}

/** Begins a run that waits for `go` or `step`. Gives false where the settings are wrong. */
function start(): boolean {
  try {
    const run = settings.read();
    reset();
    steps = run.training.steps;
    worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<readonly WorkerMessage[]>) => {
      for (const message of data) receive(message, run.engine);
    });
    worker.addEventListener('error', (event) => {
      fail(
        `The worker that trains stopped: ${event.message || 'it could not be loaded. Load the page again.'}`,
      );
    });
    send({ type: 'start', settings: run });
    enter('preparing');
    return true;
  } catch (cause) {
    if (!(cause instanceof MicrogptError)) throw cause;
    showText(error, cause.message);
    error.scrollIntoView({ block: 'nearest' });
    return false;
  }
}

function send(command: Command): void {
  worker?.postMessage(command, { transfer: [] });
}

function receive(message: WorkerMessage, engine: string): void {
  view.show(message, engine);
  if (message.type === 'phase') enter(message.phase);
  else if (message.type === 'error') fail(message.message);
  else if (message.type === 'done') {
    stop();
    enter('done');
  }
}

function fail(message: string): void {
  stop();
  showText(error, message);
  enter('failed');
}

/** Ends the worker, and with it whatever it computes or waits for; what it showed stays. */
function stop(): void {
  worker?.terminate();
  worker = undefined;
}

function reset(): void {
  stop();
  view.clear();
  showText(error, '');
  enter('idle');
}

/** Everything that depends on the phase. */
function enter(next: Phase): void {
  phase = next;
  const labels = { preparing: 'Pause', training: 'Pause', paused: 'Continue', sampling: 'Pause' };
  mainButton.textContent = phase in labels ? labels[phase as keyof typeof labels] : 'Start';
  setEnabled(mainButton, phase !== 'sampling');
  setEnabled(stepButton, phase !== 'sampling');
  setEnabled(resetButton, phase !== 'idle');
  settings.locked = running();
  status.textContent = describe(phase);
}

function describe(now: Phase): string {
  switch (now) {
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
    case 'failed':
      return 'Stopped.';
  }
}
