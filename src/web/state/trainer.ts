// The page's end of the worker: start, pause, step, reset, and questions with their answers.

import { effect, signal } from '@preact/signals';
import { MicrogptError } from '../../util/errors.ts';
import type { Command, WorkerMessage } from '../messages.ts';
import type { Answers, Question, QuestionName, QuestionOf } from '../questions.ts';
import * as run from './run.ts';
import { begunFile, begunWith, choosesOther, fields, file, readSettings, readSource } from './settings.ts';

/** Steps a second at most; 0: as fast as it goes. */
export const pace = signal(0);
/** Counts the presses of Start that the settings did not allow, so that the message can be brought into view. */
export const refusals = signal(0);

interface Waiting {
  resolve(answer: Answers[QuestionName]): void;
  reject(error: MicrogptError): void;
}

let worker: Worker | undefined;
let started = false;
let lastId = 0;
/** What start() last found wrong with the settings, or ''. */
let refusal = '';
const asked = new Map<number, Waiting>();

/** Goes on or pauses, whichever is possible; begins a run where there is none. */
export function startOrPause(): void {
  const now = run.phase.value;
  if (run.pausing.value || now === 'sampling') return;
  if (now === 'training' || now === 'preparing') {
    run.pausing.value = true; // until the step under way is done
    send({ type: 'pause' });
  } else if (run.isRunning() || start()) {
    send({ type: 'go' });
  }
}

/** Trains one step, and pauses. */
export function step(): void {
  if (run.phase.value === 'sampling') return;
  if (run.isRunning() || start()) send({ type: 'step' });
}

/** Forgets the run. */
export function reset(): void {
  stop();
  run.forget();
  begunWith.value = undefined;
  look();
}

/** Takes up a run that the browser keeps, and trains on where `go`. Its settings are for the caller to show. */
export function open(id: string, go: boolean): void {
  stop();
  run.forget();
  begunWith.value = undefined;
  run.phase.value = 'preparing';
  send({ type: 'pace', stepsPerSecond: pace.value });
  send({ type: 'open', id });
  if (go) send({ type: 'go' });
  started = true;
}

/** Asks something of the run. Rejects with a MicrogptError where it makes no sense, or the run ends before. */
export function ask<N extends QuestionName>(question: QuestionOf<N>): Promise<Answers[N]> {
  return new Promise((resolve, reject) => {
    if (!run.isAsking()) {
      reject(new MicrogptError('There is no run to ask. Start one.'));
      return;
    }
    const id = ++lastId;
    asked.set(id, { resolve: (answer) => resolve(answer as Answers[N]), reject });
    send({ type: 'ask', id, question: question as Question });
  });
}

/** Shows the text of the settings; beside a run, where that has read another one. */
export function look(): void {
  const seed = Number(fields.value.seed);
  if (run.isRunning() || !Number.isSafeInteger(seed)) return; // it is being typed, or marked as wrong
  const next = begunWith.value !== undefined;
  run.dataError.value = '';
  if (next && !choosesOther.value) return;
  try {
    send({ type: 'look', source: readSource(fields.value, file.value), seed, next });
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
    (next ? run.nextData : run.data).value = undefined; // there is no text yet
  }
}

/** Begins a run that waits for `go` or `step`. Gives false where the settings are wrong. */
function start(): boolean {
  try {
    const settings = readSettings(fields.value, file.value);
    if (started) stop();
    run.forget();
    run.phase.value = 'preparing';
    begunWith.value = fields.value;
    begunFile.value = file.value;
    send({ type: 'pace', stepsPerSecond: pace.value });
    send({ type: 'start', settings });
    started = true;
    return true;
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
    run.error.value = refusal = error.message;
    refusals.value++;
    return false;
  }
}

/** A worker is there before it is needed: a press of Start finds it loaded. */
function send(command: Command): void {
  worker ??= openWorker();
  worker.postMessage(command, { transfer: [] });
}

function openWorker(): Worker {
  const opened = new Worker(new URL('../worker/worker.ts', import.meta.url), { type: 'module' });
  opened.addEventListener('message', ({ data }: MessageEvent<readonly WorkerMessage[]>) => {
    if (opened !== worker) return; // its run was forgotten
    for (const message of data) if (message.type === 'answer') deliver(message);
    if (data.some(({ type }) => type === 'error')) stop();
    run.receive(data);
  });
  opened.addEventListener('error', (event) => {
    if (opened !== worker) return;
    stop();
    run.fail(
      `The worker that trains stopped: ${event.message || 'it could not be loaded. Load the page again.'}`,
    );
  });
  return opened;
}

function deliver(message: Extract<WorkerMessage, { type: 'answer' }>): void {
  const waiting = asked.get(message.id);
  asked.delete(message.id);
  if ('answer' in message) waiting?.resolve(message.answer);
  else waiting?.reject(new MicrogptError(message.error));
}

/** Ends the worker, and with it whatever it computes or waits for; what it showed stays. */
function stop(): void {
  worker?.terminate();
  worker = undefined;
  started = false;
  for (const { reject } of asked.values()) reject(new MicrogptError('The run has ended.'));
  asked.clear();
}

effect(() => {
  void fields.value;
  if (refusal !== '' && run.error.peek() === refusal) run.error.value = ''; // it may be right now
  refusal = '';
});

effect(() => {
  const stepsPerSecond = pace.value;
  if (started) send({ type: 'pace', stepsPerSecond });
});
