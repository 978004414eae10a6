// microgpt train on a GPU that goes away in the middle of the run.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNewest } from '../../src/cli/run-store.ts';
import { RUN_FILES } from '../../src/train/run-files.ts';
import { noAdapter } from '../support/device.ts';
import { softwareVulkanUrl } from '../support/software-vulkan.mjs';
import { losses, microgpt, NAMES, ofType, records, temporaryDirectory } from './cli.ts';

const PRELOAD = new URL('../support/lose-device.mjs', import.meta.url).href;
const STEPS = 1500;
const MODEL = [
  '--n-embd',
  '8',
  '--n-head',
  '2',
  '--block-size',
  '8',
  '--samples',
  '3',
  '--steps',
  String(STEPS),
];
const TRAIN = ['train', '--data', NAMES, ...MODEL, '--engine', 'webgpu', '--launch', 'resident', '--json'];

/** Trains, losing the device as test/support/lose-device.mjs reads it. */
function train(args: readonly string[], lose: string) {
  const env = {
    NODE_OPTIONS: `--import ${softwareVulkanUrl} --import ${PRELOAD}`,
    MICROGPT_TEST_LOSE: lose,
  };
  return microgpt(args, { env });
}

/** Without the figures that vary. */
const result = (stdout: string) => records(stdout).filter(({ type }) => type === 'step' || type === 'sample');

describe.skipIf(noAdapter !== '')('train on a device that is lost', () => {
  it('goes on: every step once, the same losses, samples and files', async () => {
    const directory = temporaryDirectory();
    const [whole, out] = [join(directory, 'whole'), join(directory, 'out')];
    const expected = await train([...TRAIN, '--out', whole], '');
    expect(expected.status).toBe(0);
    expect(expected.stderr).not.toContain('lost');
    const got = await train([...TRAIN, '--out', out, '--checkpoint-every', '500'], '3,12,13');
    expect(got.status).toBe(0);
    expect(result(got.stdout)).toEqual(result(expected.stdout));
    expect(losses(records(got.stdout))).toHaveLength(STEPS);
    for (const name of RUN_FILES)
      expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
    // The third loss may hit the device that is being made ready after the second.
    const notes = got.stderr.match(/^The GPU device was lost .* on a new device$/gm);
    expect(notes?.length).toBeGreaterThanOrEqual(2);
  });

  it('stops where no device is left, with the last state saved and how to go on, on the CPU too', async () => {
    const out = join(temporaryDirectory(), 'run');
    // On a busy machine a step is a submit, and a checkpoint some more.
    const { status, stdout, stderr } = await train(
      [...TRAIN, '--out', out, '--checkpoint-every', '5'],
      '16,unplug',
    );
    expect(status).toBe(1);
    const { run } = await readNewest(out);
    const { step } = run.state;
    expect(step).toBeGreaterThanOrEqual(5);
    expect(run.losses).toHaveLength(step);
    expect(losses(records(stdout)).slice(0, step)).toEqual(Array.from(run.losses));
    const [, second] = stderr.slice(stderr.indexOf('error: ')).split('\n');
    expect(second).toContain(`The last good state, after step ${step}, is in ${out}. Resume with:`);
    expect(second).toContain(`microgpt train --resume ${out}, on the CPU with --engine cpu.`);

    const resumed = await microgpt(['train', '--resume', out, '--engine', 'cpu', '--json']);
    expect(resumed.status).toBe(0);
    expect(ofType(records(resumed.stdout), 'config')[0]['step']).toBe(step);
  });
});

describe.skipIf(noAdapter !== '')('a run from a file, on a device that is lost at once', () => {
  it('names only a state that is there', async () => {
    const directory = temporaryDirectory();
    const [first, out] = [join(directory, 'first'), join(directory, 'out')];
    const endless = [...TRAIN, '--out', first, '--checkpoint-every', '50'];
    await train(endless, '90,unplug');
    const file = readdirSync(join(first, 'checkpoints')).find((name) => name.startsWith('step-'))!;
    const resumed = ['train', '--resume', join(first, 'checkpoints', file), '--data', NAMES, '--out', out];
    const { status, stderr } = await train(
      [...resumed, '--engine', 'webgpu', '--launch', 'graph'],
      '3,unplug',
    );
    expect(status).toBe(1);
    const named = /The last good state, after step (\d+), is in (\S+)\. Resume with/.exec(stderr);
    expect(named, stderr).not.toBeNull();
    expect(named![2]).toBe(out);
    expect((await readNewest(out)).run.state.step).toBe(Number(named![1]));
  });
});

describe.skipIf(noAdapter !== '')('sweep on a device that is lost', () => {
  it('goes on: the same table, losses and files', async () => {
    const directory = temporaryDirectory();
    const [whole, out] = [join(directory, 'whole'), join(directory, 'out')];
    const small = ['--n-embd', '8', '--n-head', '2', '--block-size', '8', '--steps', '300', '--samples', '2'];
    const sweep = ['sweep', ...small, '--seed', '1..3', '--lr', '0.01,0.02', '--engine', 'webgpu', '--json'];
    const models = (stdout: string) =>
      records(stdout).filter(({ type }) => type === 'model' || type === 'sample');
    const expected = await train([...sweep, '--out', whole], '');
    expect(expected.status).toBe(0);
    const got = await train([...sweep, '--out', out], '3,9');
    expect(got.status).toBe(0);
    expect(models(got.stdout)).toEqual(models(expected.stdout));
    expect(got.stderr).toMatch(/^The GPU device was lost .* 0 models are done; .* on a new device$/m);
    for (const name of ['sweep.json', 'sweep.svg', 'best/config.json', 'best/model.safetensors'])
      expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
  });
});
