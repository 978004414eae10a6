// The settings as the page's fields hold them, and what a run makes of them. The number fields bear the names that
// microgpt.py and the errors of checkModelConfig and the others use.

import { computed, signal } from '@preact/signals';
import { TOY_NAMES, type ToyTask } from '../../data/toy-tasks.ts';
import {
  checkModelConfig,
  checkTrainingConfig,
  DEFAULT_MODEL,
  DEFAULT_TRAINING,
} from '../../model/config.ts';
import { checkSampleOptions } from '../../train/sampler.ts';
import { ConfigError, DataError, MicrogptError } from '../../util/errors.ts';
import type { RunSettings, Source } from '../messages.ts';

export const DATA_CHOICES = ['builtin', ...TOY_NAMES, 'text', 'file'] as const;
export const ENGINE_CHOICES = ['webgpu', 'cpu', 'oracle', 'auto'] as const;
export const LAUNCH_CHOICES = ['graph', 'eager', 'fused', 'resident', 'auto'] as const;

const NUMBERS = {
  n_layer: DEFAULT_MODEL.nLayer,
  n_embd: DEFAULT_MODEL.nEmbd,
  n_head: DEFAULT_MODEL.nHead,
  block_size: DEFAULT_MODEL.blockSize,
  steps: DEFAULT_TRAINING.steps,
  batch_size: DEFAULT_TRAINING.batchSize,
  lr: DEFAULT_TRAINING.learningRate,
  beta1: DEFAULT_TRAINING.beta1,
  beta2: DEFAULT_TRAINING.beta2,
  clip: DEFAULT_TRAINING.clip,
  seed: DEFAULT_TRAINING.seed,
  temperature: 0.5,
};
export type NumberField = keyof typeof NUMBERS;
export const NUMBER_FIELDS = Object.keys(NUMBERS) as NumberField[];

/** As typed: a number field may hold anything for a moment. */
export interface Fields extends Readonly<Record<NumberField, string>> {
  readonly data: (typeof DATA_CHOICES)[number];
  readonly text: string;
  readonly engine: (typeof ENGINE_CHOICES)[number];
  readonly launch: (typeof LAUNCH_CHOICES)[number];
}

/** microgpt.py's own settings. */
export const DEFAULT_FIELDS: Fields = {
  ...(Object.fromEntries(NUMBER_FIELDS.map((name) => [name, String(NUMBERS[name])])) as Record<
    NumberField,
    string
  >),
  data: 'builtin',
  text: '',
  engine: 'webgpu',
  launch: 'graph',
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
  const number = (name: NumberField) => {
    const typed = values[name].trim();
    const value = Number(typed);
    if (typed === '' || Number.isNaN(value)) {
      throw new ConfigError(`${name}: expected a number, got ${typed === '' ? 'nothing' : quoted(typed)}.`);
    }
    return value;
  };
  const source = readSource(values, chosen);
  const model = {
    nLayer: number('n_layer'),
    nEmbd: number('n_embd'),
    nHead: number('n_head'),
    blockSize: number('block_size'),
  };
  const training = {
    ...DEFAULT_TRAINING,
    steps: number('steps'),
    batchSize: number('batch_size'),
    learningRate: number('lr'),
    beta1: number('beta1'),
    beta2: number('beta2'),
    clip: number('clip'),
    seed: number('seed'),
  };
  const temperature = number('temperature');
  checkModelConfig({ ...model, vocabSize: 2 }); // the vocabulary comes from the text
  checkTrainingConfig(training);
  checkSampleOptions({ temperature });
  // The engines of the CPU launch no kernels.
  const launch = usesGpu(values.engine) ? values.launch : 'auto';
  return { source, engine: values.engine, launch, model, training, temperature };
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
