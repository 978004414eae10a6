// A run as one checkpoint file, as a page exports it.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNewest } from '../../src/cli/run-store.ts';
import { encodeCheckpoint } from '../../src/train/checkpoint-file.ts';
import { RUN_FILES, type SavedRun } from '../../src/train/run-files.ts';
import { microgpt, records, samples, temporaryDirectory } from './cli.ts';

const TRAIN = ['train', '--engine', 'cpu', '--n-embd', '8', '--steps', '20000', '--json'];

async function exportRun(run: SavedRun, path: string): Promise<void> {
  writeFileSync(path, await encodeCheckpoint({ ...run, smoothedLoss: 2.5 }));
}

describe('a checkpoint file', () => {
  it('goes on in a new directory, to the same bits as a run that was not interrupted', async () => {
    const directory = temporaryDirectory();
    const [whole, parts, out] = ['whole', 'parts', 'out'].map((name) => join(directory, name));
    expect((await microgpt([...TRAIN, '--out', whole])).status).toBe(0);
    const first = await microgpt([...TRAIN, '--out', parts], {
      // Once: a second Ctrl-C ends the run without saving.
      during: (child) =>
        child.stdout.on('data', (text: string) => {
          if (!child.killed && text.includes('"step","step"')) child.kill('SIGINT');
        }),
    });
    expect(first.status).toBe(130);
    const { run } = await readNewest(parts);
    expect(run.state.step).toBeLessThan(20000);
    const file = join(directory, 'run.safetensors');
    await exportRun(run, file);

    const second = await microgpt(['train', '--resume', file, '--out', out, '--json']);
    expect(second.status).toBe(0);
    for (const name of RUN_FILES) {
      expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
    }

    // A run that is done becomes a directory too, with nothing left to train.
    const done = join(directory, 'done.safetensors');
    await exportRun((await readNewest(out)).run, done);
    const copy = join(directory, 'copy');
    const third = await microgpt(['train', '--resume', done, '--out', copy, '--json']);
    expect(samples(records(third.stdout))).toEqual(samples(records(second.stdout)));
    expect(readdirSync(copy).toSorted()).toEqual([...RUN_FILES].toSorted());
    const names = await microgpt(['sample', done, '--json']);
    expect(samples(records(names.stdout))).toEqual(samples(records(second.stdout)));
  });

  it('is refused where something is missing', async () => {
    const directory = temporaryDirectory();
    const out = join(directory, 'out');
    await microgpt(['train', '--engine', 'cpu', '--steps', '2', '--quiet', '--out', out]);
    const { run } = await readNewest(out);
    const file = join(directory, 'run.safetensors');
    await exportRun(run, file);

    const nowhere = await microgpt(['train', '--resume', file]);
    expect(nowhere).toMatchObject({ status: 2, stdout: '' });
    expect(nowhere.stderr).toMatch(/is a file: give the directory to save the run in with --out DIR/);
    const taken = await microgpt(['train', '--resume', file, '--out', out]);
    expect(taken.stderr).toMatch(/it already holds a run/);

    const text = join(directory, 'text.safetensors');
    await exportRun(
      { ...run, config: { ...run.config, data: { ...run.config.data, source: 'sums' } } },
      text,
    );
    const textless = await microgpt(['train', '--resume', text, '--out', join(directory, 'new')]);
    expect(textless.stderr).toMatch(/its text, “sums”, is not here\. Give it with --data FILE/);

    const bytes = readFileSync(file);
    bytes[bytes.length - 9] ^= 1;
    writeFileSync(file, bytes);
    const damaged = await microgpt(['sample', file]);
    expect(damaged.status).toBe(1);
    expect(damaged.stderr).toMatch(/run\.safetensors: its checksum does not match/);
  });
});
