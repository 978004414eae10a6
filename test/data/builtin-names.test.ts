import { expect, it } from 'vitest';
import { BUILTIN_NAMES } from '../../src/data/builtin-names.ts';
import { readDocuments } from '../../src/data/documents.ts';
import { createTokenizer } from '../../src/data/tokenizer.ts';
import { DEFAULT_MODEL } from '../../src/config/config.ts';

const names = readDocuments(new TextEncoder().encode(BUILTIN_NAMES), 'the built-in names');

it('the built-in names are one a line, with nothing to strip', () => {
  expect(BUILTIN_NAMES).toBe(`${names.join('\n')}\n`);
});

it('the built-in names are at least 2,200, each of them once', () => {
  expect(names.length).toBeGreaterThanOrEqual(2200);
  const repeated = names.filter((name, i) => names.indexOf(name) !== i);
  expect(repeated).toEqual([]);
});

it('the built-in names are of 2 to 15 letters a to z, so that none is cut at the default block size', () => {
  expect(names.filter((name) => !/^[a-z]{2,15}$/.test(name))).toEqual([]);
  const longest = Math.max(...names.map((name) => name.length));
  expect(longest + 1).toBeLessThanOrEqual(DEFAULT_MODEL.blockSize);
});

it('the built-in names use all 26 letters, so that the default model has 4,192 parameters as microgpt.py has', () => {
  expect(createTokenizer(names).chars.join('')).toBe('abcdefghijklmnopqrstuvwxyz');
});
