import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { holderOf, LOCK_FILE, lockDirectory, writerOf } from '../../src/cli/lock.ts';
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

/** What a lock of this process says, changed. */
function lockOf(change: object): string {
  return JSON.stringify({ ...holderOf(process.pid), ...change });
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
      `${directory}: process ${process.pid} on ${hostname()} is writing to it. Wait until`,
    );
    lock.release();
    expect(existsSync(join(directory, LOCK_FILE))).toBe(false);
    (await lockDirectory(directory)).release();
  });

  it('goes to exactly one of many that want it at once', async () => {
    for (const directory of [temporaryDirectory(), planted(lockOf({ pid: deadProcess() }))]) {
      const asked = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)));
      const got = asked.filter(({ status }) => status === 'fulfilled');
      expect(got).toHaveLength(1);
      for (const result of asked) if (result.status === 'fulfilled') result.value.release();
    }
  });

  it.each([
    ['of a process that has ended', () => planted(lockOf({ pid: deadProcess() }))],
    ['of another process under the same number', () => planted(lockOf({ started: '1' }))],
    ['of another machine that has not touched it for long', () => planted(lockOf({ pid: 1, host: 'elsewhere' }), 3600)],
    ['of this machine before it was started anew', () => planted(lockOf({ boot: 'before' }), uptime() + 120)],
    ['of another container that has not touched it for long', () => planted(lockOf({ namespace: 'pid:[1]' }), 3600)],
    ['that was left empty', () => planted('', 60)],
    ['that is larger than a lock can be', () => planted('x'.repeat(5000), 60)],
    ['that is damaged', () => planted('{"pid":', 60)],
  ])('%s is taken over', async (_, plant) => {
    const directory = plant();
    const lock = await lockDirectory(directory);
    expect(JSON.parse(readFileSync(join(directory, LOCK_FILE), 'utf8'))).toMatchObject({ pid: process.pid });
    lock.release();
  }); // prettier-ignore

  it.each([
    ['of another machine', () => planted(lockOf({ pid: 1, host: 'elsewhere' }), 20), 'process 1 on elsewhere'],
    ['of another container, though its number lives here', () => planted(lockOf({ namespace: 'pid:[1]' }), 20), `process ${process.pid} on ${hostname()}`],
    ['of another container, whose number is free here', () => planted(lockOf({ pid: deadProcess(), namespace: 'pid:[1]' }), 20), 'process'],
    ['of another machine of this name', () => planted(lockOf({ boot: 'other' }), 20), `process ${process.pid} on ${hostname()}`],
    ['that is just being written', () => planted(''), 'another process'],
  ])('%s is respected', async (_, plant, who) => {
    const directory = plant();
    await expect(lockDirectory(directory)).rejects.toThrow(who);
    await expect(lockDirectory(directory)).rejects.toThrow(
      /is writing to it, or was \d+ s ago: .* can be taken over in \d+ s, or at once with --force\.$/,
    );
    (await lockDirectory(directory, true)).release();
    expect(existsSync(join(directory, LOCK_FILE))).toBe(false);
  }); // prettier-ignore

  it.skipIf(process.platform !== 'linux')(
    'of a process that ended unnoticed by its parent is taken over',
    async () => {
      // `sleep` takes the place of the shell and does not wait for the shell's child.
      const parent = spawn('sh', ['-c', 'sleep 1 & echo $!; exec sleep 60'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      try {
        const [line] = (await once(parent.stdout, 'data')) as [Buffer];
        const pid = Number(String(line));
        const directory = planted(JSON.stringify(holderOf(pid)));
        await expect(lockDirectory(directory)).rejects.toThrow('is writing to it');
        await expect
          .poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), { timeout: 20_000 })
          .toMatch(/\) Z /);
        (await lockDirectory(directory)).release();
      } finally {
        parent.kill();
      }
    },
  );

  it('dated ahead of this machine is said to be, and can be taken over by force', async () => {
    const directory = planted(lockOf({ pid: 1, host: 'elsewhere' }), -7200);
    await expect(lockDirectory(directory)).rejects.toThrow(
      /its lock is dated 7(199|200) s ahead of this machine's clock\. If it has ended, take the directory over with --force\.$/,
    );
    (await lockDirectory(directory, true)).release();
  });

  it('says when it can be taken over, and can be at once by force', async () => {
    const directory = planted(lockOf({ pid: 7, host: 'elsewhere' }), 100);
    await expect(lockDirectory(directory)).rejects.toThrow(
      /process 7 on elsewhere is writing to it, or was 10[01] s ago: .* in (199|200) s, or at once with --force/,
    );
    const lock = await lockDirectory(directory, true);
    lock.check();
    const taken = lockOf({ pid: 8, host: 'elsewhere' });
    writeFileSync(join(directory, LOCK_FILE), taken);
    expect(() => lock.check()).toThrow(/taken over by another process/);
    lock.release(); // is not its own any more
    expect(readFileSync(join(directory, LOCK_FILE), 'utf8')).toBe(taken);
  });

  it.each([
    ['a dangling link', (path: string) => symlinkSync('nowhere', path), /got a symbolic link\. Remove it\./, true],
    ['a link to itself', (path: string) => symlinkSync(LOCK_FILE, path), /got a symbolic link/, true],
    ['a directory', (path: string) => mkdirSync(path), /got a directory/, false],
    ['a pipe', (path: string) => execFileSync('mkfifo', [path]), /got a device or pipe/, true],
  ] as const)('that is %s is refused', async (_, make, message, forced) => {
    const directory = temporaryDirectory();
    make(join(directory, LOCK_FILE));
    await expect(lockDirectory(directory)).rejects.toThrow(CheckpointError);
    await expect(lockDirectory(directory)).rejects.toThrow(message);
    expect(await writerOf(directory)).toBeUndefined();
    if (forced) (await lockDirectory(directory, true)).release();
    else await expect(lockDirectory(directory, true)).rejects.toThrow(/cannot be removed: it is a directory/);
  }); // prettier-ignore

  it("that is another user's and cannot be read is refused", async ({ skip }) => {
    const directory = planted(lockOf({ host: 'elsewhere' }));
    chmodSync(join(directory, LOCK_FILE), 0o600);
    chmodSync(directory, 0o777);
    if (process.getuid?.() !== 0) return skip('only root can become another user');
    process.seteuid!(65534); // nobody
    try {
      await expect(lockDirectory(directory)).rejects.toThrow(
        /this lock cannot be read: permission denied\. If no other process is writing to the directory, remove the lock or give --force\.$/,
      );
      expect(await writerOf(directory)).toBeUndefined();
      (await lockDirectory(directory, true)).release();
    } finally {
      process.seteuid!(0);
    }
  });
});
