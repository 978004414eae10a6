import { describe, expect, it } from 'vitest';
import {
  count,
  counted,
  duration,
  kindOf,
  lossText,
  noveltyOf,
  perplexity,
  rate,
  tick,
} from '../../src/web/format.ts';

describe('figures as the page shows them', () => {
  it.each([
    [count(4192), '4,192'],
    [counted(1, 'document'), '1 document'],
    [counted(2958, 'document'), '2,958 documents'],
    [lossText(2.34567), '2.3457'],
    [rate(0.01234), '0.0123'],
    [rate(56.789), '56.8'],
    [rate(12345.6), '12,346'],
    [duration(6.1), '0:07'],
    [duration(754), '12:34'],
    [duration(12345), '3:25:45'],
  ])('%s is %s', (text, expected) => expect(text).toBe(expected));

  it('says what a loss means, of letters and of other characters', () => {
    expect([27, 9.4, 1234, 1.02].map((n) => perplexity(Math.log(n)))).toEqual([
      '27.0',
      '9.4',
      '1,234',
      '1.02',
    ]);
    expect(perplexity(1e30)).toBe('over a million');
    expect([kindOf(['a', 'ß', 'я']), kindOf(['1', '+'])]).toEqual(['letters', 'characters']);
  });

  it('says how many samples are new', () => {
    expect([0, 1, 17, 19, 20].map((copies) => noveltyOf(20, copies))).toEqual([
      'All 20 are new: none is in the text.',
      '19 of the 20 are new; the other is in the text.',
      '3 of the 20 are new; the others are in the text.',
      '1 of the 20 is new; the others are in the text.',
      'All 20 are in the text: the model repeats it.',
    ]);
  });

  it('has short marks on an axis, also beyond a million', () => {
    const marks = [0, 0.25, 1500, 950_000, 1_000_000, 2_250_000, 1e9, 1.5e30];
    expect(marks.map(tick)).toEqual(['0', '0.25', '1,500', '950,000', '1M', '2.25M', '1e9', '1.5e30']);
  });
});
