import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readKernelChoices } from '../../src/cli/kernel-choices.ts';

describe('the file of kernel choices', () => {
  let directory: string;
  let notes: string[];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'microgpt-kernels-'));
    notes = [];
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const read = (where = directory) => readKernelChoices((text) => void notes.push(text), where);

  test('keeps what was measured, in a directory that it makes', async () => {
    const inner = join(directory, 'cache', 'microgpt');
    const first = await read(inner);
    expect(first.get('a gpu | linear')).toBeUndefined();
    await first.save(); // nothing to save: no file
    first.set('a gpu | linear', '64x64x8/8x8 vec4');
    await first.save();
    expect((await read(inner)).get('a gpu | linear')).toBe('64x64x8/8x8 vec4');
    expect(notes).toEqual([]);
  });

  test.each(['', '{', '[]', '{"version":1}', '{"version":1,"variants":{"a":2}}'])(
    'ignores the damaged file %j, says so and replaces it',
    async (text) => {
      const path = join(directory, 'kernels.json');
      writeFileSync(path, text);
      const choices = await read();
      expect(notes).toEqual([expect.stringContaining(`${path} is not used: `)]);
      choices.set('b', 'c');
      await choices.save();
      expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ version: 1, variants: { b: 'c' } });
    },
  );

  test('does not use a file of another version', async () => {
    writeFileSync(join(directory, 'kernels.json'), '{"version":0,"variants":{"a":"b"}}');
    expect((await read()).get('a')).toBeUndefined();
    expect(notes).toEqual([]);
  });

  test('goes on where it cannot write', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const choices = await readKernelChoices((text) => void notes.push(text), join(file, 'below'));
    choices.set('a', 'b');
    await choices.save();
    expect(notes.at(-1)).toContain('not kept for the next time');
  });
});
