// Lists and ranges of values.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { integer, numeric } from '../../src/cli/arguments.ts';
import { MOST_VALUES, numbers, wholeNumbers } from '../../src/cli/ranges.ts';

const any = numeric({ type: 'number' });
const seeds = wholeNumbers(integer(-Infinity));
const log = numbers(any, 'log');
const lin = numbers(any, 'lin');

describe('whole numbers', () => {
  it.each([
    ['42', [42]],
    ['1..4', [1, 2, 3, 4]],
    ['-2..1', [-2, -1, 0, 1]],
    ['7,1..3,-9', [7, 1, 2, 3, -9]],
  ])('%s', (text, values) => expect(seeds(text)).toEqual(values));

  it.each([
    ['', 'Expected a whole number.'],
    ['1,', 'Expected a whole number.'],
    ['1..', 'Expected a whole number.'],
    ['1..2..3', "Expected a number or a range such as 1..8, got '1..2..3'."],
    ['1..8:3', 'Expected a whole number.'],
    ['0.5..3', 'Expected a whole number.'],
    ['8..1', "Expected a range that ends above where it begins, got '8..1'."],
    ['3..3', 'Expected a range that ends above where it begins'],
    ['1..4,3', 'Expected different values, got 3 twice.'],
    ['1..10001', `Expected at most ${MOST_VALUES} values, got 10001.`],
    ['0..9007199254740991', `Expected at most ${MOST_VALUES} values`], // and no array of that length is made
    ['1..9000,9001..18000', `Expected at most ${MOST_VALUES} values, got 18000.`],
    [Array(20_000).fill('1..9000').join(), `Expected at most ${MOST_VALUES} values, got 18000.`], // soon: all would take gigabytes
  ])('refuses %.30s', (text, message) => expect(() => seeds(text)).toThrow(message));
});

describe('numbers', () => {
  it.each([
    ['log', '0.01', [0.01]],
    ['log', '0.003,0.01,3e-2', [0.003, 0.01, 0.03]],
    ['log', '1e-3..1e-1:3', [0.001, 0.01, 0.1]],
    ['log', '0.001..0.1:5', [0.001, 0.003162, 0.01, 0.03162, 0.1]],
    ['log', '1..2:3lin,7', [1, 1.5, 2, 7]],
    ['log', '0..1:3lin', [0, 0.5, 1]],
    ['lin', '0.8..0.95:4', [0.8, 0.85, 0.9, 0.95]],
    ['lin', '1..100:3log', [1, 10, 100]],
    ['lin', '-1..1:3', [-1, 0, 1]],
    ['lin', '.5...75:2', [0.5, 0.75]],
    ['lin', '1..1.0004:5', [1, 1.0001, 1.0002, 1.0003, 1.0004]], // four digits do not tell them apart
    ['lin', '0.99999..0.999999:3', [0.99999, 0.999995, 0.999999]], // nor these from 1, which no decay may be
    ['log', '1e-300..1e300:3', [1e-300, 1, 1e300]], // whose ratio no number can be
    ['lin', '-1.7e308..1.7e308:3', [-1.7e308, 0, 1.7e308]],
  ] as const)('%s %s', (spacing, text, values) => expect(numbers(any, spacing)(text)).toEqual(values));

  it.each([
    ['', 'Expected a number.'],
    ['0.1..0.2', 'a range such as 0.001..0.1:5'],
    ['0.1..0.2:', 'a range such as 0.001..0.1:5'],
    ['0.1..0.2:2.5', 'a range such as 0.001..0.1:5'],
    ['0.1..0.2:3cubic', 'a range such as 0.001..0.1:5'],
    ['..0.2:3', 'a range such as 0.001..0.1:5'],
    ['x..0.2:3', 'Expected a number.'],
    ['0.1..0.2:1', "Expected at least 2 values, got '0.1..0.2:1'."],
    ['0.1..0.2:0', 'Expected at least 2 values'],
    ['0..1:3', "Expected a range that begins above 0, or 0..1:3lin with equal differences, got '0..1:3'."],
    ['2..1:3', 'Expected a range that ends above where it begins'],
    ['1..2:10001', `Expected at most ${MOST_VALUES} values`],
    ['1..2:99999999999999999999', `Expected at most ${MOST_VALUES} values`],
  ])('refuses %s', (text, message) => expect(() => log(text)).toThrow(message));

  it('are as many as asked for, rise, keep their ends and the spacing', () => {
    const ends = fc.tuple(
      fc.double({ min: 1e-6, max: 1, noNaN: true }),
      fc.double({ min: 2, max: 1e4, noNaN: true }),
    );
    fc.assert(
      fc.property(
        ends,
        fc.integer({ min: 2, max: 40 }),
        fc.boolean(),
        ([first, factor], count, geometric) => {
          const last = first * factor;
          const values = (geometric ? log : lin)(`${first}..${last}:${count}`);
          expect(values).toHaveLength(count);
          expect([values[0], values[count - 1]]).toEqual([first, last]);
          for (const [i, value] of values.entries()) {
            const part = i / (count - 1);
            const exact = geometric ? first * factor ** part : first + part * (last - first);
            expect(Math.abs(value / exact - 1)).toBeLessThan(5.1e-4); // rounded to four digits
            if (i > 0 && i < count - 1) expect(value).toBe(Number(value.toPrecision(4)));
          }
          for (let i = 1; i < count; i++) expect(values[i]).toBeGreaterThan(values[i - 1]);
        },
      ),
    );
  });

  it('of any text are a list without repetition, or an error that says what was expected', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789.,:-elgin'.split('')), maxLength: 14 });
    for (const read of [seeds, log, lin]) {
      fc.assert(
        fc.property(text, (input) => {
          let values: number[];
          try {
            values = read(input);
          } catch (error) {
            expect((error as Error).message).toMatch(/^Expected .*\.$/);
            return;
          }
          expect(values.length).toBeGreaterThan(0);
          expect(new Set(values).size).toBe(values.length);
          expect(values.every((value) => Number.isFinite(value))).toBe(true);
        }),
        { numRuns: 500 },
      );
    }
  });
});
