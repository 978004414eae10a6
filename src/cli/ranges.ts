// Options with many values: a list of numbers and ranges, as in 1..8 or 0.003,0.01,0.03 or 0.001..0.1:5.

import { InvalidArgumentError } from 'commander';

/** The most values of one option, and the most models of a sweep. */
export const MOST_VALUES = 10_000;

/** Digits that the values inside a range are rounded to, so that they can be typed again; more where fewer tell neighbours not apart. */
const DIGITS = 4;
/** What tells any two numbers apart. */
const ALL_DIGITS = 17;

type Spacing = 'log' | 'lin';

/** A reader of lists of whole numbers and ranges of them: `1..4` is 1,2,3,4. `read` reads one number. */
export function wholeNumbers(read: (text: string) => number): (text: string) => number[] {
  return listOf((item) => {
    const ends = item.split('..');
    if (ends.length === 1) return [read(item)];
    if (ends.length !== 2) throw wrong(item, 'a number or a range such as 1..8');
    const [first, last] = ends.map((end) => read(end));
    const count = last - first + 1;
    checkRange(item, first, last);
    checkCount(count);
    return Array.from({ length: count }, (_, i) => first + i);
  });
}

/**
 * A reader of lists of numbers and ranges of them: `A..B:N` is N numbers from A to B with one ratio between neighbours
 * (`log`) or one difference (`lin`), as `usual` says or as is written behind N. `read` reads one number.
 */
export function numbers(read: (text: string) => number, usual: Spacing): (text: string) => number[] {
  const example = usual === 'log' ? '0.001..0.1:5' : '0.8..0.95:4';
  return listOf((item) => {
    if (!item.includes('..')) return [read(item)];
    const parts = /^(.+?)\.\.(.+?):(\d+)(lin|log)?$/.exec(item);
    if (parts === null) throw wrong(item, `a number or a range such as ${example}, of 5 values or so`);
    const [first, last] = [read(parts[1]), read(parts[2])];
    const count = Number(parts[3]);
    const spacing = (parts[4] as Spacing | undefined) ?? usual;
    checkRange(item, first, last);
    checkCount(count);
    if (count < 2) throw wrong(item, 'at least 2 values');
    if (spacing === 'log' && first <= 0) {
      throw wrong(
        item,
        `a range that begins above 0, or ${first}..${last}:${count}lin with equal differences`,
      );
    }
    const inner = Array.from({ length: count - 2 }, (_, i) => {
      const part = (i + 1) / (count - 1);
      // Not last / first, nor last - first, which may be beyond what a number can be.
      return spacing === 'log' ? first ** (1 - part) * last ** part : (1 - part) * first + part * last;
    });
    for (let digits = DIGITS; ; digits++) {
      const values = [first, ...inner.map((value) => Number(value.toPrecision(digits))), last];
      if (digits === ALL_DIGITS || rises(values)) return values;
    }
  });
}

function rises(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || value > values[i - 1]);
}

function listOf(readItem: (item: string) => number[]): (text: string) => number[] {
  return (text) => {
    const values: number[] = [];
    for (const item of text.split(',')) {
      values.push(...readItem(item));
      checkCount(values.length); // after each: all of them might not fit the memory
    }
    const seen = new Set<number>();
    for (const value of values) {
      if (seen.has(value)) throw new InvalidArgumentError(`Expected different values, got ${value} twice.`);
      seen.add(value);
    }
    return values;
  };
}

function checkRange(item: string, first: number, last: number): void {
  if (first < last) return;
  throw wrong(item, 'a range that ends above where it begins');
}

function checkCount(count: number): void {
  if (count <= MOST_VALUES) return;
  throw new InvalidArgumentError(`Expected at most ${MOST_VALUES} values, got ${count}.`);
}

function wrong(item: string, expected: string): InvalidArgumentError {
  return new InvalidArgumentError(`Expected ${expected}, got '${item}'.`);
}
