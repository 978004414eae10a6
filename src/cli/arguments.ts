// Values of options, read strictly: `12abc`, an empty text, `1e999` and NaN are refused.

import { InvalidArgumentError } from 'commander';
import { whatIsExpected, type NumberRule } from '../config/config.ts';

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;

/** A reader of the numbers that `rule` allows. */
export function numeric(rule: NumberRule): (text: string) => number {
  const form = rule.type === 'whole' ? INTEGER : DECIMAL;
  return (text) => {
    const value = form.test(text) ? Number(text) : NaN;
    const expected = whatIsExpected(rule, value);
    if (expected === undefined) return value;
    throw new InvalidArgumentError(`Expected ${[`${expected}.`, rule.advice].filter(Boolean).join(' ')}`);
  };
}

/** A reader of whole numbers of at least `least`. */
export function integer(least: number): (text: string) => number {
  return numeric({ type: 'whole', range: { least } });
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
