// Options with many values: a list of numbers and ranges, as in 1..8 or 0.003,0.01,0.03 or 0.001..0.1:5.

import { InvalidArgumentError } from 'commander';

/** The most values of one option, and the most models of a sweep. */
export const MOST_VALUES = 10_000;

/** Digits that the values inside a range are rounded to, so that they can be typed again. */
const DIGITS = 4;

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
    return Array.from({ length: count }, (_, i) => {
      if (i === 0) return first;
      if (i === count - 1) return last;
      const part = i / (count - 1);
      const value = spacing === 'log' ? first * (last / first) ** part : first + part * (last - first);
      return Number(value.toPrecision(DIGITS));
    });
  });
}

function listOf(readItem: (item: string) => number[]): (text: string) => number[] {
  return (text) => {
    const values = text.split(',').flatMap((item) => readItem(item));
    checkCount(values.length);
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
