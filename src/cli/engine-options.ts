// --engine, --launch and --threads, which several commands have.

import type { Command, Option } from 'commander';
import { optionsOf, type NamesOf, type OptionName, type Values } from '../config/config.ts';
import { LAUNCH_STRATEGIES, type EngineChoice } from '../engine/choice.ts';
import { engineAway } from './engine-away.ts';
import { expectGpu, gpu } from './gpu.ts';
import { flagOption } from './option-flags.ts';

export type EngineFlags = Values<'engine' | 'launch'> & Partial<Values<NamesOf<'engine'>>>;

/** --launch where there is no `auto` to choose. */
export function launchOption(description: string): Option {
  return flagOption('launch', { help: description, choices: LAUNCH_STRATEGIES, preset: false });
}

/** What `auto` does differs among commands: `words` say it. */
export function engineOptions(
  command: Command,
  words: Readonly<Partial<Record<OptionName, string>>> = {},
): Command {
  for (const { name, help } of optionsOf('engine')) {
    command.addOption(flagOption(name, { help: words[name] ?? help }));
  }
  return command;
}

export function engineChoice({ engine, launch, threads }: EngineFlags): EngineChoice {
  if (engine === 'auto' || engine === 'webgpu') expectGpu();
  return { engine, launch, gpu, away: engineAway, ...(threads === undefined ? {} : { threads }) };
}
