// Every kind of line that --json prints: the records of a run, and those of the commands that only report.

import type { TextUse } from '../data/text-use.ts';
import type { AdapterInfo, EngineInfo, EngineName } from '../engine/engine.ts';
import type { ModelConfig, TrainingConfig } from '../config/config.ts';
import type { DataSummary, RunRecord } from '../train/records.ts';
import type { Axes, GridPoint } from '../train/sweep-grid.ts';
import type { SettingResult } from '../train/sweep-judge.ts';
import type { ModelResult } from '../train/sweep.ts';
import type { Check } from '../verify/check.ts';
import type { LimitsChoice } from '../webgpu/adapter.ts';
import type { StepCost } from '../webgpu/cost.ts';

export type PrintedRecord =
  | RunRecord
  | InfoRecord
  | DispatchRecord
  | CostRecord
  | VerifyRecord
  | Check
  | VerdictRecord
  | SweepRecord
  | ModelRecord
  | SettingRecord
  | SweepDoneRecord;

export interface InfoRecord {
  readonly type: 'info';
  readonly versions: Readonly<Record<'microgpt' | 'node' | 'v8' | 'webgpu', string>>;
  readonly system: {
    readonly platform: string;
    readonly release: string;
    readonly arch: string;
    readonly cpu: string;
    readonly cores: number;
  };
  readonly engines: readonly {
    readonly name: EngineName;
    readonly available: boolean;
    readonly note: string;
  }[];
  /** Of which WebGPU gives at most one; empty where there is none. */
  readonly adapters: readonly AdapterDetails[];
}

export interface AdapterDetails extends AdapterInfo {
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
  readonly languageFeatures: readonly string[];
}

/** One dispatch of `info --plan --json`. */
export interface DispatchRecord {
  readonly type: 'dispatch';
  readonly index: number;
  readonly op: string;
  readonly label: string;
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly (readonly number[])[];
  readonly workgroups: readonly number[];
  readonly bytes: number;
  readonly flops: number;
}

/** What steps cost by one launch strategy, of `info --plan --json`. */
export interface CostRecord extends StepCost {
  readonly type: 'cost';
  /** Of one step: what no implementation can do without. */
  readonly modelFlops: number;
}

/** First line of `verify --json`. */
export interface VerifyRecord {
  readonly type: 'verify';
  readonly engines: readonly EngineName[];
  readonly adapter: AdapterInfo | null;
  /** Of the device: those that all have, or the adapter's own. */
  readonly limits: LimitsChoice;
  /** Why there is no adapter, or ''. */
  readonly problem: string;
}

/** Last line of `verify --json`. */
export interface VerdictRecord {
  readonly type: 'done';
  readonly passed: number;
  readonly failed: number;
}

/** First line of `sweep --json`: what is tried, on what. */
export interface SweepRecord {
  readonly type: 'sweep';
  readonly model: ModelConfig;
  /** What all models have in common. */
  readonly training: Pick<TrainingConfig, 'steps' | 'batchSize'>;
  readonly axes: Axes;
  readonly models: number;
  /** Of each model. */
  readonly parameters: number;
  readonly data: DataSummary;
  /** How much of the data the block lets training see. */
  readonly text: TextUse;
  readonly engine: EngineInfo;
  readonly reason: string;
  readonly smoothingWindow: number;
}

/** One model of `sweep --json`, the best first. */
export interface ModelRecord extends GridPoint, ModelResult {
  readonly type: 'model';
  /** From 1. */
  readonly rank: number;
}

/** One setting of `sweep --json`, over all seeds, the best first. */
export interface SettingRecord extends Omit<GridPoint, 'seed'>, Omit<SettingResult, 'setting'> {
  readonly type: 'setting';
  /** From 1. */
  readonly rank: number;
  /** Whether it is the best, or indistinguishable from it. */
  readonly best: boolean;
}

/** Last line of `sweep --json`. */
export interface SweepDoneRecord {
  readonly type: 'done';
  /** Models that were begun. */
  readonly models: number;
  readonly diverged: number;
  /** Final loss of the best. */
  readonly loss?: number;
  readonly setting?: SettingResult;
  /** Which setting is the best, in words. */
  readonly verdict?: string;
  /** Steps that this command has trained, of all models together. */
  readonly modelSteps: number;
  readonly seconds: number;
  readonly modelStepsPerSecond: number;
  /** As in DoneRecord, of the best model's samples. */
  readonly copies?: number;
  /** What is wrong where even the best model is no better than chance, and what to do. */
  readonly problem?: string;
  readonly interrupted?: boolean;
}
