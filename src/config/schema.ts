// The options of configurations as they come from outside, from files and from other threads: which there must be, of which type,
// and what older files mean that lack one. Whether the values fit is for checkModelConfig and its like to say.

import * as v from 'valibot';
import {
  MODEL_NAMES,
  optionOf,
  SAMPLING_NAMES,
  TRAINING_NAMES,
  type ModelConfig,
  type ModelOptions,
  type Option,
  type OptionName,
  type SamplingConfig,
  type TrainingConfig,
  type Values,
} from './config.ts';

type Schema<T> = v.GenericSchema<unknown, T>;

export const MODEL_OPTIONS: Schema<ModelOptions> = optionsSchema(MODEL_NAMES, {});
export const MODEL: Schema<ModelConfig> = optionsSchema(MODEL_NAMES, { vocabSize: v.number() });
export const TRAINING: Schema<TrainingConfig> = optionsSchema(TRAINING_NAMES, {});
export const SAMPLING: Schema<SamplingConfig> = optionsSchema(SAMPLING_NAMES, {});

/** An object with the options `names`, and `others` after them. */
export function optionsSchema<Name extends OptionName, Others extends v.ObjectEntries>(
  names: readonly Name[],
  others: Others,
): Schema<Values<Name> & v.InferOutput<v.ObjectSchema<Others, undefined>>> {
  const own = names.map((name) => [name, orAbsent(optionOf(name), valueSchema(optionOf(name)), (x) => x)]);
  const entries = { ...Object.fromEntries(own), ...others } as v.ObjectEntries;
  return v.object(entries) as never;
}

export function valueSchema(option: Option): v.GenericSchema {
  switch (option.type) {
    case 'boolean':
      return v.boolean();
    case 'choice':
      return v.picklist(option.choices);
    default:
      return v.number();
  }
}

/** Of an option that older files lack `wrap` of the value that they mean. */
export function orAbsent(
  { absent }: Option,
  schema: v.GenericSchema,
  wrap: (value: unknown) => unknown,
): v.GenericSchema {
  return absent === undefined ? schema : v.optional(schema, wrap(absent) as never);
}

const NEWEST = Math.max(...[...MODEL_NAMES, ...TRAINING_NAMES, ...SAMPLING_NAMES].map(sinceOf));

/** Any of the formats so far of files of this kind: `microgpt-run-1`, … */
export function formatSchema(kind: string): Schema<string> {
  return v.picklist(Array.from({ length: NEWEST }, (_, i) => `${kind}-${i + 1}`));
}

/** Whether `format` is one of these files as later versions write them. */
export function isNewer(kind: string, format: unknown): boolean {
  const [, own, number] = /^(.*)-([1-9]\d*)$/.exec(String(format)) ?? [];
  return own === kind && Number(number) > NEWEST;
}

/** The first format of files of this kind that can say `values`, which may hold several configurations. */
export function formatOf(kind: string, ...values: readonly object[]): string {
  const needed = values.flatMap((own) =>
    Object.entries(own).flatMap(([name, value]) => {
      const option = optionOf(name as OptionName) as Option | undefined;
      return option === undefined || String(value) === String(option.absent) ? [] : [sinceOf(option.name)];
    }),
  );
  return `${kind}-${Math.max(1, ...needed)}`;
}

/** The first option that files of this format have and `values`, taken together, have not. */
export function missingOption(format: string, ...values: readonly object[]): OptionName | undefined {
  const number = Number(/\d+$/.exec(format)?.[0]);
  return [...MODEL_NAMES, ...TRAINING_NAMES, ...SAMPLING_NAMES].find(
    (name) => sinceOf(name) > 1 && sinceOf(name) <= number && !values.some((own) => name in own),
  );
}

function sinceOf(name: OptionName): number {
  return optionOf(name).since ?? 1;
}
