// What a run says about itself, as plain objects: one line of --json output each, a message of the
// page's worker, an entry of a report. Numbers stay at full precision.

import type { TextUse } from '../data/text-use.ts';
import type { EngineInfo } from '../engine/engine.ts';
import type { ModelConfig, TrainingConfig } from '../config/config.ts';

/** The first record of a run: what is trained, on what. */
export interface ConfigRecord {
  readonly type: 'config';
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
  /** Number of parameters. */
  readonly parameters: number;
  readonly data: DataSummary;
  /** How much of the data the block lets training see; absent where the data is not at hand. */
  readonly text?: TextUse;
  readonly engine: EngineInfo;
  /** Why this engine, in one line. */
  readonly reason: string;
  /** Steps done before this run started; more than 0 where a saved run goes on. */
  readonly step: number;
}

export interface DataSummary {
  /** `builtin`, `names`, `-` or a path. */
  readonly source: string;
  /** Number of documents. */
  readonly documents: number;
  /** Fingerprint of the documents, in the order of the file (`fingerprintDocuments`). */
  readonly sha256: string;
}

export interface StepRecord {
  readonly type: 'step';
  /** From 1, as microgpt.py prints it. */
  readonly step: number;
  /** Nats per token, of the documents of this step, before the update. */
  readonly loss: number;
}

export interface SampleRecord {
  readonly type: 'sample';
  /** From 1. */
  readonly index: number;
  readonly text: string;
}

/** A run was saved. */
export interface CheckpointRecord {
  readonly type: 'checkpoint';
  /** Steps done. */
  readonly step: number;
  readonly directory: string;
  /** The checkpoint's own file; absent where the files of the run were written. */
  readonly file?: string;
}

/** One measured figure. */
export interface MeasurementRecord {
  readonly type: 'measurement';
  /** What was measured, such as `cpu step`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** The last record of a command that ended without an error. */
export interface DoneRecord {
  readonly type: 'done';
  /** Steps done, those of earlier runs included; absent where nothing was trained. */
  readonly step?: number;
  /** Loss of the last step. */
  readonly loss?: number;
  /** Wall-clock time of the training alone. */
  readonly seconds?: number;
  readonly stepsPerSecond?: number;
  /** Predicted tokens per second. */
  readonly tokensPerSecond?: number;
  /** Samples (of the first 10,000) that repeat a training document, or the part of it within the block, word for word. */
  readonly copies?: number;
  /** What is wrong with the model that was trained, and what to do; absent where nothing is. */
  readonly problem?: string;
  /** True where a signal stopped the run before its last step. */
  readonly interrupted?: boolean;
}

/** The last record of a command that failed. */
export interface ErrorRecord {
  readonly type: 'error';
  /** The class of the error, such as `ConfigError`. */
  readonly error: string;
  readonly message: string;
}

export type RunRecord =
  ConfigRecord | StepRecord | SampleRecord | CheckpointRecord | MeasurementRecord | DoneRecord | ErrorRecord;
