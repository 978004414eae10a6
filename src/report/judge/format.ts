// How figures read, everywhere in a report: three digits at most, units that fit, and an interval in the unit and with
// the decimals of its value. Signs and dashes are typographic: a minus is U+2212.

import type { Estimate, Interval } from '../schema.ts';

interface Unit {
  readonly size: number;
  readonly name: string;
}

const TIMES: readonly Unit[] = [
  { size: 1e6, name: 's' },
  { size: 1e3, name: 'ms' },
  { size: 1, name: 'µs' },
  { size: 1e-3, name: 'ns' },
];
const BYTES: readonly Unit[] = [
  { size: 2 ** 30, name: 'GiB' },
  { size: 2 ** 20, name: 'MiB' },
  { size: 2 ** 10, name: 'KiB' },
  { size: 1, name: 'B' },
];
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** The median of an estimate with its interval. */
export function spread(estimate: Estimate): Interval {
  return { value: estimate.median, low: estimate.low, high: estimate.high };
}

/** `1,234`, `12.3`, `0.00123`, `1.2·10⁹`: three significant digits, zeros kept only where asked for. */
export function figure(x: number): string {
  return fixed(rounded(x), decimalsFor(x))
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}

/** A whole number: `1,000`. */
export function count(x: number): string {
  if (!(Math.abs(x) < 1e15)) return fixed(x, 0);
  return `${x <= -0.5 ? '−' : ''}${numberFormat(0).format(Math.abs(x))}`;
}

/** A time in microseconds: `34 ns`, `10.5 µs`, `1.20 ms`, `3.00 s`. */
export function time(us: number): string {
  return inUnit(us, TIMES);
}

/** A time that is round: `10 µs`. */
export function roundTime(us: number): string {
  const unit = unitOf(us, TIMES);
  return `${figure(us / unit.size)} ${unit.name}`;
}

/** `10.5 µs (10.3–10.7)` */
export function timeSpread(us: Interval): string {
  return spreadInUnit(us, TIMES);
}

/** `1.5 KiB`, `96 B` */
export function bytes(n: number): string {
  const unit = unitOf(n, BYTES);
  return unit.size === 1 ? `${count(n)} B` : `${figure(n / unit.size)} ${unit.name}`;
}

/** A multiple: `1.07×`, `3.1×`, `31×`, `558×`, `19,500×`. */
export function times(ratio: number): string {
  return `${fixed(rounded(ratio), timesDecimals(ratio))}×`;
}

/** `3.1× (2.9–3.3×)` */
export function timesSpread({ value, low, high }: Interval): string {
  const decimals = timesDecimals(value);
  const end = (x: number) => fixed(rounded(x), decimals);
  return `${times(value)} (${range(end(low), end(high))}×)`;
}

/** A share of 1: `71%`, `3.4%`, `under 0.1%`. */
export function percent(share: number): string {
  const p = share * 100;
  if (p !== 0 && Math.abs(p) < 0.1) return 'under 0.1%';
  return `${fixed(p, percentDecimals(p))}%`;
}

/** `71% (68–74%)` */
export function percentSpread({ value, low, high }: Interval): string {
  const decimals = percentDecimals(value * 100);
  const end = (x: number) => fixed(x * 100, decimals);
  return `${percent(value)} (${range(end(low), end(high))}%)`;
}

/** `figure` with its interval: `61.2 (60.8–61.5)`. */
export function figureSpread({ value, low, high }: Interval): string {
  const decimals = decimalsFor(value);
  return `${fixed(value, decimals)} (${range(fixed(low, decimals), fixed(high, decimals))})`;
}

/** `22 November 2026, 14:03 UTC` of an ISO timestamp. */
export function date(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const day = at.toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });
  return `${day}, ${at.toISOString().slice(11, 16)} UTC`;
}

/** `48 s`, `12 min` */
export function duration(seconds: number): string {
  return seconds < 90 ? `${count(Math.round(seconds))} s` : `${count(Math.round(seconds / 60))} min`;
}

/** `a`, `a and b`, `a, b and c` */
export function list(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

function inUnit(x: number, units: readonly Unit[]): string {
  const unit = unitOf(x, units);
  const scaled = x / unit.size;
  return `${fixed(scaled, decimalsFor(scaled))} ${unit.name}`;
}

function spreadInUnit({ value, low, high }: Interval, units: readonly Unit[]): string {
  const unit = unitOf(value === 0 ? Math.max(Math.abs(low), Math.abs(high)) : value, units);
  const scaled = value / unit.size;
  // A value that is next to nothing beside its interval is not known to as many decimals.
  const widest = Math.max(Math.abs(low), Math.abs(high)) / unit.size;
  const decimals = Math.min(decimalsFor(scaled), decimalsFor(widest) + 1);
  const ends = range(fixed(low / unit.size, decimals), fixed(high / unit.size, decimals));
  return `${fixed(scaled, decimals)} ${unit.name} (${ends})`;
}

/** The largest unit of which there is at least one, after rounding to three digits. */
function unitOf(x: number, units: readonly Unit[]): Unit {
  const size = Math.abs(x) * 1.0005;
  const smallest = units[units.length - 1];
  if (x === 0) return units.find((unit) => unit.size === 1) ?? smallest;
  return units.find((unit) => size >= unit.size) ?? smallest;
}

/** A dash joins two plain figures; words do where one is negative, since a dash would read as its sign. */
function range(low: string, high: string): string {
  return low.startsWith('−') || high.startsWith('−') ? `${low} to ${high}` : `${low}–${high}`;
}

/** Decimals that leave three significant digits. */
function decimalsFor(x: number): number {
  const size = Math.abs(x);
  if (size === 0 || size >= 99.95) return 0;
  return Math.min(12, 2 - Math.floor(Math.log10(size * 1.0005)));
}

/** Multiples are rarely known to three digits; near 1 the second decimal tells. */
function timesDecimals(ratio: number): number {
  const size = Math.abs(ratio);
  if (size < 0.1) return Math.min(12, 1 - Math.floor(Math.log10(size || 1)));
  if (size < 1.995) return 2;
  return size < 9.95 ? 1 : 0;
}

/** What is above a thousand keeps three digits. */
function rounded(x: number): number {
  return Math.abs(x) >= 1000 ? Number(x.toPrecision(3)) : x;
}

function percentDecimals(p: number): number {
  return p !== 0 && Math.abs(p) < 9.95 ? 1 : 0;
}

/** Making one takes longer than using it hundreds of times. */
const FORMATS: Intl.NumberFormat[] = [];

function numberFormat(decimals: number): Intl.NumberFormat {
  return (FORMATS[decimals] ??= new Intl.NumberFormat('en', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  }));
}

function fixed(x: number, decimals: number): string {
  if (x === 0) return '0';
  if (!Number.isFinite(x)) return '∞';
  if (Math.abs(x) >= 1e9 || (x !== 0 && Math.abs(x) < 1e-9)) return power(x);
  const text = numberFormat(decimals).format(Math.abs(x));
  return x < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

function power(x: number): string {
  const [mantissa, exponent] = Math.abs(x).toExponential(1).split('e');
  const digits = [...exponent].map((c) => (c === '-' ? '⁻' : (SUPERSCRIPTS[Number(c)] ?? ''))).join('');
  return `${x < 0 ? '−' : ''}${mantissa}·10${digits}`;
}
