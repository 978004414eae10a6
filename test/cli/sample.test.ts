import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { microgpt, NAMES, records, samples } from './cli.ts';

describe('sample', () => {
  let directory: string;
  let run: string;
  let printed: string[];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'microgpt-test-'));
    run = join(directory, 'run');
    const args = [
      'train',
      '--data',
      NAMES,
      '--engine',
      'cpu',
      '--steps',
      '200',
      '--temperature',
      '0.7',
      '--json',
    ];
    const { status, stdout, stderr } = await microgpt([...args, '--out', run]);
    if (status !== 0) throw new Error(stderr);
    printed = samples(records(stdout));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const sample = async (...args: string[]): Promise<string[]> => {
    const { status, stdout } = await microgpt(['sample', run, '--json', ...args]);
    expect(status).toBe(0);
    expect(records(stdout).at(-1)).toEqual({ type: 'done' });
    return samples(records(stdout));
  };

  it('prints the names that the training printed, every time', async () => {
    expect(printed).toHaveLength(20);
    expect(await sample()).toEqual(printed);
    expect(await sample('--n', '7')).toEqual(printed.slice(0, 7));
    expect((await sample('--n', '25')).slice(0, 20)).toEqual(printed);
  });

  it.each(['oracle', 'cpu'])('prints them on %s too', async (engine) => {
    expect(await sample('--engine', engine)).toEqual(printed);
  });

  it("says that a run's model.safetensors is no checkpoint, and not that it is damaged", async () => {
    const { status, stderr } = await microgpt(['sample', join(run, 'model.safetensors')]);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /model\.safetensors: it is not a checkpoint: .* reads it from the run's directory\.$/m,
    );
    expect(stderr).not.toMatch(/damaged/);
  });

  it('prints text like train does', async () => {
    const { stdout, stderr } = await microgpt(['sample', run, '--n', '2']);
    expect(stdout).toBe(`sample  1: ${printed[0]}\nsample  2: ${printed[1]}\n`);
    expect(stderr).toMatch(/^engine: cpu/);
  });

  it('draws other names with a seed, the same for the same seed', async () => {
    const five = await sample('--seed', '5');
    expect(five).not.toEqual(printed);
    expect(await sample('--seed', '5')).toEqual(five);
    expect(await sample('--seed', '6')).not.toEqual(five);
  });

  it('begins every name with the prompt', async () => {
    const names = await sample('--prompt', 'mar');
    expect(names).toHaveLength(20);
    for (const name of names) expect(name).toMatch(/^mar/);
    expect(new Set(names).size).toBeGreaterThan(1);
  });

  it('prints the likeliest name again and again with --top-k 1', async () => {
    const names = await sample('--top-k', '1');
    expect(new Set(names).size).toBe(1);
  });

  it('takes another temperature', async () => {
    expect(await sample('--temperature', '0.7')).toEqual(printed);
    expect(await sample('--temperature', '2')).not.toEqual(printed);
  });
});
