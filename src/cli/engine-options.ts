// --engine, --launch and --threads, which several commands have.

import { Option, type Command } from 'commander';
import type { EngineName, LaunchStrategy } from '../engine/engine.ts';
import { ENGINE_NAMES, LAUNCH_STRATEGIES, type EngineChoice } from '../engine/choice.ts';
import { integer } from './arguments.ts';
import { engineAway } from './engine-away.ts';
import { gpu } from './gpu.ts';

export interface EngineFlags {
  engine: 'auto' | EngineName;
  launch: 'auto' | LaunchStrategy;
  threads?: number;
}

/** --launch where there is no `auto` to choose. */
export function launchOption(description: string): Option {
  return new Option('--launch <strategy>', description).choices(LAUNCH_STRATEGIES);
}

/** What `auto` does differs: `words` say it. */
export function engineOptions(
  command: Command,
  words: Readonly<Record<'engine' | 'launch', string>>,
): Command {
  const engine = new Option('--engine <name>', words.engine).choices(['auto', ...ENGINE_NAMES]);
  const launch = new Option('--launch <strategy>', words.launch).choices(['auto', ...LAUNCH_STRATEGIES]);
  return command
    .addOption(engine.default('auto'))
    .addOption(launch.default('auto'))
    .option('--threads <number>', 'CPU threads (default: chosen by measurement)', integer(1));
}

export function engineChoice({ engine, launch, threads }: EngineFlags): EngineChoice {
  return { engine, launch, gpu, away: engineAway, ...(threads === undefined ? {} : { threads }) };
}
