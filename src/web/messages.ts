// What the page and its worker say to each other. A worker trains one run: `look` as often as wanted, then `start` or `open`, then
// `go`, `pause` and `step`, and `ask` at any time after `start`; the page ends it by terminating the worker.

import * as v from 'valibot';
import { OPTIONS } from '../config/options.ts';
import { MODEL_OPTIONS, SAMPLING, TRAINING } from '../config/schema.ts';
import { TOY_NAMES } from '../data/toy-tasks.ts';
import type { Progress } from '../train/progress.ts';
import type { ConfigRecord, DoneRecord, ErrorRecord, SampleRecord } from '../train/records.ts';
import { QUESTION, type Answers, type QuestionName } from './questions.ts';

const SOURCE = v.variant('kind', [
  v.object({ kind: v.literal('builtin') }),
  v.object({ kind: v.literal('toy'), task: v.picklist(TOY_NAMES) }),
  v.object({ kind: v.literal('text'), text: v.string() }),
  v.object({ kind: v.literal('file'), file: v.file() }),
]);

const SETTINGS = v.object({
  source: SOURCE,
  engine: v.picklist(OPTIONS.engine.choices),
  launch: v.picklist(OPTIONS.launch.choices),
  model: MODEL_OPTIONS,
  training: TRAINING,
  sampling: SAMPLING,
});

/** The form of commands; whether the numbers make a model is for checkModelConfig and its like to say. */
export const COMMAND = v.variant('type', [
  /** Reads the text and answers with a DataMessage, which says `next` again. Starts no run. */
  v.object({ type: v.literal('look'), source: SOURCE, seed: v.number(), next: v.boolean() }),
  /** With `keep: false` the run is not saved in the browser. */
  v.object({ type: v.literal('start'), settings: SETTINGS, keep: v.exactOptional(v.boolean()) }),
  /** Instead of `start`: a run that the browser keeps, where it was left. */
  v.object({ type: v.literal('open'), id: v.string() }),
  v.object({ type: v.picklist(['go', 'pause', 'step']) }),
  /** At most so many steps a second; 0: as fast as it goes. */
  v.object({ type: v.literal('pace'), stepsPerSecond: v.number() }),
  /** Answered by an AnswerMessage with the same id, between two steps, at once where the run is paused or done. */
  v.object({ type: v.literal('ask'), id: v.number(), question: QUESTION }),
]);

export type Source = v.InferOutput<typeof SOURCE>;
/** Everything that a run depends on. */
export type RunSettings = v.InferOutput<typeof SETTINGS>;
export type Command = v.InferOutput<typeof COMMAND>;

/** What the worker does now. `done`: it has trained and sampled, and still answers questions. */
export interface PhaseMessage {
  readonly type: 'phase';
  readonly phase: 'preparing' | 'training' | 'paused' | 'sampling' | 'done';
}

/** The text, as the run reads it. */
export interface DataMessage {
  readonly type: 'data';
  readonly source: string;
  readonly count: number;
  /** The first ones, in training order. */
  readonly documents: readonly string[];
  /** The vocabulary without BOS: token i is chars[i]. */
  readonly chars: readonly string[];
  /** Of all of them, as in TokenizedDocuments; empty where the documents are not here. */
  readonly offsets: Uint32Array;
  /** Whether it is that of the settings, beside a run in view. */
  readonly next: boolean;
}

/** The text cannot be read. */
export interface DataErrorMessage {
  readonly type: 'data-error';
  readonly message: string;
}

/** Steps `from` + stride, `from` + 2 stride, …, and what the smoothed curve shows at each. */
export interface StepsMessage {
  readonly type: 'steps';
  readonly from: number;
  /** 1 unless given: of a long run that is opened again, not every loss was kept. */
  readonly stride?: number;
  readonly losses: Float64Array;
  readonly smoothed: Float64Array;
}

export interface ProgressMessage extends Progress {
  readonly type: 'progress';
  /** Of the last step. */
  readonly learningRate: number;
  /** The first document of the last step. */
  readonly document: string;
}

/** What the model would write at this point of its training. */
export interface PreviewMessage {
  readonly type: 'preview';
  /** Steps done. */
  readonly step: number;
  readonly texts: readonly string[];
}

/** The run met an error and lives on: at `step` again, waiting for `go`. */
export interface InterruptedMessage {
  readonly type: 'interrupted';
  readonly error: string;
  readonly message: string;
  readonly step: number;
  /** The engine that will go on. */
  readonly engine: ConfigRecord['engine'];
}

/** The run is in the browser's storage up to this step, or why its saving failed: the training goes on. */
export type KeptMessage =
  | { readonly type: 'kept'; readonly id: string; readonly step: number }
  | { readonly type: 'not-kept'; readonly message: string };

/** Something to know of a run that was opened again. */
export interface NoticeMessage {
  readonly type: 'notice';
  readonly message: string;
}

export type AnswerMessage = { readonly type: 'answer'; readonly id: number } & (
  { readonly answer: Answers[QuestionName] } | { readonly error: string }
);

export type WorkerMessage =
  | AnswerMessage
  | ConfigRecord
  | DataErrorMessage
  | DataMessage
  | DoneRecord
  | ErrorRecord
  | InterruptedMessage
  | KeptMessage
  | NoticeMessage
  | PhaseMessage
  | PreviewMessage
  | ProgressMessage
  | SampleRecord
  | StepsMessage;

/** How a worker tells the page. */
export type Post = (messages: WorkerMessage[], transfer?: Transferable[]) => void;
