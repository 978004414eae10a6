// Values of options, read strictly: `12abc`, an empty text, `1e999` and NaN are refused.

import { InvalidArgumentError } from 'commander';

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;

/** A reader of whole numbers of at least `min`. */
export function integer(min: number): (text: string) => number {
  const expected = min > -Infinity ? `a whole number of at least ${min}` : 'a whole number';
  return (text) => {
    const value = INTEGER.test(text) ? Number(text) : NaN;
    if (!(value >= min)) throw new InvalidArgumentError(`Expected ${expected}.`);
    if (!Number.isSafeInteger(value))
      throw new InvalidArgumentError(`Expected at most ${Number.MAX_SAFE_INTEGER}.`);
    return value;
  };
}

/** A reader of numbers that `accepts` accepts; `expected` says which those are. */
export function decimal(expected: string, accepts: (value: number) => boolean): (text: string) => number {
  return (text) => {
    const value = DECIMAL.test(text) ? Number(text) : NaN;
    if (!Number.isFinite(value) || !accepts(value)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  };
}

/** How often something is done: every so many steps or milliseconds, or never. */
export interface Every {
  readonly steps?: number;
  readonly milliseconds?: number;
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Reads `500` (steps), `30s`, `5m`, `2h` or `never`. */
export function every(text: string): Every {
  if (text === 'never') return {};
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text) ?? [];
  const value = Number(digits);
  if (unit === '' && Number.isSafeInteger(value) && value > 0) return { steps: value };
  if (unit !== undefined && unit !== '' && value > 0) return { milliseconds: value * UNITS[unit] };
  throw new InvalidArgumentError(
    'Expected a number of steps, such as 500, a time, such as 30s, 5m or 2h, or never.',
  );
}

/** A path; an unset variable of a shell is none, and would mean the directory at hand. */
export function path(text: string): string {
  if (text === '') throw new InvalidArgumentError('Expected a path, got none.');
  return text;
}

/** `text` as it can be typed into a shell. */
export function shellQuote(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
