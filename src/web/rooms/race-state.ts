// Two engines train the same model side by side, each in a worker of its own: those that train the page's run.

import { batch, computed, signal } from '@preact/signals';
import type { EngineInfo } from '../../engine/engine.ts';
import type { DoneRecord } from '../../train/records.ts';
import { ConfigError, MicrogptError } from '../../util/errors.ts';
import type { Command, RunSettings, WorkerMessage } from '../messages.ts';
import { fields, file, readSettings } from '../state/settings.ts';
import { GrowingCurve } from './growing-curve.ts';

export const CONTENDERS = {
  cpu: { title: 'CPU', engine: 'cpu', launch: 'auto' },
  graph: { title: 'WebGPU graph', engine: 'webgpu', launch: 'graph' },
  fused: { title: 'WebGPU fused', engine: 'webgpu', launch: 'fused' },
  resident: { title: 'WebGPU resident', engine: 'webgpu', launch: 'resident' },
  eager: { title: 'WebGPU eager', engine: 'webgpu', launch: 'eager' },
  oracle: { title: 'Oracle (scalar)', engine: 'oracle', launch: 'auto' },
} as const satisfies Record<string, { title: string } & Pick<RunSettings, 'engine' | 'launch'>>;
export type Contender = keyof typeof CONTENDERS;

/** One of the two, so far. */
export interface Lane {
  readonly contender: Contender;
  /** `racing` once both are ready. */
  readonly phase: 'preparing' | 'ready' | 'racing' | 'done' | 'stopped' | 'failed';
  readonly info?: EngineInfo;
  /** Steps done, and the last of their losses, smoothed. */
  readonly step: number;
  readonly loss?: number;
  readonly stepsPerSecond?: number;
  /** Of the training alone. */
  readonly total?: DoneRecord;
  readonly error: string;
}

export type Side = 0 | 1;

export const chosen = signal<readonly [Contender, Contender]>(['cpu', 'graph']);
export const lanes = signal<readonly [Lane, Lane] | undefined>(undefined);
/** Steps that the model is trained for. */
export const steps = signal(0);
/** Smoothed loss over seconds, of each. They change in place: `lanes` says when. */
export const curves = [new GrowingCurve(), new GrowingCurve()] as const;
export const error = signal('');
/** Over the steps that both have done. */
export const agreement = signal({ steps: 0, difference: 0 });

export const isRacing = computed(
  () =>
    lanes.value?.some(({ phase }) => phase === 'preparing' || phase === 'ready' || phase === 'racing') ??
    false,
);

let workers: Worker[] = [];
let losses: [Float64Array, Float64Array] = [new Float64Array(0), new Float64Array(0)];
let begun = 0;

export function start(): void {
  stop();
  let settings: RunSettings;
  try {
    settings = readSettings(fields.value, file.value);
    checkLength(settings.training.steps);
  } catch (problem) {
    if (!(problem instanceof MicrogptError)) throw problem;
    error.value = problem.message;
    return;
  }
  const lane = (contender: Contender): Lane => ({ contender, phase: 'preparing', step: 0, error: '' });
  const [first, second] = chosen.value;
  const total = settings.training.steps;
  losses = [new Float64Array(total), new Float64Array(total)];
  for (const curve of curves) curve.clear();
  batch(() => {
    error.value = '';
    steps.value = total;
    agreement.value = { steps: 0, difference: 0 };
    lanes.value = [lane(first), lane(second)];
  });
  workers = chosen.value.map((contender, side) => {
    const worker = openLane(side as Side);
    const { engine, launch } = CONTENDERS[contender];
    send(worker, { type: 'start', settings: { ...settings, engine, launch }, keep: false });
    return worker;
  });
}

/** All losses of both are kept, to be compared. */
const MOST_STEPS = 2 ** 24;

function checkLength(wanted: number): void {
  if (wanted <= MOST_STEPS) return;
  throw new ConfigError(`steps: expected at most ${MOST_STEPS} for a race, got ${wanted}.`);
}

export function stop(): void {
  endWorkers();
  lanes.value = lanes.value?.map((lane) =>
    lane.phase === 'done' || lane.phase === 'failed' ? lane : { ...lane, phase: 'stopped' },
  ) as [Lane, Lane] | undefined;
}

function openLane(side: Side): Worker {
  const worker = new Worker(new URL('../worker/worker.ts', import.meta.url), { type: 'module' });
  worker.addEventListener('message', ({ data }: MessageEvent<readonly WorkerMessage[]>) => {
    if (workers[side] !== worker) return; // its race is over
    batch(() => {
      for (const message of data) receive(side, message);
    });
  });
  worker.addEventListener('error', ({ message }) => {
    if (workers[side] === worker) fail(side, message || 'Its worker could not be loaded.');
  });
  return worker;
}

function receive(side: Side, message: WorkerMessage): void {
  const { contender } = lanes.value![side];
  switch (message.type) {
    case 'config':
      // The page's run would go on without a GPU; a race that says one must have it.
      if (message.engine.engine !== CONTENDERS[contender].engine) fail(side, message.reason);
      else set(side, { info: message.engine });
      break;
    case 'phase':
      if (message.phase !== 'paused' || lanes.value![side].phase !== 'preparing') break;
      set(side, { phase: 'ready' });
      if (lanes.value!.every(({ phase }) => phase === 'ready')) go();
      break;
    case 'steps':
      losses[side].set(message.losses, message.from);
      break;
    case 'progress': {
      const { step, smoothedLoss, stepsPerSecond } = message;
      curves[side].push((performance.now() - begun) / 1000, smoothedLoss);
      set(side, { step, loss: smoothedLoss, stepsPerSecond });
      compare();
      break;
    }
    case 'done':
      set(side, { phase: 'done', total: message });
      workers[side].terminate();
      break;
    case 'interrupted':
    case 'error':
      fail(side, message.message);
      break;
    default:
  }
}

/** Both are ready. */
function go(): void {
  begun = performance.now();
  for (const side of [0, 1] as const) {
    set(side, { phase: 'racing' });
    send(workers[side], { type: 'go' });
  }
}

/** Of the losses that have come since, the largest difference. */
function compare(): void {
  const both = Math.min(...lanes.value!.map(({ step }) => step));
  let { steps: from, difference } = agreement.value;
  for (; from < both; from++) difference = Math.max(difference, Math.abs(losses[0][from] - losses[1][from]));
  agreement.value = { steps: both, difference };
}

/** A race of one is none: it ends both. */
function fail(side: Side, message: string): void {
  endWorkers();
  set(side, { phase: 'failed', error: message });
  const other = lanes.value![side === 0 ? 1 : 0];
  if (other.phase !== 'done') set(side === 0 ? 1 : 0, { phase: 'stopped' });
}

function set(side: Side, changes: Partial<Lane>): void {
  const [first, second] = lanes.value!;
  lanes.value = side === 0 ? [{ ...first, ...changes }, second] : [first, { ...second, ...changes }];
}

function send(worker: Worker, command: Command): void {
  worker.postMessage(command, { transfer: [] });
}

function endWorkers(): void {
  for (const worker of workers) worker.terminate();
  workers = [];
}
