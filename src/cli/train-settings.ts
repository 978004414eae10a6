// The options of `microgpt train` -> what to train: anew, or going on with a saved run.

import { resolve } from 'node:path';
import {
  MODEL_NAMES,
  optionOf,
  optionsOf,
  pick,
  SAMPLING_NAMES,
  TRAINING_NAMES,
  type ModelOptions,
  type Option,
  type TrainingConfig,
} from '../config/config.ts';
import type { RunConfig } from '../train/run-files.ts';
import { ConfigError } from '../util/errors.ts';
import { engineChoice, type EngineFlags } from './engine-options.ts';
import type { RunFlags } from './option-flags.ts';
import type { OutputOptions } from './output.ts';
import { isFile } from './run-directory.ts';
import { readNewest } from './run-store.ts';
import type { Every } from './arguments.ts';
import type { TrainSettings } from './train.ts';

export interface TrainFlags extends OutputOptions, EngineFlags, RunFlags {
  data: string;
  out?: string;
  force?: boolean;
  checkpointEvery: Every;
  resume?: string;
}

const FIXED_SOURCES = ['builtin', 'names', '-'];

/** A path is kept in full: the run may be gone on with from another directory. */
export function dataSource(data: string): string {
  return FIXED_SOURCES.includes(data) || data === '' ? data : resolve(data);
}

/** `given` tells which options stand on the command line. Throws ConfigError where they contradict the saved run. */
export async function trainSettings(
  flags: TrainFlags,
  given: (option: string) => boolean,
): Promise<TrainSettings> {
  const source = dataSource(flags.data);
  if (flags.resume !== undefined) return resumed(flags, flags.resume, given, source);
  if (flags.out === undefined && given('checkpointEvery')) {
    throw new ConfigError(
      '--checkpoint-every: there is nowhere to save checkpoints. Give --out DIR as well.',
    );
  }
  return {
    source,
    choice: engineChoice(flags),
    model: pick(flags, MODEL_NAMES),
    training: pick(flags, TRAINING_NAMES),
    sampling: pick(flags, SAMPLING_NAMES),
    out: flags.out,
    force: flags.force,
    checkpointEvery: flags.checkpointEvery,
  };
}

async function resumed(
  flags: TrainFlags,
  path: string,
  given: (option: string) => boolean,
  source: string,
): Promise<TrainSettings> {
  const fromFile = await isFile(path);
  if (fromFile && flags.out === undefined) {
    throw new ConfigError(
      `--resume ${path} is a file: give the directory to save the run in with --out DIR.`,
    );
  }
  if (!fromFile && flags.out !== undefined) {
    throw new ConfigError(
      `--resume ${path} saves the run in that directory again: leave out --out ${flags.out}.`,
    );
  }
  const { run, notices } = await readNewest(path);
  const { config } = run;
  checkSameOptions(flags, given, config, path);
  if (config.data.source === '-' && !given('data')) {
    throw new ConfigError(
      `--resume ${path}: this run read its text from standard input. Give the same text again with --data - or --data FILE.`,
    );
  }
  const { source: was } = config.data;
  if (fromFile && !given('data') && !FIXED_SOURCES.includes(was) && !(await isFile(was))) {
    throw new ConfigError(`--resume ${path}: its text, “${was}”, is not here. Give it with --data FILE.`);
  }
  return {
    source: given('data') ? source : config.data.source,
    choice: resumedEngine(flags, given, config.engine),
    model: pick(config.model, MODEL_NAMES),
    training: config.training,
    sampling: { ...config.sampling, ...pick(flags, SAMPLING_NAMES.filter(given)) },
    out: flags.out ?? path,
    force: flags.force,
    checkpointEvery: flags.checkpointEvery,
    resume: run,
    resumeFrom: path,
    notices,
  };
}

/** The run's own engine, which gives the same bits as if it had never stopped, unless another one is asked for. */
function resumedEngine(
  flags: TrainFlags,
  given: (option: string) => boolean,
  was: RunConfig['engine'],
): TrainSettings['choice'] {
  const engine = given('engine') ? flags.engine : was.name;
  if (given('launch')) return engineChoice({ ...flags, engine: given('engine') ? engine : 'webgpu' });
  const launch = engine === was.name ? (was.launch ?? 'auto') : 'auto';
  return { ...engineChoice({ ...flags, engine, launch }), build: was.build };
}

/** Options may repeat what the run has; what differs would make it another run. */
function checkSameOptions(
  flags: TrainFlags,
  given: (option: string) => boolean,
  { model, training }: RunConfig,
  directory: string,
): void {
  const saved: ModelOptions & TrainingConfig = { ...model, ...training };
  const names = optionsOf('model', 'training').map(({ name }) => name as keyof typeof saved);
  const differing = names.filter((name) => given(name) && flags[name] !== saved[name]);
  if (differing.length === 0) return;
  const list = differing
    .map((name) => `${typed(optionOf(name), flags[name])} (the run has ${saved[name]})`)
    .join(', ');
  throw new ConfigError(
    `--resume ${directory} takes the options of the saved run, which differ: ${list}. ` +
      'Leave them out, or train a new run with --out.',
  );
}

/** `--n-layer 2`, as it stands on the command line. */
function typed({ flag, type }: Option, value: unknown): string {
  if (type === 'boolean') return `--${value === true ? '' : 'no-'}${flag}`;
  return `--${flag} ${String(value)}`;
}
