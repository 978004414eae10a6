import { describe, expect, it } from 'vitest';
import { checkModelConfig, DEFAULT_MODEL } from '../../src/config/config.ts';
import { ConfigError } from '../../src/util/errors.ts';

describe('heads that do not divide the width', () => {
  const check = (nEmbd: number, nHead: number) => () =>
    checkModelConfig({ ...DEFAULT_MODEL, vocabSize: 2, nEmbd, nHead });

  it.each([
    [16, 5, '1, 2, 4, 8, 16'],
    [17, 4, '1, 17'],
    [36, 7, '1, 2, 3, 4, 6, 9, 12, 18, 36'],
    [1, 2, '1'],
    [5040, 11, '4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 18'], // of 60 those that are near
    [5040, 4000, '360, 420, 504, 560, 630, 720, 840, 1008, 1260, 1680, 2520, 5040'],
  ])('%i wide, %i heads: says which do', (width, heads, divisors) => {
    expect(check(width, heads)).toThrow(`Choose n_head among ${divisors}.`);
  });

  it('does not take long about it, whatever the width', () => {
    const start = performance.now();
    expect(check(2 ** 40 + 15, 2)).toThrow(/^n_embd 1099511627791 is not divisible/);
    expect(check(2 ** 53 - 1, 2)).toThrow(/^n_embd 9007199254740991 is not divisible/);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

it('layers are bounded: a million would fill the memory with their names alone', () => {
  const check = (nLayer: number) => () => checkModelConfig({ ...DEFAULT_MODEL, vocabSize: 2, nLayer });
  expect(check(10_000)).not.toThrow();
  expect(check(10_001)).toThrow(new ConfigError('n_layer: expected at most 10000, got 10001.'));
});
