// Settings to begin with.

import { TOY_NAMES } from '../../data/toy-tasks.ts';
import { DEFAULT_FIELDS, toyTask, type Fields } from './settings.ts';

export interface Preset {
  readonly name: string;
  /** In a sentence. */
  readonly help: string;
  readonly changes: Partial<Fields>;
}

export const PRESETS: readonly Preset[] = [
  {
    name: 'microGPT',
    help: 'microgpt.py’s own settings: one layer, 16 wide, one document per step.',
    changes: {},
  },
  {
    name: 'Wider',
    help: 'Four times as wide: 64 numbers for each token. Four documents per step.',
    changes: { n_embd: '64', batch_size: '4', lr: '0.005' },
  },
  {
    name: 'Deeper',
    help: 'Four layers, twice as wide. Four documents per step.',
    changes: { n_layer: '4', n_embd: '32', batch_size: '4', lr: '0.005' },
  },
  {
    name: 'Batched',
    help: '32 documents per step: each takes longer, and the loss is far steadier.',
    changes: { batch_size: '32' },
  },
  {
    name: 'Toy solver',
    help: 'Twice as wide, four documents per step, 5,000 steps: enough for the toy tasks, except that some sums come out wrong.',
    changes: { n_embd: '32', batch_size: '4', lr: '0.005', steps: '5000' },
  },
  {
    name: 'As fast as it goes',
    help: 'The engine and launch strategy that a short benchmark finds fastest here; 20,000 steps.',
    changes: { engine: 'auto', launch: 'auto', steps: '20000' },
  },
];

/** Learns the toy tasks, which microgpt.py's settings learn in part. Of another text it makes the first of them. */
export const TOY_SOLVER = PRESETS.find(({ name }) => name === 'Toy solver')!;

/** The fields of a preset; the reader’s text and engine stay, unless they are its point. */
export function presetFields(preset: Preset, { data, text, engine, launch }: Fields): Fields {
  const own = preset === TOY_SOLVER && toyTask({ data }) === undefined ? TOY_NAMES[0] : data;
  return { ...DEFAULT_FIELDS, data: own, text, engine, launch, ...preset.changes };
}

/** The preset that the fields are, if they are one; on any engine, unless the engine is its point. */
export function presetOf(fields: Fields): Preset | undefined {
  return PRESETS.find((preset) => {
    const wanted = presetFields(preset, fields);
    return (Object.keys(wanted) as (keyof Fields)[]).every((name) => wanted[name] === fields[name]);
  });
}
