import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { LOCK_FILE, lockDirectory } from '../../src/cli/lock.ts';
import { CheckpointError } from '../../src/util/errors.ts';
import { temporaryDirectory } from './cli.ts';

function planted(content: string, ageSeconds = 0): string {
  const directory = temporaryDirectory();
  const path = join(directory, LOCK_FILE);
  writeFileSync(path, content);
  const time = new Date(Date.now() - 1000 * ageSeconds);
  utimesSync(path, time, time);
  return directory;
}

/** A process number that was given, and is free again. */
function deadProcess(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

describe('the lock of a run directory', () => {
  it('is held by one, and free again when released', async () => {
    const directory = temporaryDirectory();
    const lock = await lockDirectory(directory);
    await expect(lockDirectory(directory)).rejects.toThrow(CheckpointError);
    await expect(lockDirectory(directory)).rejects.toThrow(
      `${directory}: process ${process.pid} on ${hostname()} is writing into it. Wait until`,
    );
    lock.release();
    expect(existsSync(join(directory, LOCK_FILE))).toBe(false);
    (await lockDirectory(directory)).release();
  });

  it('goes to exactly one of many that want it at once', async () => {
    for (const directory of [
      temporaryDirectory(),
      planted(JSON.stringify({ pid: deadProcess(), host: hostname(), started: '1' })),
    ]) {
      const asked = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)));
      const got = asked.filter(({ status }) => status === 'fulfilled');
      expect(got).toHaveLength(1);
      for (const result of asked) if (result.status === 'fulfilled') result.value.release();
    }
  });

  it.each([
    ['of a process that has ended', () => planted(JSON.stringify({ pid: deadProcess(), host: hostname(), started: '1' }))],
    ['of another process under the same number', () => planted(JSON.stringify({ pid: process.pid, host: hostname(), started: '1' }))],
    ['of another machine that has not touched it for long', () => planted(JSON.stringify({ pid: 1, host: 'elsewhere', started: '1' }), 3600)],
    ['that was left empty', () => planted('', 60)],
    ['that is damaged', () => planted('{"pid":', 60)],
  ])('%s is taken over', async (_, plant) => {
    const directory = plant();
    const lock = await lockDirectory(directory);
    expect(JSON.parse(readFileSync(join(directory, LOCK_FILE), 'utf8'))).toMatchObject({ pid: process.pid });
    lock.release();
  }); // prettier-ignore

  it.each([
    ['of another machine', () => planted(JSON.stringify({ pid: 1, host: 'elsewhere', started: '1' }), 20), 'process 1 on elsewhere'],
    ['that is just being written', () => planted(''), 'another process'],
  ])('%s is respected', async (_, plant, who) => {
    const directory = plant();
    await expect(lockDirectory(directory)).rejects.toThrow(`${who} is writing into it`);
  }); // prettier-ignore
});
