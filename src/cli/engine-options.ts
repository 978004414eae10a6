// --engine, --launch and --threads, which several commands have.

import { Option, type Command } from 'commander';
import type { EngineName, LaunchStrategy } from '../engine.ts';
import { ENGINE_NAMES, LAUNCH_STRATEGIES, type EngineChoice } from '../engines.ts';
import { integer } from './arguments.ts';
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

export function engineOptions(command: Command): Command {
  const engine = new Option('--engine <name>', 'what computes').choices(['auto', ...ENGINE_NAMES]);
  const launch = new Option(
    '--launch <strategy>',
    'how WebGPU kernels are launched; auto: the fastest way here (verify: every way)',
  );
  return command
    .addOption(engine.default('auto'))
    .addOption(launch.choices(['auto', ...LAUNCH_STRATEGIES]).default('auto'))
    .option('--threads <n>', 'of the CPU engine (default: as many as turn out to be faster)', integer(1));
}

export function engineChoice({ engine, launch, threads }: EngineFlags): EngineChoice {
  return { engine, launch, gpu, ...(threads === undefined ? {} : { threads }) };
}
