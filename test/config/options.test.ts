// A row of the table is all that an option needs to be found on the command line, in files, in links and in sweeps: shown with rows
// that nothing else knows. test/web/options.test.ts has the page itself.

import type { Command } from 'commander';
import * as v from 'valibot';
import { describe, expect, it, vi } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { writeRun } from '../../src/cli/run-directory.ts';
import { readUnfinished, SweepSaver } from '../../src/cli/sweep-directory.ts';
import { sweepSettings, type SweepFlags } from '../../src/cli/sweep-settings.ts';
import { trainSettings, type TrainFlags } from '../../src/cli/train-settings.ts';
import {
  checkModelConfig,
  checkTrainingConfig,
  DEFAULT_MODEL,
  DEFAULT_SAMPLING,
  DEFAULT_TRAINING,
} from '../../src/config/config.ts';
import { OPTIONS } from '../../src/config/options.ts';
import { ENGINE_NAMES, LAUNCH_STRATEGIES } from '../../src/engine/choice.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import {
  decodeConfig,
  decodeRun,
  encodeConfig,
  encodeRun,
  type SavedRun,
} from '../../src/train/run-files.ts';
import { decodeSweep, encodeSweep } from '../../src/train/sweep-file.ts';
import { AXIS_NAMES, gridPoint } from '../../src/train/sweep-grid.ts';
import { CheckpointError, ConfigError } from '../../src/util/errors.ts';
import { COMMAND } from '../../src/web/messages.ts';
import { readLink, writeLink } from '../../src/web/state/link.ts';
import { DEFAULT_FIELDS, readSettings } from '../../src/web/state/settings.ts';
import { temporaryDirectory } from '../cli/cli.ts';
import type { MADE_UP } from '../support/made-up-options.ts';

vi.mock('../../src/config/options.ts', async (original) => {
  const { OPTIONS: own } = await original<typeof import('../../src/config/options.ts')>();
  const { MADE_UP: more } = await import('../support/made-up-options.ts');
  return { OPTIONS: { ...own, ...more } };
});

/** Values other than the defaults. */
const OTHER = {
  model: { rings: 3, twist: true, form: 'square' },
  training: { drag: 0.5, glide: false, course: 'winding' },
  sampling: { poise: 0.25 },
} as const;
const COMMAND_LINE =
  '--n-ring 3 --twist --form square --air-drag 0.5 --no-glide --course winding --poise 0.25'.split(' ');
const DEFAULTS = {
  model: { rings: 2, twist: false, form: 'round' },
  training: { drag: 0, glide: true, course: 'straight' },
  sampling: { poise: 1 },
} as const;

function runWith({ model, training, sampling }: Readonly<Record<keyof typeof OTHER, object>>): SavedRun {
  const { spec, tokenizer, random } = prepareRun({
    documents: ['anna', 'bob'],
    model: { ...DEFAULT_MODEL, ...model },
    training: { ...DEFAULT_TRAINING, ...training, steps: 3 },
  });
  const { length } = spec.parameters;
  return {
    config: {
      model: spec.model,
      training: spec.training,
      data: { source: 'builtin', documents: 2, sha256: 'a'.repeat(64) },
      engine: { name: 'cpu' },
      sampling: { ...DEFAULT_SAMPLING, ...sampling },
    },
    tokenizer,
    state: {
      step: 0,
      parameters: spec.parameters,
      m: new Float64Array(length),
      v: new Float64Array(length),
    },
    random: random.getState(),
    losses: [],
  };
}

/** What the command of this name is given. */
async function parse<Flags extends object>(name: string, words: readonly string[]) {
  const program = createProgram(() => {});
  const command = commandOf(program, name);
  for (const each of [program, command]) each.exitOverride().configureOutput({ writeErr: () => {} });
  command.action(() => {});
  await program.parseAsync([name, ...words], { from: 'user' });
  const given = (option: string) => command.getOptionValueSource(option) === 'cli';
  return { flags: command.opts<Flags>(), given };
}

function commandOf(program: Command, name: string): Command {
  return program.commands.find((command) => command.name() === name)!;
}

describe('on the command line', () => {
  it.each(['train', 'sweep'])('%s has a flag and a line of help for each', (name) => {
    const help = commandOf(
      createProgram(() => {}),
      name,
    )
      .helpInformation()
      .replaceAll(/\s+/g, ' ');
    expect(help).toContain('--n-ring <number> rings of the network (default: 2)');
    expect(help).toContain('--twist twist the network');
    expect(help).toContain(
      '--form <name> form of the network (choices: "round", "square", default: "round")',
    );
    expect(help).toContain('--no-glide end the training without a glide');
    expect(help).toContain(
      name === 'train'
        ? '--air-drag <number> what slows the training down (default: 0)'
        : '--air-drag <values> what slows the trainings down: 0,0.1 (default: 0)',
    );
    expect(help).toContain('--poise <number> poise of the samples (default: 1)');
  });

  it('train takes them', async () => {
    const { flags, given } = await parse<TrainFlags>('train', COMMAND_LINE);
    expect(await trainSettings(flags, given)).toMatchObject(OTHER);
    const none = await parse<TrainFlags>('train', []);
    expect(await trainSettings(none.flags, none.given)).toMatchObject(DEFAULTS);
  });

  it('sweep too, with a list of values where it is an axis', async () => {
    const { flags } = await parse<SweepFlags>('sweep', [...COMMAND_LINE, '--air-drag', '0,0.2..0.6:3']);
    const { model, training, axes } = sweepSettings(flags);
    expect(model).toMatchObject(OTHER.model);
    expect(training).toMatchObject({ glide: false, course: 'winding' });
    expect(axes).toMatchObject({ drag: [0, 0.2, 0.4, 0.6], seed: [42] });
    expect(gridPoint(axes, 2)).toMatchObject({ drag: 0.4, seed: 42 });
    expect(AXIS_NAMES.slice(0, 2)).toEqual(['seed', 'drag']); // seeds are the slowest
  });

  it('sample takes those of the sampling, and info --plan those of the model', async () => {
    const sample = await parse<{ poise?: number; temperature?: number }>('sample', ['run', '--poise', '0.5']);
    expect(sample.flags).toMatchObject({ poise: 0.5 });
    expect(sample.flags.temperature).toBeUndefined(); // the run's own
    expect((await parse('info', ['--twist', '--form', 'square'])).flags).toMatchObject({ form: 'square' });
  });

  it.each([
    ['--n-ring 0', 'Expected a whole number of at least 1.'],
    ['--n-ring 9', 'Expected at most 8.'],
    ['--form oval', 'Allowed choices are round, square.'],
    ['--air-drag 1', 'Expected a number of at least 0 and below 1.'],
    ['--poise 0', 'Expected a number above 0 and at most 1.'],
  ])('%s is refused', async (line, message) => {
    await expect(parse('train', line.split(' '))).rejects.toThrow(message);
  });
});

it.each([
  [{ rings: 9 }, {}, 'n_ring: expected at most 8, got 9.'],
  [{ twist: 1 }, {}, 'twist: expected true or false, got 1.'],
  [{ form: 'oval' }, {}, 'form: expected round or square, got oval.'],
  [{}, { drag: 1 }, 'air_drag: expected a number of at least 0 and below 1, got 1.'],
])('a configuration with %o and %o is refused', (model, training, message) => {
  const check = () => {
    checkModelConfig({ ...DEFAULT_MODEL, vocabSize: 2, ...model });
    checkTrainingConfig({ ...DEFAULT_TRAINING, ...training });
  };
  expect(check).toThrow(new ConfigError(message));
});

describe('in the files of a run', () => {
  it('they are kept, in a format that earlier versions refuse', () => {
    const run = runWith(OTHER);
    const { config } = decodeRun(encodeRun(run), 'run');
    expect(config).toEqual(run.config);
    expect(config).toMatchObject(OTHER);
    expect(JSON.parse(encodeConfig(config))).toMatchObject({ format: 'microgpt-run-2', ...OTHER });
  });

  it('a run with what earlier versions have is written as they write it', () => {
    const json = encodeConfig(runWith({ ...DEFAULTS, training: OTHER.training }).config);
    expect(JSON.parse(json)).toMatchObject({ format: 'microgpt-run-2' }); // its course
    const old = runWith(DEFAULTS).config;
    const { format, model, training } = JSON.parse(encodeConfig(old)) as Record<string, object>;
    expect(format).toBe('microgpt-run-1');
    const names = Object.keys(model);
    expect(names.slice(0, 4)).toEqual(['nLayer', 'nEmbd', 'nHead', 'blockSize']);
    expect(names.slice(-4)).toEqual(['rings', 'twist', 'form', 'vocabSize']);
    expect(Object.keys(training).slice(0, 4)).toEqual(['steps', 'batchSize', 'clip', 'glide']);
  });

  it('one that lacks what its format has is damaged', () => {
    const json = encodeConfig(runWith(OTHER).config);
    const without = JSON.stringify(JSON.parse(json), (key, value: unknown) =>
      key === 'activation' ? undefined : value,
    );
    expect(() => decodeConfig(without, 'run/config.json')).toThrow('run/config.json: activation is missing');
  });

  it('older ones mean what they meant', () => {
    const { config } = runWith(DEFAULTS);
    const madeUp: readonly string[] = [...Object.keys(DEFAULTS.model), 'drag', 'glide', 'course', 'poise'];
    const old = JSON.parse(encodeConfig(config), (key, value: unknown) =>
      madeUp.includes(key) ? undefined : value,
    ) as object;
    expect(JSON.stringify(old)).not.toMatch(/rings|twist|form"|drag|glide|course|poise/);
    expect(decodeConfig(JSON.stringify(old), 'config.json')).toEqual(config);
  });

  it.each([
    ['"square"', '"oval"', 'model.form'],
    ['"twist": true', '"twist": 1', 'model.twist'],
    ['"rings": 3', '"rings": 9', 'n_ring: expected at most 8, got 9'],
    ['"poise": 0.25', '"poise": 2', 'poise: expected'],
    ['microgpt-run-2', 'microgpt-run', 'format: '],
  ])('%s as %s is damage', (was, is, message) => {
    const json = encodeConfig(runWith(OTHER).config).replace(was, is);
    expect(() => decodeConfig(json, 'config.json')).toThrow(CheckpointError);
    expect(() => decodeConfig(json, 'config.json')).toThrow(message);
  });
});

it('a file of a newer version is not called damaged', () => {
  const json = encodeConfig(runWith(OTHER).config).replace('microgpt-run-2', 'microgpt-run-3');
  expect(() => decodeConfig(json, 'config.json')).toThrow(
    new CheckpointError(
      'config.json: a newer version of microgpt saved it, as microgpt-run-3. Update microgpt to read it.',
    ),
  );
});

describe('--resume', () => {
  it('takes what the run has, and says what differs', async () => {
    const directory = temporaryDirectory();
    await writeRun(directory, runWith(OTHER));
    const resume = async (...words: string[]) => {
      const { flags, given } = await parse<TrainFlags>('train', ['--resume', directory, ...words]);
      return trainSettings(flags, given);
    };
    expect(await resume()).toMatchObject(OTHER);
    expect(await resume(...COMMAND_LINE)).toMatchObject(OTHER);
    expect(await resume('--poise', '0.5')).toMatchObject({ sampling: { poise: 0.5 } });
    const others = ['--n-ring', '4', '--form', 'round', '--air-drag', '0.1', '--course', 'straight'];
    await expect(resume(...others)).rejects.toThrow(
      'which differ: --n-ring 4 (the run has 3), --form round (the run has square), ' +
        '--air-drag 0.1 (the run has 0.5), --course straight (the run has winding). Leave them out',
    );
    await writeRun(directory, runWith(DEFAULTS));
    await expect(resume('--twist', '--no-glide')).rejects.toThrow(
      'which differ: --twist (the run has false), --no-glide (the run has true). Leave them out',
    );
  });
});

describe('a sweep', () => {
  const sweepOf = async (...words: string[]) =>
    sweepSettings((await parse<SweepFlags>('sweep', ['--steps', '3', ...words])).flags);
  const saved = async (...words: string[]) => {
    const { model, training, axes } = await sweepOf(...words);
    const { data, engine } = runWith(DEFAULTS).config;
    return { model: { ...model, vocabSize: 6 }, training, axes, data, engine, smoothingWindow: 3 };
  };
  const RESULTS = [{ index: 1, step: 3, loss: 2, error: 0.1 }];

  it('is saved with them, and one from before has what it had', async () => {
    const sweep = { ...(await saved('--air-drag', '0,0.5', '--form', 'square')), results: RESULTS };
    const text = new TextDecoder().decode(encodeSweep(sweep));
    expect(decodeSweep(new TextEncoder().encode(text), 'sweep.json')).toEqual(sweep);
    expect(JSON.parse(text)).toMatchObject({
      format: 'microgpt-sweep-2',
      models: [{ index: 1, drag: 0.5 }],
    });

    const plain = { ...(await saved('--seed', '1,2')), results: RESULTS };
    const old = JSON.stringify(
      JSON.parse(new TextDecoder().decode(encodeSweep(plain)), (key, value: unknown) =>
        ['rings', 'twist', 'form', 'drag', 'glide', 'course'].includes(key) ? undefined : value,
      ),
    );
    expect(old).toContain('microgpt-sweep-1');
    expect(old).not.toContain('drag');
    expect(decodeSweep(new TextEncoder().encode(old), 'sweep.json')).toEqual(plain);
  });

  it('goes on in its directory with the same values only', async () => {
    const directory = temporaryDirectory();
    const words = ['--air-drag', '0,0.5', '--form', 'square', '--course', 'winding', '--twist'];
    const saver = new SweepSaver(directory, await saved(...words), () => runWith(DEFAULTS));
    await saver.finish({ results: RESULTS });
    await expect(readUnfinished(directory, await sweepOf(...words))).resolves.toBeDefined();
    const others = sweepOf('--air-drag', '0,0.25', '--no-glide');
    await expect(readUnfinished(directory, await others)).rejects.toThrow(
      'a sweep with other values of --twist, --form, --air-drag, --glide, --course',
    );
  });
});

describe('in the page', () => {
  const FIELDS = {
    n_ring: '3',
    twist: 'true',
    form: 'square',
    air_drag: '0.5',
    glide: 'false',
    course: 'winding',
    poise: '0.25',
  };
  const LINK = new URLSearchParams(FIELDS).toString();

  it('they have fields, which make the settings of a run', () => {
    const defaults = { n_ring: '2', twist: 'false', form: 'round', air_drag: '0', glide: 'true' };
    expect(DEFAULT_FIELDS).toMatchObject({ ...defaults, course: 'straight', poise: '1' });
    expect(readSettings(DEFAULT_FIELDS, undefined)).toMatchObject(DEFAULTS);
    expect(readSettings({ ...DEFAULT_FIELDS, ...FIELDS }, undefined)).toMatchObject(OTHER);
    const wrong = { ...DEFAULT_FIELDS, air_drag: '1' };
    expect(() => readSettings(wrong, undefined)).toThrow('air_drag: expected a number of at least 0');
  });

  it('a link carries them, and says what is wrong with one', () => {
    const fields = { ...DEFAULT_FIELDS, ...FIELDS };
    expect(writeLink(DEFAULT_FIELDS)).toBe('');
    expect(writeLink(fields)).toBe(LINK);
    expect(readLink(LINK)).toEqual({ fields, problems: [] });
    expect(readLink('form=oval&twist=1&n_ring=9&air_drag=x').problems).toEqual([
      'form: expected round, square, got “oval”.',
      'twist: expected false, true, got “1”.',
      'n_ring: expected at most 8, got 9.',
      'air_drag: expected a number, got “x”.',
    ]);
  });

  it('they reach the worker', () => {
    const settings = readSettings({ ...DEFAULT_FIELDS, ...FIELDS }, undefined);
    const command = { type: 'start', settings };
    expect(v.parse(COMMAND, structuredClone(command))).toEqual(command);
    const without = { ...command, settings: { ...settings, training: { ...settings.training, glide: 1 } } };
    expect(v.safeParse(COMMAND, without).success).toBe(false);
  });
});

it('the rows were there, and the real ones fit the engines', () => {
  const names: readonly (keyof typeof MADE_UP)[] = [
    'rings',
    'twist',
    'form',
    'drag',
    'glide',
    'course',
    'poise',
  ];
  expect(Object.keys(OPTIONS)).toEqual(expect.arrayContaining([...names]));
  expect(OPTIONS.engine.choices).toEqual(['auto', ...ENGINE_NAMES]);
  expect(OPTIONS.launch.choices).toEqual(['auto', ...LAUNCH_STRATEGIES]);
});
