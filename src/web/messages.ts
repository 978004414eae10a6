// What the page and its worker say to each other. A worker trains one run: `start`, then `go`, `pause` and `step` as
// often as wanted; the page ends it by terminating the worker.

import * as v from 'valibot';
import type { Progress } from '../train/progress.ts';
import type { ConfigRecord, DoneRecord, ErrorRecord, SampleRecord, StepRecord } from '../train/records.ts';

const SETTINGS = v.object({
  source: v.variant('kind', [
    v.object({ kind: v.literal('builtin') }),
    v.object({ kind: v.literal('text'), text: v.string() }),
    v.object({ kind: v.literal('file'), file: v.file() }),
  ]),
  engine: v.picklist(['auto', 'oracle', 'cpu', 'webgpu']),
  launch: v.picklist(['auto', 'eager', 'graph', 'fused', 'resident']),
  model: v.object({ nLayer: v.number(), nEmbd: v.number(), nHead: v.number(), blockSize: v.number() }),
  training: v.object({
    steps: v.number(),
    batchSize: v.number(),
    learningRate: v.number(),
    beta1: v.number(),
    beta2: v.number(),
    eps: v.number(),
    seed: v.number(),
    initScale: v.number(),
  }),
  temperature: v.number(),
});

/** The form of commands; whether the numbers make a model is for checkModelConfig and its like to say. */
export const COMMAND = v.variant('type', [
  v.object({ type: v.literal('start'), settings: SETTINGS }),
  v.object({ type: v.picklist(['go', 'pause', 'step']) }),
]);

/** Everything that a run depends on. */
export type RunSettings = v.InferOutput<typeof SETTINGS>;
export type Command = v.InferOutput<typeof COMMAND>;

/** What the worker does now; a DoneRecord or an ErrorRecord is its last word. */
export interface PhaseMessage {
  readonly type: 'phase';
  readonly phase: 'preparing' | 'training' | 'paused' | 'sampling';
}

/** A step as in every other output, and what the smoothed curve shows there. */
export interface PlottedStep extends StepRecord {
  readonly smoothedLoss: number;
}

export interface ProgressMessage extends Progress {
  readonly type: 'progress';
}

/** What the model would write at this point of its training. */
export interface PreviewMessage {
  readonly type: 'preview';
  /** Steps done. */
  readonly step: number;
  readonly texts: readonly string[];
}

export type WorkerMessage =
  | ConfigRecord
  | PhaseMessage
  | PlottedStep
  | ProgressMessage
  | PreviewMessage
  | SampleRecord
  | DoneRecord
  | ErrorRecord;
