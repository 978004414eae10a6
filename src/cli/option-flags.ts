// The options of the table on the command line. Commander keeps their values under the names that configurations have (--lr is
// learningRate), so that what it gives is read, compared and passed on by these names.

import { Option } from 'commander';
import {
  optionOf,
  type AxisName,
  type NamesOf,
  type OptionName,
  type SamplingConfig,
  type TrainingConfig,
  type ModelOptions,
  type Values,
} from '../config/config.ts';
import { numeric } from './arguments.ts';
import { numbers, wholeNumbers } from './ranges.ts';

/** What the flags of a run give. */
export interface RunFlags extends ModelOptions, TrainingConfig, SamplingConfig {}

/** What those of `microgpt sample` give: only what is on the command line. */
export type SamplingFlags = Partial<Values<NamesOf<'sampling'>>>;

class TableOption extends Option {
  readonly #name: OptionName;

  constructor(name: OptionName, flags: string, help: string) {
    super(flags, help);
    this.#name = name;
  }

  override attributeName(): string {
    return this.#name;
  }
}

/** What a command has otherwise than the table. */
export interface Differences {
  readonly help?: string;
  readonly choices?: readonly string[];
  /** False where a value that is not given comes from elsewhere. */
  readonly preset?: boolean;
}

/** `--n-layer <number>`, `--engine <name>`, `--bias` */
export function flagOption(name: OptionName, { help, choices, preset = true }: Differences = {}): Option {
  const row = optionOf(name);
  const text = help ?? row.help;
  const option = (flags: string) => {
    const made = new TableOption(name, flags, text);
    if (!preset || row.default === undefined) return made;
    return made.default(row.default, row.default === false ? 'off' : undefined);
  };
  switch (row.type) {
    case 'boolean':
      return option(`--${row.default ? 'no-' : ''}${row.flag}`);
    case 'choice':
      return option(`--${row.flag} <name>`).choices(choices ?? row.choices);
    default:
      return option(`--${row.flag} <number>`).argParser(numeric(row));
  }
}

/** `--lr <values>` */
export function axisOption(name: AxisName): Option {
  const row = optionOf(name);
  if (!('axis' in row)) throw new Error(`${name} is no axis`);
  const { help, spacing } = row.axis;
  const read = numeric(row);
  return new TableOption(name, `--${row.flag} <values>`, help)
    .argParser(spacing === 'whole' ? wholeNumbers(read) : numbers(read, spacing))
    .default([row.default], String(row.default));
}
