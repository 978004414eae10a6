import { describe, expect, it } from 'vitest';
import {
  bytes,
  count,
  date,
  duration,
  figure,
  list,
  percent,
  percentSpread,
  roundTime,
  time,
  times,
  timeSpread,
  timesSpread,
} from '../../../src/report/judge/format.ts';

describe('format', () => {
  it.each([
    [0, '0 µs'],
    [0.034, '34.0 ns'],
    [0.00012, '0.120 ns'],
    [0.9996, '1.00 µs'],
    [10.5, '10.5 µs'],
    [99.96, '100 µs'],
    [999.9, '1.00 ms'],
    [1234, '1.23 ms'],
    [5_870_000, '5.87 s'],
    [-2.5, '−2.50 µs'],
    [3.6e9, '3,600 s'],
    [1e300, '1.0·10²⁹⁴ s'],
  ])('shows a time of %s µs as %s', (us, text) => {
    expect(time(us)).toBe(text);
  });

  it('gives an interval the unit and the decimals of its value', () => {
    expect(timeSpread({ value: 10.52, low: 10.3, high: 10.749 })).toBe('10.5 µs (10.3–10.7)');
    expect(timeSpread({ value: 1200, low: 990, high: 1400 })).toBe('1.20 ms (0.99–1.40)');
    expect(timesSpread({ value: 3.123, low: 2.94, high: 3.31 })).toBe('3.1× (2.9–3.3×)');
    expect(percentSpread({ value: 0.712, low: 0.68, high: 0.741 })).toBe('71% (68–74%)');
  });

  it('shows a value that is next to nothing beside its interval with no more decimals than that has', () => {
    expect(timeSpread({ value: -5.5e-6, low: -0.0188, high: 0.0187 })).toBe('−0.01 ns (−18.80 to 18.70)');
    expect(timeSpread({ value: 1.35, low: -25.91, high: 28.61 })).toBe('1.35 µs (−25.91 to 28.61)');
  });

  it('joins ends with a word where a dash would read as a minus', () => {
    expect(timeSpread({ value: 0.1, low: -0.02, high: 0.22 })).toBe('100 ns (−20 to 220)');
  });

  it.each([
    [0.027, '0.027×'],
    [1.07, '1.07×'],
    [1.996, '2.0×'],
    [9.96, '10×'],
    [31.4, '31×'],
    [558.7, '559×'],
    [19_511, '19,500×'],
    [Infinity, '∞×'],
  ])('shows a multiple of %s as %s', (ratio, text) => {
    expect(times(ratio)).toBe(text);
  });

  it.each([
    [0, '0%'],
    [0.0004, 'under 0.1%'],
    [0.034, '3.4%'],
    [0.712, '71%'],
    [-0.05, '−5.0%'],
  ])('shows a share of %s as %s', (share, text) => {
    expect(percent(share)).toBe(text);
  });

  it('shows other figures', () => {
    expect([0, 96, 1536, 2 ** 20, 5 * 2 ** 30].map(bytes)).toEqual([
      '0 B',
      '96 B',
      '1.5 KiB',
      '1 MiB',
      '5 GiB',
    ]);
    expect([0.00123, 12.34, 41_234].map(figure)).toEqual(['0.00123', '12.3', '41,200']);
    expect([0, -7, 1000, 2 ** 31 - 4, 2 ** 53].map(count)).toEqual([
      '0',
      '−7',
      '1,000',
      '2,147,483,644',
      '9.0·10¹⁵',
    ]);
    expect([1, 10, 1e6].map(roundTime)).toEqual(['1 µs', '10 µs', '1 s']);
    expect([48.2, 742].map(duration)).toEqual(['48 s', '12 min']);
    expect(date('2026-11-22T14:03:59.000Z')).toBe('22 November 2026, 14:03 UTC');
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(list)).toEqual(['', 'a', 'a and b', 'a, b and c']);
  });
});
