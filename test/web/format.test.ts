import { describe, expect, it } from 'vitest';
import { count, duration, guessing, lossText, rate } from '../../src/web/format.ts';

describe('figures as the page shows them', () => {
  it.each([
    [count(4192), '4,192'],
    [lossText(2.34567), '2.3457'],
    [rate(0.01234), '0.0123'],
    [rate(56.789), '56.8'],
    [rate(12345.6), '12,346'],
    [duration(6.1), '0:07'],
    [duration(754), '12:34'],
    [duration(12345), '3:25:45'],
  ])('%s is %s', (text, expected) => expect(text).toBe(expected));

  it('says what a loss means, of letters and of other characters', () => {
    expect(guessing(Math.log(27), ['a', 'ß', 'я'])).toBe('27.0 letters');
    expect(guessing(Math.log(9.4), ['1', '+'])).toBe('9.4 characters');
    expect(guessing(Math.log(1234), ['a'])).toBe('1,234 letters');
  });
});
