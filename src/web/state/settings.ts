// The settings as the page's fields hold them, and what a run makes of them. The number fields bear the names that
// microgpt.py and the errors of checkModelConfig and the others use.

import { computed, signal } from '@preact/signals';
import { TOY_NAMES, type ToyTask } from '../../data/toy-tasks.ts';
import {
  checkModelConfig,
  checkTrainingConfig,
  MODEL_NAMES,
  optionOf,
  optionsOf,
  SAMPLING_NAMES,
  TRAINING_NAMES,
  underscored,
  type ModelOptions,
  type Option,
  type OptionName,
  type Values,
} from '../../config/config.ts';
import type { OPTIONS, OptionKind } from '../../config/options.ts';
import { checkSampleOptions } from '../../train/sampler.ts';
import { ConfigError, DataError, MicrogptError } from '../../util/errors.ts';
import type { RunSettings, Source } from '../messages.ts';

export const DATA_CHOICES = ['builtin', ...TOY_NAMES, 'text', 'file'] as const;

type Underscored<Flag extends string> = Flag extends `${infer Start}-${infer Rest}`
  ? `${Start}_${Underscored<Rest>}`
  : Flag;
type Options = typeof OPTIONS;
/** Of each option with a field its value as the field holds it. */
type OptionFields = {
  readonly [
    Name in OptionName as Options[Name] extends { field: unknown }
      ? Underscored<Options[Name]['flag']>
      : never
  ]: Options[Name] extends { choices: readonly (infer Choice)[] } ? Choice : string;
};
/** The name of an option's field, which is microgpt.py's for it. */
export type FieldName = keyof OptionFields;

/** As typed: a number may be anything for a moment; yes or no is `true` or `false`. */
export interface Fields extends OptionFields {
  readonly data: (typeof DATA_CHOICES)[number];
  readonly text: string;
}

/** The options of these kinds that have a field, in the order of the table. */
export function fieldsOf(...kinds: OptionKind[]): readonly (Option & { readonly id: FieldName })[] {
  return optionsOf(...kinds)
    .filter(({ field }) => field !== undefined)
    .map((option) => ({ ...option, id: underscored(option.flag) as FieldName }));
}

/** What a field can be set to, in the order that it shows; undefined where it is typed. */
export function choicesOf(option: Option): readonly string[] | undefined {
  if (option.type === 'boolean') return ['false', 'true'];
  return option.type === 'choice' ? Object.keys(option.field?.labels ?? {}) : undefined;
}

/** microgpt.py's own settings. */
export const DEFAULT_FIELDS: Fields = {
  ...(Object.fromEntries(
    fieldsOf('engine', 'model', 'training', 'sampling').map(({ id, field, ...option }) => [
      id,
      String((field as { default?: string }).default ?? option.default),
    ]),
  ) as unknown as OptionFields),
  data: 'builtin',
  text: '',
};

export const fields = signal<Fields>(DEFAULT_FIELDS);
/** Of the choice `file`. */
export const file = signal<File | undefined>(undefined);

/** The fields that the run in view was begun with; they may be others now, for the next one. */
export const begunWith = signal<Fields | undefined>(undefined);

/** The file of the run in view, where it has one. */
export const begunFile = signal<File | undefined>(undefined);

/** Whether the settings name another text than the run in view has read. */
export const choosesOtherText = computed(() => {
  const [now, begun] = [fields.value, begunWith.value];
  if (begun === undefined) return false;
  const { data, text } = now;
  return (
    data !== begun.data ||
    (data === 'text' && text !== begun.text) ||
    (data === 'file' && file.value !== begunFile.value)
  );
});

/** Whether they do, or have its documents in another order. */
export const choosesOther = computed(
  () =>
    choosesOtherText.value || (begunWith.value !== undefined && fields.value.seed !== begunWith.value.seed),
);

/** The fields of the run in view; where there is none, of the one that would be begun. */
export const shownFields = computed(() => begunWith.value ?? fields.value);

export function change(changes: Partial<Fields>): void {
  fields.value = { ...fields.value, ...changes };
}

/** What keeps the settings from making a run, or ''. */
export const problem = computed(() => {
  try {
    readSettings(fields.value, file.value);
    return '';
  } catch (error) {
    if (error instanceof MicrogptError) return error.message;
    throw error;
  }
});

/** What was typed, or stood in a link, short enough for a line. */
export function quoted(text: string): string {
  return `“${text.length > 40 ? `${text.slice(0, 39)}…` : text}”`;
}

/** Throws ConfigError or DataError where the fields cannot make a run. */
export function readSettings(values: Fields, chosen: File | undefined): RunSettings {
  const source = readSource(values, chosen);
  const model = readModel(values);
  const training = readOptions(values, TRAINING_NAMES);
  const sampling = readOptions(values, SAMPLING_NAMES);
  checkModelConfig({ ...model, vocabSize: 2 }); // the vocabulary comes from the text
  checkTrainingConfig(training);
  checkSampleOptions(sampling);
  // The engines of the CPU launch no kernels.
  const launch = usesGpu(values.engine) ? values.launch : 'auto';
  return { source, engine: values.engine, launch, model, training, sampling };
}

/** Throws ConfigError where a number is none. */
export function readModel(values: Fields): ModelOptions {
  return readOptions(values, MODEL_NAMES);
}

/** Options without a field have their defaults. */
function readOptions<Name extends OptionName>(values: Fields, names: readonly Name[]): Values<Name> {
  const read = names.map((name): [Name, unknown] => {
    const option = optionOf(name);
    if (option.field === undefined) return [name, option.default];
    const id = underscored(option.flag) as FieldName;
    return [name, readField(id, option.type, values[id])];
  });
  return Object.fromEntries(read) as unknown as Values<Name>;
}

function readField(id: FieldName, type: Option['type'], value: string): string | number | boolean {
  if (type === 'choice') return value;
  if (type === 'boolean') return value === 'true';
  const typed = value.trim();
  const number = Number(typed);
  if (typed !== '' && !Number.isNaN(number)) return number;
  throw new ConfigError(`${id}: expected a number, got ${typed === '' ? 'nothing' : quoted(typed)}.`);
}

/** Throws DataError where there is no text yet. */
export function readSource({ data, text }: Pick<Fields, 'data' | 'text'>, chosen: File | undefined): Source {
  switch (data) {
    case 'builtin':
      return { kind: 'builtin' };
    case 'text':
      if (text.trim() === '') {
        throw new DataError(
          'Own text: expected at least one line, got none. Type or paste some, one document a line.',
        );
      }
      return { kind: 'text', text };
    case 'file':
      if (chosen === undefined) {
        throw new DataError('File: none is chosen. Choose a text file, one document a line.');
      }
      return { kind: 'file', file: chosen };
    default:
      return { kind: 'toy', task: data };
  }
}

export function toyTask({ data }: Pick<Fields, 'data'>): ToyTask | undefined {
  return TOY_NAMES.find((task) => task === data);
}

export function usesGpu(engine: Fields['engine']): boolean {
  return engine === 'webgpu' || engine === 'auto';
}
