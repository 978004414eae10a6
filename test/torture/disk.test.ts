// Disks that are full, read-only or gone: the training ends with what is wrong, and what had been reported as written
// is still there.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readNewest } from '../../src/cli/run-store.ts';
import { microgpt, ofType, records, temporaryDirectory } from '../cli/cli.ts';

const SMALL = ['--n-embd', '8', '--n-head', '2', '--block-size', '8', '--engine', 'cpu'];
const LONG = ['train', ...SMALL, '--steps', '100000000', '--json'];

/** A file system of its own of `size`, or why there is none. */
function smallDisk(size: string): string | { readonly missing: string } {
  const path = join(temporaryDirectory(), 'disk');
  mkdirSync(path);
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], {
    encoding: 'utf8',
  });
  if (status !== 0) return { missing: error?.message ?? stderr.trim() };
  onTestFinished(() => {
    spawnSync('umount', ['-l', path]);
  });
  return path;
}

const lines = (stdout: string) => records(stdout.slice(0, stdout.lastIndexOf('\n') + 1));
const lastCheckpoint = (stdout: string) => ofType(lines(stdout), 'checkpoint').at(-1)?.['step'] as number;

describe('a disk', () => {
  it('that fills up takes nothing that was written', async ({ skip }) => {
    const disk = smallDisk('400k');
    if (typeof disk !== 'string') return skip(`no small disk can be mounted here: ${disk.missing}`);
    const out = join(disk, 'run');
    const { status, stdout, stderr } = await microgpt([...LONG, '--checkpoint-every', '2000', '--out', out], {
      during: (child) => {
        let seen = false;
        child.stdout.on('data', (text: string) => {
          if (seen || !text.includes('"type":"checkpoint"')) return;
          seen = true;
          spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=1k'], { stdio: 'ignore' });
        });
      },
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /the run cannot be saved: no space left on device\. What was saved before is still there\.\n$/,
    );
    const step = lastCheckpoint(stdout);
    expect((await readNewest(out)).run.state.step).toBe(step);
    // With room again it goes on.
    rmSync(join(disk, 'filler'));
    const again = await microgpt(['train', '--resume', out, '--checkpoint-every', '1000', '--json'], {
      during: (child) => {
        child.stdout.on('data', (text: string) => {
          if (text.includes('"type":"checkpoint"')) child.kill('SIGINT');
        });
      },
    });
    expect(again.status).toBe(130);
    expect(ofType(records(again.stdout), 'config')[0]['step']).toBe(step);
  });

  it('that fills up under standard output takes nothing of the run, and no line without a word', async ({
    skip,
  }) => {
    const disk = smallDisk('64k');
    if (typeof disk !== 'string') return skip(`no small disk can be mounted here: ${disk.missing}`);
    const out = join(temporaryDirectory(), 'run');
    const { status, stderr } = await microgpt([...LONG, '--out', out], { stdout: join(disk, 'log') });
    expect(status).toBe(1);
    expect(stderr).toMatch(/\nerror: standard output: no space left on device\.\n$/);
    const step = Number(/stopped after step (\d+) of/.exec(stderr)?.[1]);
    expect(step).toBeGreaterThan(0);
    expect((await readNewest(out)).run.state.step).toBe(step);

    // The help is one write, of which the rest of a page is taken.
    rmSync(join(disk, 'log'));
    writeFileSync(join(disk, 'help'), 'x'.repeat(3000));
    spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=1k'], { stdio: 'ignore' });
    const help = await microgpt(['train', '--help'], { stdout: join(disk, 'help') });
    expect(readFileSync(join(disk, 'help'), 'utf8')).toContain('Usage: microgpt train');
    expect(help).toMatchObject({ status: 1, stderr: 'error: standard output: no space left on device.\n' });
  });

  it('that is full from the start is noticed before the training', async ({ skip }) => {
    const disk = smallDisk('16k');
    if (typeof disk !== 'string') return skip(`no small disk can be mounted here: ${disk.missing}`);
    spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=1k'], { stdio: 'ignore' });
    const { status, stderr } = await microgpt([...LONG, '--out', join(disk, 'run')]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/no space left on device/);
  });

  it('that is read-only is noticed before the training', async ({ skip }) => {
    const disk = smallDisk('400k');
    if (typeof disk !== 'string') return skip(`no small disk can be mounted here: ${disk.missing}`);
    const out = join(disk, 'run');
    const args = ['train', ...SMALL, '--steps', '10', '--samples', '0', '--out', out];
    expect((await microgpt(args)).status).toBe(0);
    spawnSync('mount', ['-o', 'remount,ro', disk]);
    const fresh = await microgpt([...LONG, '--out', join(disk, 'other')]);
    expect(fresh.status).toBe(1);
    expect(fresh.stderr).toContain('the file system is read-only');
    const resumed = await microgpt(['train', '--resume', out]);
    expect(resumed.status).toBe(1);
    expect(resumed.stderr).toContain('the file system is read-only');
    expect((await microgpt(['sample', out, '--n', '1'])).status).toBe(0);
  });

  it('whose run directory is moved away ends the training with what is wrong', async () => {
    const parent = temporaryDirectory();
    const out = join(parent, 'run');
    const { status, stdout, stderr } = await microgpt([...LONG, '--checkpoint-every', '2000', '--out', out], {
      during: (child) => {
        let seen = false;
        child.stdout.on('data', (text: string) => {
          if (seen || !text.includes('"type":"checkpoint"')) return;
          seen = true;
          renameSync(out, join(parent, 'elsewhere'));
        });
      },
    });
    expect(status).toBe(1);
    expect(stderr).toContain('the directory in which the training began was moved, removed, replaced or ');
    expect(existsSync(out)).toBe(false);
    const { run } = await readNewest(join(parent, 'elsewhere'));
    expect(run.state.step).toBeGreaterThanOrEqual(lastCheckpoint(stdout));
  });
});
