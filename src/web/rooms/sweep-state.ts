// A sweep: what to train, the losses so far, and the model that is looked at. It goes on while the reader is elsewhere in
// the page.

import { batch, computed, signal } from '@preact/signals';
import type { TrainingConfig } from '../../config/config.ts';
import { axesOf, gridPoint, type Axes } from '../../train/sweep-grid.ts';
import { rankSettings } from '../../train/sweep-judge.ts';
import { compareResults, type ModelResult, type SweepProgress } from '../../train/sweep.ts';
import { ConfigError, MicrogptError } from '../../util/errors.ts';
import { storyHash } from '../state/address.ts';
import { isRunning } from '../state/run.ts';
import { change, fields, file, readSettings, type Fields } from '../state/settings.ts';
import { reset } from '../state/trainer.ts';
import type { RunSettings } from '../messages.ts';
import type { ModelMessage, RoomMessage, SweepingMessage, SweepJob } from './messages.ts';
import { openRoomWorker, type RoomWorker } from './worker.ts';

export type SweepPhase = 'ready' | 'training' | 'stopping' | 'stopped' | 'done' | 'failed';
export type SweepEngine = SweepJob['engine'];

export interface SweepFields {
  readonly lrFrom: string;
  readonly lrTo: string;
  readonly lrCount: string;
  readonly seeds: string;
}

/** Of one axis: more would be a map that nobody can read. */
const MOST = 24;
/** Losses of all models together, which are kept to be looked at: 256 MiB. */
const MOST_LOSSES = 2 ** 25;

export const phase = signal<SweepPhase>('ready');
export const engine = signal<SweepEngine>('auto');
export const wanted = signal<SweepFields>({ lrFrom: '0.001', lrTo: '0.1', lrCount: '7', seeds: '4' });
export const error = signal('');
/** What is trained; undefined before the first sweep. `was` is what the story's fields were. */
export const sweep = signal<{ readonly job: SweepJob; readonly was: Fields } | undefined>(undefined);
export const subject = signal<SweepingMessage | undefined>(undefined);
export const progress = signal<SweepProgress | undefined>(undefined);
/** Of the models that were begun, the best first. */
export const results = signal<readonly ModelResult[]>([]);
/** The model that is looked at. */
export const selected = signal<number | undefined>(undefined);
export const model = signal<ModelMessage | undefined>(undefined);

export const isSweeping = computed(() => phase.value === 'training' || phase.value === 'stopping');

/** What the fields ask for, or why they cannot. */
export const plan = computed((): { settings: RunSettings; axes: Axes } | { problem: string } => {
  try {
    const settings = readSettings(fields.value, file.value);
    return { settings, axes: readAxes(wanted.value, settings.training) };
  } catch (problem) {
    if (problem instanceof MicrogptError) return { problem: problem.message };
    throw problem;
  }
});

export const best = computed(() => results.value.find(({ diverged }) => diverged !== true));
/** The rates that all seeds have tried, the best first. */
export const ranked = computed(() => {
  const axes = sweep.value?.job.axes;
  return axes === undefined ? [] : rankSettings(axes, results.value);
});

/** Throws ConfigError. */
export function readAxes({ lrFrom, lrTo, lrCount, seeds }: SweepFields, training: TrainingConfig): Axes {
  const low = number('the first learning rate', lrFrom);
  const high = number('the last learning rate', lrTo);
  const rates = whole('learning rates', lrCount);
  const count = whole('seeds', seeds);
  const { steps, seed } = training;
  if (!(low > 0)) throw new ConfigError(`The first learning rate: expected more than 0, got ${low}.`);
  if (!(high >= low)) {
    throw new ConfigError(`The last learning rate: expected ${low} or more, got ${high}.`);
  }
  if (rates * count * steps > MOST_LOSSES) {
    const got = `${rates} × ${count} models of ${steps} steps`;
    throw new ConfigError(
      `Too many steps for a page: got ${got}. Choose fewer models, or fewer steps in the story.`,
    );
  }
  return {
    ...axesOf(training),
    learningRate: Array.from({ length: rates }, (_, i) => {
      if (i === 0) return low;
      return i === rates - 1
        ? high
        : Number((low ** (1 - i / (rates - 1)) * high ** (i / (rates - 1))).toPrecision(2));
    }),
    seed: Array.from({ length: count }, (_, i) => seed + i),
  };
}

function number(name: string, typed: string): number {
  const value = Number(typed);
  if (typed.trim() !== '' && Number.isFinite(value)) return value;
  throw new ConfigError(`${name}: expected a number, got ${typed.trim() === '' ? 'nothing' : `“${typed}”`}.`);
}

function whole(name: string, typed: string): number {
  const value = number(name, typed);
  if (Number.isInteger(value) && value >= 1 && value <= MOST) return value;
  throw new ConfigError(`${name}: expected a whole number from 1 to ${MOST}, got ${typed}.`);
}

let worker: RoomWorker | undefined;
/** Whether the worker still waits for its job. */
let fresh = false;

/** Loads a worker, so that a press finds it there. */
export function prepare(): void {
  if (worker !== undefined) return;
  worker = openRoomWorker(receive);
  fresh = true;
}

export function start(): void {
  const now = plan.value;
  if ('problem' in now) return;
  if (!fresh) end();
  prepare();
  fresh = false;
  const job: SweepJob = { type: 'sweep', engine: engine.value, ...now };
  batch(() => {
    phase.value = 'training';
    error.value = '';
    sweep.value = { job, was: fields.value };
    subject.value = undefined;
    progress.value = undefined;
    results.value = [];
    selected.value = undefined;
    model.value = undefined;
  });
  worker!.send(job);
}

/** At the next step; what was trained stays. */
export function stop(): void {
  phase.value = 'stopping';
  worker?.send({ type: 'stop' });
}

export function look(index: number): void {
  selected.value = index;
  worker?.send({ type: 'look', index });
}

/** Makes the settings of a model those of the page's run, and goes there. */
export function adopt(index: number): void {
  if (sweep.value === undefined) return;
  const { job, was } = sweep.value;
  const { learningRate, seed } = gridPoint(job.axes, index);
  if (isRunning()) reset();
  change({ ...was, lr: String(learningRate), seed: String(seed) });
  location.hash = storyHash.value;
}

function receive(message: RoomMessage): void {
  switch (message.type) {
    case 'sweeping':
      subject.value = message;
      break;
    case 'models':
      batch(() => {
        progress.value = message.progress;
        results.value = rank(message.steps, message.losses);
      });
      break;
    case 'model':
      if (message.index === selected.value) model.value = message;
      break;
    case 'swept':
      batch(() => {
        results.value = message.results;
        phase.value = message.stopped ? 'stopped' : 'done';
      });
      break;
    case 'error':
      end();
      error.value = message.message;
      phase.value = 'failed';
      break;
    default:
  }
}

function end(): void {
  worker?.end();
  worker = undefined;
}

function rank(steps: Uint32Array, losses: Float64Array): ModelResult[] {
  const begun: ModelResult[] = [];
  for (const [index, step] of steps.entries()) {
    if (step === 0) continue;
    const loss = losses[index];
    begun.push(Number.isFinite(loss) ? { index, step, loss } : { index, step, diverged: true });
  }
  return begun.toSorted(compareResults);
}
