// The run in front of the reader, as signals. What the worker says is gathered and shown once a frame.

import { batch, signal } from '@preact/signals';
import type { ConfigRecord, DoneRecord } from '../../train/records.ts';
import { LossHistory } from '../loss-history.ts';
import type {
  DataMessage,
  InterruptedMessage,
  PhaseMessage,
  PreviewMessage,
  ProgressMessage,
  WorkerMessage,
} from '../messages.ts';

/**
 * `idle`: there is no run. `interrupted`: it met an error and can go on. `failed`: it met one and cannot; what it did
 * stays in view, as with `done`.
 */
export type Phase = 'idle' | PhaseMessage['phase'] | 'interrupted' | 'failed';

export const phase = signal<Phase>('idle');
/** True from a press of Pause to the end of the step under way. */
export const pausing = signal(false);
/** The text of the run; before it, of the settings. */
export const data = signal<DataMessage | undefined>(undefined);
/** That of the settings, where a run that is done has read another one. */
export const nextData = signal<DataMessage | undefined>(undefined);
export const dataError = signal('');
export const config = signal<ConfigRecord | undefined>(undefined);
export const progress = signal<ProgressMessage | undefined>(undefined);
export const previews = signal<readonly PreviewMessage[]>([]);
/** The 20 names after the last step. */
export const samples = signal<readonly string[]>([]);
export const total = signal<DoneRecord | undefined>(undefined);
export const error = signal('');
/** What a press overcomes, until it is pressed. */
export const interruption = signal<InterruptedMessage | undefined>(undefined);
/** Where the run is in the browser's storage, and up to which step. */
export const kept = signal<{ readonly id: string; readonly step: number } | undefined>(undefined);
/** Why the last saving failed, or ''. */
export const notKept = signal('');
/** What there is to know of a run that was opened again. */
export const said = signal<readonly string[]>([]);
/** Where the engine had to change: the run goes on with another one from this step. */
export const changedAt = signal<number | undefined>(undefined);
/** The losses so far. It changes in place: `historyVersion` counts the changes. */
export const history = { current: new LossHistory() };
export const historyVersion = signal(0);

/** Whether there is a run that the settings belong to. */
export function isRunning(): boolean {
  const now = phase.value;
  return now !== 'idle' && now !== 'done' && now !== 'failed';
}

/** Whether the run answers questions. */
export function isAsking(): boolean {
  const now = phase.value;
  return now !== 'idle' && now !== 'preparing' && now !== 'failed';
}

/** Forgets the run; the text stays. */
export function forget(): void {
  waiting.length = 0;
  history.current = new LossHistory();
  batch(() => {
    phase.value = 'idle';
    pausing.value = false;
    config.value = undefined;
    progress.value = undefined;
    previews.value = [];
    samples.value = [];
    nextData.value = undefined;
    total.value = undefined;
    error.value = '';
    interruption.value = undefined;
    changedAt.value = undefined;
    kept.value = undefined;
    notKept.value = '';
    said.value = [];
    historyVersion.value++;
  });
}

export function fail(message: string): void {
  flush();
  batch(() => {
    error.value = message;
    phase.value = 'failed';
    pausing.value = false;
  });
}

/** More would only wait while the tab is hidden, when there are no frames. */
const MAX_WAITING = 200;
const waiting: WorkerMessage[] = [];
let frame = 0;

/** Messages of the run, in order; answers are not among them. */
export function receive(messages: readonly WorkerMessage[]): void {
  waiting.push(...messages);
  if (waiting.length > MAX_WAITING || document.hidden) flush();
  else if (frame === 0) frame = requestAnimationFrame(flush);
}

function flush(): void {
  cancelAnimationFrame(frame);
  frame = 0;
  batch(() => {
    for (const message of waiting.splice(0)) show(message);
  });
}

function show(message: WorkerMessage): void {
  switch (message.type) {
    case 'phase':
      phase.value = message.phase;
      pausing.value = false;
      interruption.value = undefined;
      break;
    case 'data':
      (message.next ? nextData : data).value = message;
      dataError.value = '';
      break;
    case 'data-error':
      dataError.value = message.message;
      break;
    case 'config':
      config.value = message;
      break;
    case 'steps':
      for (let i = 0; i < message.losses.length; i++) {
        history.current.push(
          message.from + (i + 1) * (message.stride ?? 1),
          message.losses[i],
          message.smoothed[i],
        );
      }
      historyVersion.value++;
      break;
    case 'progress':
      progress.value = message;
      break;
    case 'preview':
      previews.value = [...previews.value, message];
      break;
    case 'sample':
      samples.value = [...samples.value, message.text];
      break;
    case 'kept':
      kept.value = message;
      notKept.value = '';
      break;
    case 'not-kept':
      notKept.value = message.message;
      break;
    case 'notice':
      said.value = [...said.value, message.message];
      break;
    case 'done':
      total.value = message;
      break;
    case 'interrupted':
      interruption.value = message;
      if (config.value !== undefined && config.value.engine.engine !== message.engine.engine) {
        config.value = { ...config.value, engine: message.engine, reason: message.engine.description };
        changedAt.value = message.step;
      }
      phase.value = 'interrupted';
      pausing.value = false;
      history.current.cut(message.step);
      historyVersion.value++;
      previews.value = previews.value.filter(({ step }) => step <= message.step);
      break;
    case 'error':
      fail(message.message);
      break;
    case 'answer':
      break;
  }
}
