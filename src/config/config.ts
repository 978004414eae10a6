// What a model is and how it is trained and sampled, under microgpt.py's names (n_layer is nLayer here): the types, defaults and
// checks that follow from the table of options.

import { ConfigError } from '../util/errors.ts';
import { OPTIONS, type OptionKind, type OptionRow, type Range } from './options.ts';

type Options = typeof OPTIONS;
export type OptionName = keyof Options;

/** What an option of this row may be. */
export type ValueOf<Row> = Row extends { type: 'choice'; choices: readonly (infer Choice)[] }
  ? Choice
  : Row extends { type: 'boolean' }
    ? boolean
    : number;

/** The names of a kind, or of those among them that files have, which are those with a default. */
export type NamesOf<Kind extends OptionKind, Row = unknown> = {
  [Name in OptionName]: Options[Name] extends { kind: Kind } & Row ? Name : never;
}[OptionName];
export type SavedNamesOf<Kind extends OptionKind> = NamesOf<Kind, { default: unknown }>;
export type Values<Names extends OptionName> = {
  readonly [Name in keyof Options as Name extends Names ? Name : never]: ValueOf<Options[Name]>;
};

/** What a sweep can vary. */
export type AxisName = NamesOf<'training', { axis: unknown }>;

/** The options of a model; the vocabulary comes from the data. */
export type ModelOptions = Values<SavedNamesOf<'model'>>;

/** The shape of a model. L layers, C channels, H heads of D = C / H, context T, vocabulary V. */
export interface ModelConfig extends ModelOptions {
  /** V: number of tokens, the beginning-of-sequence token included. */
  readonly vocabSize: number;
}

export type TrainingConfig = Values<SavedNamesOf<'training'>>;

/** What the models of a sweep have in common. */
export type CommonTraining = Omit<TrainingConfig, AxisName>;

/** How documents are drawn from a model when its training is over. */
export type SamplingConfig = Values<SavedNamesOf<'sampling'>>;

/** An option of the table with its name. */
export type Option = OptionRow & { readonly name: OptionName };

const ALL: readonly Option[] = Object.entries(OPTIONS).map(([name, row]) => ({
  ...(row as OptionRow),
  name: name as OptionName,
}));

/** The options of these kinds, in the order of the table. */
export function optionsOf(...kinds: OptionKind[]): readonly Option[] {
  return ALL.filter(({ kind }) => kinds.includes(kind));
}

export function optionOf(name: OptionName): Option {
  return ALL.find((option) => option.name === name)!;
}

/** What microgpt.py would call it: the name in errors, links and fields. */
export function underscored(flag: string): string {
  return flag.replaceAll('-', '_');
}

/** Axes in the order of the table. */
export const AXES = optionsOf('training')
  .filter((option) => 'axis' in option)
  .map(nameOf<AxisName>);
export const COMMON_NAMES = optionsOf('training')
  .filter((option) => !('axis' in option))
  .map(nameOf<keyof CommonTraining>);
export const MODEL_NAMES = savedOf('model').map(nameOf<SavedNamesOf<'model'>>);
/** In the order in which files and records have them. */
export const TRAINING_NAMES: readonly SavedNamesOf<'training'>[] = [...COMMON_NAMES, ...AXES];
export const SAMPLING_NAMES = savedOf('sampling').map(nameOf<SavedNamesOf<'sampling'>>);

/** microgpt.py's own values. */
export const DEFAULT_MODEL: ModelOptions = defaultsOf(MODEL_NAMES);
export const DEFAULT_TRAINING: TrainingConfig = defaultsOf(TRAINING_NAMES);
export const DEFAULT_SAMPLING: SamplingConfig = defaultsOf(SAMPLING_NAMES);

/** These of `values` as far as it has them, in this order. */
export function pick<T, Name extends keyof T>(values: T, names: readonly Name[]): Pick<T, Name> {
  const there = names.filter((name) => values[name] !== undefined);
  return Object.fromEntries(there.map((name) => [name, values[name]])) as Pick<T, Name>;
}

/** How many heads an error proposes. */
const PROPOSED = 12;

/** Throws ConfigError where `config` cannot make a model. */
export function checkModelConfig(config: ModelConfig): void {
  checkOptions(config, MODEL_NAMES);
  check('vocab_size', { type: 'whole', range: { least: 1 } }, config.vocabSize);
  if (config.nEmbd % config.nHead !== 0) {
    throw new ConfigError(
      `n_embd ${config.nEmbd} is not divisible by n_head ${config.nHead}: ` +
        `each head takes n_embd / n_head channels. Choose n_head among ${divisorsNear(config.nHead, config.nEmbd).join(', ')}.`,
    );
  }
}

/** Throws ConfigError where `config` cannot train. */
export function checkTrainingConfig(config: TrainingConfig): void {
  checkOptions(config, TRAINING_NAMES);
}

/** Throws ConfigError for the first of `names` whose value is out of its range. */
export function checkOptions<Name extends OptionName>(
  values: Readonly<Record<Name, unknown>>,
  names: readonly Name[],
): void {
  for (const name of names) {
    const option = optionOf(name);
    check(underscored(option.flag), option, values[name]);
  }
}

/** What says which numbers are right. */
export interface NumberRule {
  readonly type: 'number' | 'whole';
  readonly range?: Range;
  readonly advice?: string;
}

/** What says which values are right. */
export type Rule =
  | NumberRule
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  | { readonly type: 'boolean' };

function check(name: string, rule: Rule, value: unknown): void {
  const expected = whatIsExpected(rule, value);
  if (expected === undefined) return;
  const advice = 'advice' in rule ? ` ${rule.advice}` : '';
  throw new ConfigError(`${name}: expected ${expected}, got ${String(value)}.${advice}`);
}

/** What `value` should be, where it is something else: `a whole number of at least 1`. */
export function whatIsExpected(rule: Rule, value: unknown): string | undefined {
  switch (rule.type) {
    case 'choice':
      return rule.choices.includes(value as string)
        ? undefined
        : rule.choices.join(', ').replace(/, (?=[^,]*$)/, ' or ');
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'whole': {
      const { least = -Infinity, most = Number.MAX_SAFE_INTEGER } = rule.range ?? {};
      if (!Number.isInteger(value) || (value as number) < least) {
        return `a whole number${least > -Infinity ? ` of at least ${least}` : ''}`;
      }
      if ((value as number) > most) return `at most ${most}`;
      return (value as number) < -Number.MAX_SAFE_INTEGER
        ? `at least ${-Number.MAX_SAFE_INTEGER}`
        : undefined;
    }
    case 'number': {
      const {
        least = -Infinity,
        above = -Infinity,
        most = Infinity,
        below = Infinity,
        off,
      } = rule.range ?? {};
      const x = value as number;
      if (x === off || (Number.isFinite(x) && x >= least && x > above && x <= most && x < below))
        return undefined;
      return rangeText(rule.range ?? {});
    }
  }
}

function rangeText({ least, above, most, below, off }: Range): string {
  const parts = [
    ...(least === undefined ? [] : [`of at least ${least}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
  ];
  const among = least === undefined || most === undefined ? parts.join(' and ') : `from ${least} to ${most}`;
  return `${off === undefined ? '' : `${off} (off) or `}a number${among === '' ? '' : ` ${among}`}`;
}

/** The divisors of `n` nearest to `near`, in ascending order: all where they are few. */
function divisorsNear(near: number, n: number): number[] {
  const found: number[] = [];
  // By pairs, up to the square root: but n may be anything that somebody types, and heads beyond a million are no use.
  for (let d = 1; d * d <= n && d <= 1e6; d++) {
    if (n % d !== 0) continue;
    found.push(d);
    if (d * d < n) found.push(n / d);
  }
  const nearest = found.sort((a, b) => Math.abs(a - near) - Math.abs(b - near)).slice(0, PROPOSED);
  return nearest.sort((a, b) => a - b);
}

function savedOf(kind: OptionKind): Option[] {
  return optionsOf(kind).filter((option) => 'default' in option);
}

function nameOf<Name extends OptionName>(option: Option): Name {
  return option.name as Name;
}

function defaultsOf<Name extends OptionName>(names: readonly Name[]): Values<Name> {
  return Object.fromEntries(names.map((name) => [name, optionOf(name).default])) as unknown as Values<Name>;
}
