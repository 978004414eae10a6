// What the rooms and their worker say to each other. A worker does one job; the room ends it by terminating it.

import type { MeasureOptions, Progress as MeasureProgress } from '../../report/measure/measure.ts';
import type { Report } from '../../report/schema.ts';
import type { Axes } from '../../train/sweep-grid.ts';
import type { ModelResult, SweepProgress } from '../../train/sweep.ts';
import type { Check } from '../../verify/check.ts';
import type { AdapterInfo, EngineInfo } from '../../engine/engine.ts';
import type { RunSettings } from '../messages.ts';

export interface VerifyJob {
  readonly type: 'verify';
  readonly engines: readonly ('oracle' | 'cpu' | 'webgpu')[];
  /** As thorough as `microgpt verify`, or a look at everything in a fraction of its time. */
  readonly thorough: boolean;
}

export interface MeasureJob {
  readonly type: 'measure';
  readonly machine: MeasureOptions['machine'];
  /** At most. */
  readonly seconds: number;
  /** False leaves the GPU out. */
  readonly gpu: boolean;
}

export interface SweepJob {
  readonly type: 'sweep';
  readonly engine: 'auto' | 'cpu' | 'webgpu';
  /** Of all models; the axes take the place of its rates and of its seed. */
  readonly settings: RunSettings;
  readonly axes: Axes;
}

export type RoomCommand =
  | VerifyJob
  | MeasureJob
  | SweepJob
  /** Ends the job at its next stop; what it has is kept. */
  | { readonly type: 'stop' }
  /** Of a sweep: shows this model's curve from now on, and what it writes once it is trained. */
  | { readonly type: 'look'; readonly index: number };

/** What will be checked, before the first check. */
export interface VerifyingMessage {
  readonly type: 'verifying';
  readonly adapter: AdapterInfo | null;
  /** Why the GPU is not checked, or ''. */
  readonly problem: string;
  readonly checks: number;
}

export interface MeasuringMessage extends MeasureProgress {
  readonly type: 'measuring';
}

/** The report so far; the last one is `complete`, or was stopped. */
export interface ReportMessage {
  readonly type: 'report';
  readonly report: Report;
  readonly done: boolean;
}

/** What the sweep trains on: before the first step, and after a device was lost. */
export interface SweepingMessage {
  readonly type: 'sweeping';
  /** Which engine and why, in one line. */
  readonly reason: string;
  readonly engine: EngineInfo;
  /** What was lost, and what is done about it, or ''. */
  readonly note: string;
  readonly parameters: number;
  /** ln V: what guessing would give. */
  readonly chance: number;
}

/** All models of the grid, several times a second. */
export interface ModelsMessage {
  readonly type: 'models';
  /** Steps done of each. */
  readonly steps: Uint32Array;
  /** Of each the mean of its last losses, as its final loss will be; not finite where it diverged, NaN before its first step. */
  readonly losses: Float64Array;
  readonly progress: SweepProgress;
}

/** The model that is looked at. */
export interface ModelMessage {
  readonly type: 'model';
  readonly index: number;
  /** Some of its steps, and the smoothed loss at each. */
  readonly steps: Float64Array;
  readonly losses: Float64Array;
  /** What it writes; undefined until it is trained, or where there was no room to keep it. */
  readonly texts: readonly string[] | undefined;
}

export interface SweptMessage {
  readonly type: 'swept';
  readonly results: readonly ModelResult[];
  readonly stopped: boolean;
}

export type RoomMessage =
  | Check
  | VerifyingMessage
  | MeasuringMessage
  | ReportMessage
  | SweepingMessage
  | ModelsMessage
  | ModelMessage
  | SweptMessage
  | { readonly type: 'finished' }
  | { readonly type: 'error'; readonly error: string; readonly message: string };
