import { InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { execFileSync } from 'node:child_process';
import { integer, numeric, shellQuote } from '../../src/cli/arguments.ts';

const any = numeric({ type: 'number' });

describe('numbers', () => {
  it('are read as they are written', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => {
        expect(integer(-Infinity)(String(n))).toBe(n);
      }),
    );
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        expect(any(String(x))).toBe(x === 0 ? 0 : x); // String(-0) is 0
      }),
    );
  });

  it.each([
    ['1', 1],
    ['+7', 7],
    ['-3', -3],
    ['007', 7],
    ['.5', 0.5],
    ['5.', 5],
    ['1e-8', 1e-8],
    ['1E3', 1000],
    ['-1.5e+2', -150],
  ])('%s is %d', (text, value) => {
    expect(any(text)).toBe(value);
  });

  it.each([
    '',
    ' ',
    ' 1',
    '1 ',
    '12abc',
    'abc',
    'NaN',
    'nan',
    'Infinity',
    '-Infinity',
    'inf',
    '1e999',
    '-1e999',
    '0x10',
    '0b1',
    '0o7',
    '1_000',
    '1,000',
    '1.2.3',
    '--1',
    '+-1',
    '.',
    'e5',
    '1e',
    '1e1.5',
    '١',
    '1n',
  ])('%j is none', (text) => {
    expect(() => any(text)).toThrow(InvalidArgumentError);
    expect(() => integer(-Infinity)(text)).toThrow(InvalidArgumentError);
  });

  it.each(['1.5', '1.0', '1e3', '.5', '9007199254740992', '-9007199254740992'])(
    '%s is no whole number',
    (text) => {
      expect(() => integer(-Infinity)(text)).toThrow(InvalidArgumentError);
    },
  );

  it('must be in range', () => {
    expect(integer(1)('1')).toBe(1);
    expect(() => integer(1)('0')).toThrow('Expected a whole number of at least 1.');
    const fraction = numeric({ type: 'number', range: { below: 1 } });
    expect(fraction('0.999')).toBe(0.999);
    expect(() => fraction('1')).toThrow('Expected a number below 1.');
  });
});

describe.skipIf(process.platform === 'win32')('shellQuote', () => {
  it('gives a word that a shell reads as the text', () => {
    for (const text of ['runs/a', 'my run', "it's", '$HOME', 'a;b', '*', 'é', '"', '\\', 'a\nb', '']) {
      const echoed = execFileSync('sh', ['-c', `printf %s ${shellQuote(text)}`], { encoding: 'utf8' });
      expect(echoed).toBe(text);
    }
    expect(shellQuote('runs/a-1.2')).toBe('runs/a-1.2');
  });
});
