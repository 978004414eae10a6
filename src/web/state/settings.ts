// The form of settings. Its fields bear the names that the errors of checkModelConfig and the others use.

import {
  checkModelConfig,
  checkTrainingConfig,
  DEFAULT_MODEL,
  DEFAULT_TRAINING,
  type ModelConfig,
} from '../model/config.ts';
import { checkSampleOptions } from '../train/sampler.ts';
import { ConfigError, DataError } from '../util/errors.ts';
import { byId } from './dom.ts';
import type { RunSettings } from './messages.ts';

/** As microgpt.py. */
const DEFAULT_TEMPERATURE = 0.5;

const DEFAULTS = {
  n_layer: DEFAULT_MODEL.nLayer,
  n_embd: DEFAULT_MODEL.nEmbd,
  n_head: DEFAULT_MODEL.nHead,
  block_size: DEFAULT_MODEL.blockSize,
  steps: DEFAULT_TRAINING.steps,
  batch_size: DEFAULT_TRAINING.batchSize,
  lr: DEFAULT_TRAINING.learningRate,
  seed: DEFAULT_TRAINING.seed,
  temperature: DEFAULT_TEMPERATURE,
} as const;
type NumberField = keyof typeof DEFAULTS;
const NUMBER_FIELDS = Object.keys(DEFAULTS) as NumberField[];

export class SettingsForm {
  readonly form = byId('settings', HTMLFormElement);
  #fields = byId('fields', HTMLFieldSetElement);
  #text = byId('text', HTMLTextAreaElement);
  #file = byId('file', HTMLInputElement);

  constructor() {
    for (const name of NUMBER_FIELDS) this.#input(name).value = String(DEFAULTS[name]);
    this.form.addEventListener('change', () => this.#update());
    this.#update();
  }

  /** A locked form shows the settings of the run that goes on. */
  set locked(locked: boolean) {
    this.#fields.disabled = locked;
    byId('locked', HTMLElement).hidden = !locked;
  }

  /** Throws ConfigError or DataError where they cannot make a run, and marks the fields that the error names. */
  read(): RunSettings {
    for (const name of NUMBER_FIELDS) this.#input(name).removeAttribute('aria-invalid');
    try {
      return this.#read();
    } catch (error) {
      const message = error instanceof ConfigError ? error.message : '';
      for (const name of NUMBER_FIELDS) {
        if (new RegExp(`\\b${name}\\b`).test(message)) this.#input(name).setAttribute('aria-invalid', 'true');
      }
      throw error;
    }
  }

  #read(): RunSettings {
    const source = this.#source();
    const number = (name: NumberField) => {
      const input = this.#input(name);
      if (Number.isNaN(input.valueAsNumber)) {
        throw new ConfigError(
          `${name}: expected a number, got ${input.validity.badInput ? 'something else' : 'nothing'}.`,
        );
      }
      return input.valueAsNumber;
    };
    const model: Omit<ModelConfig, 'vocabSize'> = {
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
      seed: number('seed'),
    };
    const temperature = number('temperature');
    checkModelConfig({ ...model, vocabSize: 2 }); // the vocabulary comes from the text
    checkTrainingConfig(training);
    checkSampleOptions({ temperature });

    const engine = this.#choice('engine') as RunSettings['engine'];
    // The engines of the CPU launch no kernels.
    const launch = usesGpu(engine) ? (this.#choice('launch') as RunSettings['launch']) : 'auto';
    return { source, engine, launch, model, training, temperature };
  }

  #source(): RunSettings['source'] {
    switch (this.#choice('source')) {
      case 'text':
        if (this.#text.value.trim() === '') {
          throw new DataError(
            'Own text: expected at least one line, got none. Type or paste some, one document a line.',
          );
        }
        return { kind: 'text', text: this.#text.value };
      case 'file': {
        const [file] = this.#file.files ?? [];
        if (file === undefined)
          throw new DataError('File: none is chosen. Choose a text file, one document a line.');
        return { kind: 'file', file };
      }
      default:
        return { kind: 'builtin' };
    }
  }

  /** Shows what belongs to the choices made. */
  #update(): void {
    const source = this.#choice('source');
    byId('own-text', HTMLElement).hidden = source !== 'text';
    byId('own-file', HTMLElement).hidden = source !== 'file';
    const launch = this.form.elements.namedItem('launch');
    if (launch instanceof HTMLSelectElement) launch.disabled = !usesGpu(this.#choice('engine'));
  }

  #input(name: NumberField): HTMLInputElement {
    return this.form.elements.namedItem(name) as HTMLInputElement;
  }

  /** The value of a list or of a group of radio buttons. */
  #choice(name: string): string {
    return (this.form.elements.namedItem(name) as HTMLSelectElement | RadioNodeList).value;
  }
}

function usesGpu(engine: string): boolean {
  return engine === 'webgpu' || engine === 'auto';
}
