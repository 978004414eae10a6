// What can be asked for: an engine, how it is to launch its kernels and on how many threads, and the models it is to train.

import type { TokenizedDocuments } from '../data/tokenizer.ts';
import type { ModelConfig } from '../config/config.ts';
import { OPTIONS } from '../config/options.ts';
import { ConfigError } from '../util/errors.ts';
import type { TuningOptions } from '../webgpu/tuning.ts';
import type { Engine, EngineName, EngineSpec, LaunchStrategy, Member } from './engine.ts';

export const ENGINE_NAMES = OPTIONS.engine.choices.filter((choice) => choice !== 'auto');
export const LAUNCH_STRATEGIES = OPTIONS.launch.choices.filter((choice) => choice !== 'auto');

export interface EngineChoice {
  readonly engine: 'auto' | EngineName;
  /** How a WebGPU engine launches its kernels. `auto` is the fastest of some trial steps on the device. */
  readonly launch: 'auto' | LaunchStrategy;
  /** Of the CPU engine; see `CpuOptions`. An engine that has no threads refuses more than one. */
  readonly threads?: number;
  /** Of the CPU engine: the build that a run began with, which gives its bits; taken where it runs here. */
  readonly build?: string | undefined;
  /** Gives the GPU object: navigator.gpu, or Dawn in Node. Rejects or gives undefined where there is none. */
  readonly gpu: () => Promise<GPU | undefined>;
  /** Takes an engine of one model that would keep this thread for long elsewhere; gives undefined for others. */
  readonly away?: (local: LocalEngine, spec: EngineSpec) => Promise<Engine | undefined>;
  /** How a WebGPU engine finds the fastest kernels for its adapter; it takes defaults without. */
  readonly tuning?: TuningOptions;
}

/** Of the engines that train the models of a sweep. */
export interface SweepChoice extends Omit<EngineChoice, 'launch'> {
  /** No oracle: a step of it takes as long as thousands of the others. */
  readonly engine: 'auto' | 'cpu' | 'webgpu';
}

/** An engine that computes on this machine's processor. */
export interface LocalEngine extends Pick<EngineChoice, 'threads' | 'build'> {
  readonly name: 'oracle' | 'cpu';
}

/** All models that are to be trained, of which few may be in memory at a time. */
export interface ModelSource {
  readonly model: ModelConfig;
  readonly documents: TokenizedDocuments;
  readonly size: number;
  /** Of the models from 0 to size − 1; see Member for what they must share. */
  member(index: number): Member;
}

/** Throws ConfigError where the engine has no use for a launch strategy, or for threads. */
export function checkEngineChoice({
  engine,
  launch,
  threads = 1,
}: Pick<EngineChoice, 'engine' | 'launch' | 'threads'>): void {
  if (launch !== 'auto' && (engine === 'oracle' || engine === 'cpu')) {
    throw new ConfigError(
      `launch ${launch}: the ${engine} engine launches no kernels. Leave it out, or choose the engine webgpu.`,
    );
  }
  if (threads !== 1 && (engine === 'oracle' || engine === 'webgpu')) {
    throw new ConfigError(
      `threads ${threads}: the ${engine} engine has one thread. Leave it out, or choose the engine cpu.`,
    );
  }
}
