import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFilesAtomically } from '../../src/cli/files.ts';
import { checkNoRun, claimDirectory, saving } from '../../src/cli/run-directory.ts';
import { RUN_FILES } from '../../src/train/run-files.ts';
import { CheckpointError, ConfigError } from '../../src/util/errors.ts';
import { temporaryDirectory } from './cli.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('writeFilesAtomically', () => {
  it('writes and replaces files, and leaves no other', async () => {
    const directory = temporaryDirectory();
    await writeFilesAtomically(directory, { a: bytes('1'), b: bytes('2') });
    await writeFilesAtomically(directory, { b: bytes('3'), c: new Uint8Array(0) });
    expect(readdirSync(directory).toSorted()).toEqual(['a', 'b', 'c']);
    expect(readFileSync(join(directory, 'a'), 'utf8')).toBe('1');
    expect(readFileSync(join(directory, 'b'), 'utf8')).toBe('3');
  });

  it('changes nothing where one of the files cannot be written', async () => {
    const directory = temporaryDirectory();
    await writeFilesAtomically(directory, { a: bytes('old') });
    const files = { a: bytes('new'), 'missing/b': bytes('new') };
    await expect(writeFilesAtomically(directory, files)).rejects.toThrow('ENOENT');
    expect(readdirSync(directory)).toEqual(['a']);
    expect(readFileSync(join(directory, 'a'), 'utf8')).toBe('old');
  });
});

describe('a run that cannot be saved', () => {
  const full = () => Promise.reject(Object.assign(new Error(), { code: 'ENOSPC' }));

  it.each([
    ['an empty directory', [], 'Nothing was saved before.'],
    ['no directory', undefined, 'Nothing was saved before.'],
    ['half a checkpoint', ['checkpoints/.step-000000007.safetensors.12.tmp'], 'Nothing was saved before.'],
    ['a checkpoint', ['checkpoints/step-000000007.safetensors'], 'What was saved before is still there.'],
    ['a run', ['config.json'], 'What was saved before is still there.'],
  ] as const)('tells what is left of it: %s', async (_, files, left) => {
    const directory = files === undefined ? '/nonexistent' : temporaryDirectory();
    for (const file of files ?? []) {
      mkdirSync(dirname(join(directory, file)), { recursive: true });
      writeFileSync(join(directory, file), '');
    }
    await expect(saving(directory, full)).rejects.toThrow(
      `${directory}: the run cannot be saved: no space left on device. ${left}`,
    );
  });
});

describe('claimDirectory', () => {
  it('makes the directory, and removes what it made while that is empty', async () => {
    const parent = temporaryDirectory();
    const directory = join(parent, 'a', 'b', 'c');
    const claimed = await claimDirectory(directory);
    expect(readdirSync(directory)).toEqual([]);
    claimed.release();
    expect(readdirSync(parent)).toEqual([]);
  });

  it('keeps what has been written there, and directories that were there before', async () => {
    const parent = temporaryDirectory();
    mkdirSync(join(parent, 'before'));
    const full = await claimDirectory(join(parent, 'a', 'b'));
    writeFileSync(join(parent, 'a', 'b', 'file'), '');
    full.release();
    expect(existsSync(join(parent, 'a', 'b', 'file'))).toBe(true);
    (await claimDirectory(join(parent, 'before'))).release();
    (await claimDirectory(join(parent, 'before', 'new'))).release();
    expect(readdirSync(join(parent, 'before'))).toEqual([]);
  });

  it('refuses a path that cannot be a directory, and leaves nothing', async () => {
    const parent = temporaryDirectory();
    writeFileSync(join(parent, 'file'), '');
    symlinkSync(join(parent, 'loop'), join(parent, 'loop'));
    for (const path of ['file', 'file/deeper', 'loop/deeper', `new/${'x'.repeat(300)}`]) {
      await expect(claimDirectory(join(parent, path))).rejects.toThrow(CheckpointError);
    }
    expect(readdirSync(parent).toSorted()).toEqual(['file', 'loop']);
  });

  // mkdir(…, { recursive: true }) never ends there.
  it.skipIf(process.platform !== 'linux')('refuses a file system that makes no directories', async () => {
    await expect(claimDirectory('/proc/microgpt/run')).rejects.toThrow('nothing can be written there');
  });
});

describe('checkNoRun', () => {
  it.each(RUN_FILES)('refuses a directory with %s, which saving would replace', async (name) => {
    const directory = temporaryDirectory();
    await checkNoRun(directory);
    await checkNoRun(join(directory, 'missing'));
    writeFileSync(join(directory, name), '');
    await expect(checkNoRun(directory)).rejects.toThrow(ConfigError);
    await expect(checkNoRun(directory)).rejects.toThrow(`already holds a run (${name})`);
  });
});
