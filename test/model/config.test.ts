import { describe, expect, it } from 'vitest';
import { checkModelConfig, DEFAULT_MODEL } from '../../src/model/config.ts';

describe('heads that do not divide the width', () => {
  const check = (nEmbd: number, nHead: number) => () =>
    checkModelConfig({ ...DEFAULT_MODEL, vocabSize: 2, nEmbd, nHead });

  it.each([
    [16, 5, '1, 2, 4, 8, 16'],
    [17, 4, '1, 17'],
    [36, 7, '1, 2, 3, 4, 6, 9, 12, 18, 36'],
    [1, 2, '1'],
  ])('%i wide, %i heads: says which do', (width, heads, divisors) => {
    expect(check(width, heads)).toThrow(`Choose n_head among ${divisors}.`);
  });

  it('does not take long about it, whatever the width', () => {
    const start = performance.now();
    expect(check(2 ** 40 + 15, 2)).toThrow(/^n_embd 1099511627791 is not divisible/);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
