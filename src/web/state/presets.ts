// Settings to begin with.

import { DEFAULT_FIELDS, type Fields } from './settings.ts';

export interface Preset {
  readonly name: string;
  /** In a sentence. */
  readonly help: string;
  readonly changes: Partial<Fields>;
}

export const PRESETS: readonly Preset[] = [
  {
    name: 'microGPT',
    help: 'microgpt.py’s own settings: one layer, 16 wide, one document a step.',
    changes: {},
  },
  {
    name: 'Wider',
    help: 'Four times as wide: every token becomes 64 numbers.',
    changes: { n_embd: '64', batch_size: '4', lr: '0.005' },
  },
  {
    name: 'Deeper',
    help: 'Four layers, one upon the other.',
    changes: { n_layer: '4', n_embd: '32', batch_size: '4', lr: '0.005' },
  },
  {
    name: 'Batched',
    help: 'Thirty-two documents a step: each step takes longer, and the loss is far calmer.',
    changes: { batch_size: '32' },
  },
  {
    name: 'Toy solver',
    help: 'Twice as wide, four documents a step, 5,000 steps: enough to learn any of the toy tasks.',
    changes: { n_embd: '32', batch_size: '4', lr: '0.005', steps: '5000' },
  },
  {
    name: 'As fast as it goes',
    help: 'The fastest engine and launch of this machine, by trial, and 20,000 steps.',
    changes: { engine: 'auto', launch: 'auto', steps: '20000' },
  },
];

/** Learns the toy tasks, which microgpt.py's settings learn in part. */
export const TOY_SOLVER = PRESETS.find(({ name }) => name === 'Toy solver')!;

/** The fields of a preset; the reader’s text and engine stay, unless they are its point. */
export function presetFields({ changes }: Preset, { data, text, engine, launch }: Fields): Fields {
  return { ...DEFAULT_FIELDS, data, text, engine, launch, ...changes };
}

/** The preset that the fields are, if they are one; on any engine, unless the engine is its point. */
export function presetOf(fields: Fields): Preset | undefined {
  return PRESETS.find((preset) => {
    const wanted = presetFields(preset, fields);
    return (Object.keys(wanted) as (keyof Fields)[]).every((name) => wanted[name] === fields[name]);
  });
}
