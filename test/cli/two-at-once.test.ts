// Two processes at the same time: on one device, and on one directory. Each works as if it were alone, or is told why not.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LOCK_FILE } from '../../src/cli/lock.ts';
import { readNewest } from '../../src/cli/run-store.ts';
import { RUN_FILES } from '../../src/train/run-files.ts';
import { noAdapter } from '../support/device.ts';
import { softwareVulkanUrl } from '../support/software-vulkan.mjs';
import { losses, microgpt, records, samples, temporaryDirectory, type Result } from './cli.ts';

const SMALL = ['--n-embd', '8', '--n-head', '2', '--block-size', '8'];
/** More steps than any test waits for. */
const ENDLESS = ['train', ...SMALL, '--engine', 'cpu', '--steps', '100000000', '--json'];

/** Trains without end into `out`, until `work`, which begins with the first checkpoint, is done. */
async function whileTraining(out: string, every: string, work: () => Promise<void>): Promise<Result> {
  let working: Promise<void> | undefined;
  const result = await microgpt([...ENDLESS, '--checkpoint-every', every, '--out', out], {
    during: (child) => {
      child.stdout.on('data', (text: string) => {
        if (working !== undefined || !text.includes('"type":"checkpoint"')) return;
        working = work().finally(() => child.kill('SIGINT'));
        working.catch(() => {}); // awaited below
      });
    },
  });
  await working;
  return result;
}

describe.skipIf(noAdapter !== '')('two trainings on one device', () => {
  it('each give the bits that they give alone', async () => {
    const directory = temporaryDirectory();
    const env = { NODE_OPTIONS: `--import ${softwareVulkanUrl}` };
    const gpu = ['train', ...SMALL, '--engine', 'webgpu', '--launch', 'resident', '--steps', '300', '--json'];
    const train = (name: string, seed: string) =>
      microgpt([...gpu, '--seed', seed, '--samples', '2', '--out', join(directory, name)], { env });
    const alone = [await train('alone-1', '1'), await train('alone-2', '2')];
    const together = await Promise.all([train('together-1', '1'), train('together-2', '2')]);
    for (const [i, { status, stdout }] of together.entries()) {
      expect(status).toBe(0);
      expect(losses(records(stdout))).toEqual(losses(records(alone[i].stdout)));
      expect(samples(records(stdout))).toEqual(samples(records(alone[i].stdout)));
      for (const name of RUN_FILES) {
        const [own, expected] = ['together', 'alone'].map((which) =>
          readFileSync(join(directory, `${which}-${i + 1}`, name)),
        );
        expect(own.equals(expected), name).toBe(true);
      }
    }
    expect(losses(records(alone[0].stdout))).not.toEqual(losses(records(alone[1].stdout)));
  });
});

describe('a directory that is trained into', () => {
  it('can be sampled from at any moment: a checkpoint every few milliseconds, and each read is whole', async () => {
    const out = join(temporaryDirectory(), 'run');
    let last = 0;
    const { status } = await whileTraining(out, '50', async () => {
      for (let i = 0; i < 4; i++) {
        const { status: sampled, stdout, stderr } = await microgpt(['sample', out, '--n', '2', '--json']);
        expect({ sampled, stderr }).toMatchObject({ sampled: 0 });
        expect(samples(records(stdout))).toHaveLength(2);
        expect(stderr).toMatch(
          /run: process \d+ on .* is writing to it; its last checkpoint is that of step \d+\n/,
        );
        expect(stderr).not.toMatch(/damaged|checksum|cut short/);
        // In this process, where more reads fall into a second.
        for (let read = 0; read < 50; read++) {
          const { run, notices } = await readNewest(out);
          expect(run.state.step).toBeGreaterThanOrEqual(last);
          expect(notices.join()).not.toMatch(/damaged|checksum/);
          last = run.state.step;
        }
      }
    });
    expect(status).toBe(130);
    expect(last).toBeGreaterThan(50);
  });

  it('takes no second training, which writes nothing', async () => {
    const out = join(temporaryDirectory(), 'run');
    const before = new Set([...RUN_FILES, 'checkpoints', LOCK_FILE] as string[]);
    const { status } = await whileTraining(out, '5000', async () => {
      const [resumed, anew] = await Promise.all([
        microgpt(['train', '--resume', out]),
        microgpt([...ENDLESS, '--out', out]),
      ]);
      expect([resumed.status, anew.status]).toEqual([1, 2]);
      expect(resumed.stderr).toMatch(
        /^error: .*: process \d+ on .* is writing to it\. Wait until it has ended, or choose another directory\.$/m,
      );
      expect(anew.stderr).toContain('it already holds a run (checkpoints)');
    });
    expect(status).toBe(130);
    expect(readdirSync(out).filter((name) => !before.has(name))).toEqual([]);
  });

  it('goes to one of two trainings that begin at the same time; the other is told', async () => {
    const out = join(temporaryDirectory(), 'run');
    const train = ['train', ...SMALL, '--engine', 'cpu', '--steps', '60000', '--samples', '0', '--json'];
    const both = await Promise.all([0, 1].map(() => microgpt([...train, '--out', out])));
    const winners = both.filter(({ status }) => status === 0);
    expect(winners).toHaveLength(1);
    const loser = both.find(({ status }) => status !== 0)!;
    expect(loser.stderr).toMatch(/is writing to it\. Wait until it has ended|it already holds a run/);
    expect(losses(records(loser.stdout))).toEqual([]);
    expect((await readNewest(out)).run.state.step).toBe(60_000);
    expect(readdirSync(out).toSorted()).toEqual([...RUN_FILES].toSorted());
  });
});

describe('a directory that is measured into', () => {
  it('goes to one of two reports that begin at the same time; the other is told', async () => {
    const out = join(temporaryDirectory(), 'report');
    const report = ['report', '--quick', '--no-peers', '--engine', 'cpu', '--seconds', '3', '--out', out];
    const both = await Promise.all(['first', 'second'].map((name) => microgpt([...report, '--name', name])));
    expect(Math.min(...both.map(({ status }) => status!))).toBe(0);
    const winner = both.findIndex(({ status }) => status === 0);
    expect(both[1 - winner].stderr).toMatch(/is writing to it\. Wait until it has ended/);
    const { machine } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as { machine: object };
    expect(machine).toMatchObject({ name: ['first', 'second'][winner] });
    expect(readdirSync(out)).not.toContain(LOCK_FILE);
  });
});
