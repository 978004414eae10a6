// Checkpoints on the disk: which stay, which one is read, and what another process may do meanwhile.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SimdBuild } from '../../src/cpu/kernels.ts';
import { LOCK_FILE } from '../../src/cli/lock.ts';
import { readCheckpoint, readNewest } from '../../src/cli/run-store.ts';
import { encodeCheckpoint } from '../../src/train/checkpoint-file.ts';
import { RUN_FILES } from '../../src/train/run-files.ts';
import { NODE_FLAGS, oneBuild } from '../support/cpu-builds.ts';
import { losses, microgpt, ofType, records, samples, temporaryDirectory, type Child } from './cli.ts';

const SMALL = ['--n-embd', '8', '--n-head', '2', '--block-size', '8', '--engine', 'cpu'];

/** Kills the process when it has reported `count` checkpoints. */
function killedAfter(count: number): (child: Child) => void {
  return (child) => {
    let seen = 0;
    child.stdout.on('data', (text: string) => {
      seen += text.split('"type":"checkpoint"').length - 1;
      if (seen >= count) child.kill('SIGKILL');
    });
  };
}

/** Complete lines only: a killed process may leave a part of one. */
function reported(stdout: string): ReturnType<typeof records> {
  return records(stdout.slice(0, stdout.lastIndexOf('\n') + 1));
}

function damage(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(path, bytes);
}

const folderOf = (out: string) => join(out, 'checkpoints');
const checkpointFiles = (out: string) => readdirSync(folderOf(out)).toSorted();

describe('train --checkpoint-every', () => {
  it('reports each checkpoint, keeps the newest two and the best, and none of the final state', async () => {
    const out = join(temporaryDirectory(), 'run');
    const args = ['train', ...SMALL, '--steps', '100', '--checkpoint-every', '30', '--json', '--out', out];
    const { status, stdout } = await microgpt(args);
    expect(status).toBe(0);
    expect(ofType(records(stdout), 'checkpoint')).toEqual([
      { type: 'checkpoint', step: 30, directory: out, file: join(folderOf(out), 'step-000000030.safetensors') },
      { type: 'checkpoint', step: 60, directory: out, file: join(folderOf(out), 'step-000000060.safetensors') },
      { type: 'checkpoint', step: 90, directory: out, file: join(folderOf(out), 'step-000000090.safetensors') },
      { type: 'checkpoint', step: 100, directory: out },
    ]); // prettier-ignore
    const kept = checkpointFiles(out);
    expect(kept.length).toBeLessThanOrEqual(3);
    expect(kept).toContain('step-000000090.safetensors');
    expect(readdirSync(out).toSorted()).toEqual(['checkpoints', ...RUN_FILES].toSorted());
  });

  it('trains the same bits with and without', async () => {
    const directory = temporaryDirectory();
    const run = (name: string, every: string) =>
      microgpt(['train', ...SMALL, '--steps', '500', '--json', '--out', join(directory, name), '--checkpoint-every', every]); // prettier-ignore
    const results = await Promise.all([run('a', 'never'), run('b', '7'), run('c', '0.001s')]);
    const [a, b, c] = results.map(({ stdout }) => losses(records(stdout)));
    expect(b).toEqual(a);
    expect(c).toEqual(a);
    const model = (name: string) => readFileSync(join(directory, name, 'model.safetensors'));
    expect(model('b').equals(model('a'))).toBe(true);
    expect(model('c').equals(model('a'))).toBe(true);
  });

  it.each([['0'], ['-5'], ['5x'], ['soon'], ['0s'], ['']])('refuses %j', async (text) => {
    const { status, stderr } = await microgpt(['train', `--checkpoint-every=${text}`, '--out', 'never-made']);
    expect(status).toBe(2);
    expect(stderr).toContain(
      'Expected a number of steps, such as 500, a time, such as 30s, 5m or 2h, or never.',
    );
  });

  it('wants a directory', async () => {
    const { status, stderr } = await microgpt(['train', '--checkpoint-every', '5']);
    expect(status).toBe(2);
    expect(stderr).toContain('Give --out DIR as well.');
  });
});

describe('a run that was killed', () => {
  const train = ['train', ...SMALL, '--steps', '200000', '--checkpoint-every', '1000', '--json'];

  async function killed(): Promise<{ out: string; step: number }> {
    const out = join(temporaryDirectory(), 'run');
    const { status, stdout } = await microgpt([...train, '--out', out], { during: killedAfter(4) });
    expect(status).toBe(null);
    const step = ofType(reported(stdout), 'checkpoint').at(-1)!['step'] as number;
    return { out, step };
  }

  it('has a state to sample from and to go on from, and one damaged file takes nothing but its steps', async () => {
    const { out, step } = await killed();
    const { run } = await readNewest(out);
    expect(run.state.step).toBeGreaterThanOrEqual(step);

    const newest = checkpointFiles(out).at(-1)!;
    damage(join(folderOf(out), newest));
    const sampled = await microgpt(['sample', out, '--n', '1', '--json']);
    expect(sampled.status).toBe(0);
    expect(sampled.stderr).toContain(`${newest}: its checksum does not match`);
    expect(sampled.stderr).toMatch(/the run was cut short; its last checkpoint is that of step \d+000\n/);
    expect(samples(records(sampled.stdout))).toHaveLength(1);

    for (const name of checkpointFiles(out)) if (name !== newest) damage(join(folderOf(out), name));
    const none = await microgpt(['sample', out]);
    expect(none.status).toBe(1);
    expect(none.stderr).toContain(`${newest}: its checksum does not match`);
    expect(none.stderr).toContain(
      `Older checkpoints are damaged as well: ${checkpointFiles(out).length - 1}.`,
    );
  });

  it('goes on to the bits of a run that was not', async () => {
    const short = ['train', ...SMALL, '--steps', '30000', '--checkpoint-every', '1000', '--json'];
    const directory = temporaryDirectory();
    const whole = await microgpt([...short, '--out', join(directory, 'whole')]);
    const out = join(directory, 'parts');
    await microgpt([...short, '--out', out], { during: killedAfter(3) });
    await microgpt(['train', '--resume', out, '--checkpoint-every', '1000', '--json'], {
      during: killedAfter(3),
    });
    const last = await microgpt(['train', '--resume', out, '--json']);
    expect(last.status).toBe(0);
    expect(samples(records(last.stdout))).toEqual(samples(records(whole.stdout)));
    for (const name of RUN_FILES) {
      expect(readFileSync(join(out, name)).equals(readFileSync(join(directory, 'whole', name))), name).toBe(
        true,
      );
    }
  });

  it('leaves a lock that the next one takes over, and no half-written file', async () => {
    const { out } = await killed();
    expect(readdirSync(out)).toContain(LOCK_FILE);
    writeFileSync(join(folderOf(out), '.step-000009999.safetensors.123.tmp'), 'half');
    const { status } = await microgpt(['train', '--resume', out, '--json'], {
      during: (child) => child.stdout.once('data', () => child.kill('SIGINT')),
    });
    expect(status).toBe(130);
    expect(readdirSync(out)).not.toContain(LOCK_FILE);
    expect(checkpointFiles(out).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('two at once', () => {
  it('a second writer is refused while the first trains; a reader is not', async () => {
    const out = join(temporaryDirectory(), 'run');
    const train = ['train', ...SMALL, '--steps', '10000000', '--checkpoint-every', '500', '--json'];
    let second: Awaited<ReturnType<typeof microgpt>> | undefined;
    let reader: Awaited<ReturnType<typeof microgpt>> | undefined;
    const first = await microgpt([...train, '--out', out], {
      during: (child) => {
        let started = false;
        child.stdout.on('data', (text: string) => {
          if (started || !text.includes('"type":"checkpoint"')) return;
          started = true;
          void (async () => {
            reader = await microgpt(['sample', out, '--n', '2']);
            second = await microgpt(['train', '--resume', out]);
            child.kill('SIGINT');
          })();
        });
      },
    });
    expect(first.status).toBe(130);
    expect(reader).toMatchObject({ status: 0 });
    expect(second?.status).toBe(1);
    expect(second?.stderr).toMatch(/process \d+ on .* is writing to it\. Wait until it has ended/);
    expect((await readNewest(out)).run.state.step).toBe(ofType(records(first.stdout), 'done')[0]['step']);
  });
});

describe('train --resume', () => {
  it('on another engine goes on within rounding, and says so', async () => {
    const directory = temporaryDirectory();
    const args = ['train', '--n-embd', '8', '--n-head', '2', '--block-size', '8', '--steps', '60', '--json'];
    const whole = await microgpt([...args, '--engine', 'oracle']);
    const out = join(directory, 'run');
    await microgpt([...args, '--engine', 'oracle', '--out', out, '--checkpoint-every', '20'], {
      during: killedAfter(1),
    });
    const { step } = (await readNewest(out)).run.state;
    const other = await microgpt(['train', '--resume', out, '--engine', 'cpu', '--json']);
    expect(other.status).toBe(0);
    if (step < 60)
      expect(other.stderr).toContain(
        'the run began with oracle and continues with cpu: the losses agree within rounding',
      );
    const expected = losses(records(whole.stdout)).slice(step);
    losses(records(other.stdout)).forEach((loss, i) =>
      expect(Math.abs(loss - expected[i])).toBeLessThan(1e-5),
    );
  });

  describe.skipIf(oneBuild !== undefined)(`under another build of the CPU kernels ${oneBuild ?? ''}`, () => {
    /** A run of 300 steps, and its checkpoint of step 200. */
    async function trained(build: SimdBuild): Promise<{ whole: string; cut: string }> {
      const whole = join(temporaryDirectory(), 'whole');
      const args = ['train', ...SMALL, '--steps', '300', '--checkpoint-every', '100', '--out', whole];
      await microgpt(args, { flags: NODE_FLAGS[build] });
      return { whole, cut: join(folderOf(whole), 'step-000000200.safetensors') };
    }

    async function resumed(checkpoint: string, build: SimdBuild) {
      const out = join(temporaryDirectory(), 'out');
      const { status, stderr } = await microgpt(['train', '--resume', checkpoint, '--out', out], {
        flags: NODE_FLAGS[build],
      });
      expect(status, stderr).toBe(0);
      return { out, stderr, engine: (await readNewest(out)).run.config.engine };
    }

    it('says so where it lacks that of the run', async () => {
      const { stderr, engine } = await resumed((await trained('relaxed SIMD')).cut, 'SIMD128');
      expect(stderr).toContain(
        'the run began with cpu (relaxed SIMD) and continues with cpu (SIMD128): ' +
          'the losses agree within rounding, not bit for bit\n',
      );
      expect(engine).toEqual({ name: 'cpu', build: 'SIMD128' });
    });

    it('keeps that of the run where it can, to the bits of a run that never stopped', async () => {
      const { whole, cut } = await trained('SIMD128');
      const { out, stderr, engine } = await resumed(cut, 'relaxed SIMD');
      expect(stderr).not.toContain('the run began');
      expect(engine).toEqual({ name: 'cpu', build: 'SIMD128' });
      const weights = (directory: string) => readFileSync(join(directory, 'model.safetensors'));
      expect(weights(out).equals(weights(whole))).toBe(true);

      // One that was saved before builds were recorded is taken up in silence, by the fastest.
      const checkpoint = await readCheckpoint(cut);
      const { engine: _, ...config } = checkpoint.config;
      const old = join(whole, 'old.safetensors');
      writeFileSync(
        old,
        await encodeCheckpoint({ ...checkpoint, config: { ...config, engine: { name: 'cpu' } } }),
      );
      const other = await resumed(old, 'relaxed SIMD');
      expect(other.stderr).not.toContain('the run began');
      expect(other.engine.build).toBe('relaxed SIMD');
      expect(weights(other.out).equals(weights(whole))).toBe(false);
    });
  });
});

describe('a training that diverges', () => {
  it('names step, learning rate, tensor and the last good state, which stays', async () => {
    const out = join(temporaryDirectory(), 'run');
    const args = [
      'train',
      ...SMALL,
      '--steps',
      '50',
      '--lr',
      '1e15',
      '--checkpoint-every',
      '1',
      '--out',
      out,
    ];
    const { status, stderr } = await microgpt(args);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /error: step 2 of 50: expected a finite loss, got \S+ at learning rate 9\.8e\+?14|980000000000000: the training diverged/,
    );
    expect(stderr).toMatch(
      /At the next readback \S+ was not finite\. The last good state, after step 1, is in /,
    );
    const { run } = await readNewest(out);
    expect(run.state.step).toBe(1);
    expect(run.state.parameters.every(Number.isFinite)).toBe(true);
  });

  it('is noticed in moments that no loss shows yet, and never saved', async () => {
    const out = join(temporaryDirectory(), 'run');
    const args = ['train', ...SMALL, '--steps', '50', '--lr', '1e9', '--checkpoint-every', '1', '--out', out];
    const { status, stderr } = await microgpt(args);
    expect(status).toBe(1);
    expect(stderr).toContain('expected finite numbers, got others in v.lm_head: training diverged');
    for (const name of checkpointFiles(out)) {
      const { state } = await readCheckpoint(join(folderOf(out), name));
      for (const values of [state.parameters, state.m, state.v])
        expect(values.every(Number.isFinite)).toBe(true);
    }
  });
});

it('a run that was killed after its last step, before its files were whole, gets them', async () => {
  const directory = temporaryDirectory();
  const [whole, out] = ['whole', 'cut'].map((name) => join(directory, name));
  await microgpt(['train', ...SMALL, '--steps', '20', '--out', whole]);
  const { run } = await readNewest(whole);
  mkdirSync(folderOf(out), { recursive: true });
  const path = join(folderOf(out), 'step-000000020.safetensors');
  writeFileSync(path, await encodeCheckpoint({ ...run, smoothedLoss: 3 }));
  expect((await microgpt(['train', '--resume', out])).status).toBe(0);
  for (const name of RUN_FILES) {
    expect(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name).toBe(true);
  }
  expect(existsSync(path)).toBe(false);
});

it('reads the files of a run rather than a checkpoint of the same step', async () => {
  const out = join(temporaryDirectory(), 'run');
  await microgpt(['train', ...SMALL, '--steps', '20', '--checkpoint-every', '10', '--out', out]);
  const { run, notices } = await readNewest(out);
  expect(run.state.step).toBe(20);
  expect(notices).toEqual([]);
  rmSync(join(out, 'model.safetensors'));
  const without = await readNewest(out);
  expect(without.run.state.step).toBe(10);
  expect(without.notices[0]).toContain('model.safetensors: no such file');
  mkdirSync(join(out, 'model.safetensors'));
  expect((await readNewest(out)).run.state.step).toBe(10);
});
