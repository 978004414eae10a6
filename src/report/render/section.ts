// What a report's page is made of, before it becomes Markdown or HTML. All text here is plain, from wherever it comes;
// who writes it out escapes it.

import type { Interval } from '../schema.ts';

/** `value` (with its interval) is the report's own figure at full precision, `text` what a person reads. */
export interface Cell {
  readonly text: string;
  readonly value?: number;
  readonly low?: number;
  readonly high?: number;
}

export interface Row {
  readonly cells: readonly Cell[];
  /** Measured on a software adapter: the row says so. */
  readonly software?: boolean;
}

export interface Column {
  readonly label: string;
  /** Figures stand at the right. */
  readonly numeric?: boolean;
}

export interface Table {
  /** Names the table in its page, for links and tests. */
  readonly id: string;
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Left out where space is short, as in Markdown. */
  readonly detail?: boolean;
}

/** A drawing at a given width in CSS pixels; `body` is SVG markup, escaped. */
export interface Drawing {
  readonly height: number;
  readonly body: string;
}

export interface Section {
  readonly id: string;
  readonly title: string;
  /** What the figure shows, from its figures; or why there is none. */
  readonly finding: string;
  /** How to read the drawing. */
  readonly key?: string;
  readonly software: boolean;
  readonly draw?: (width: number) => Drawing;
  readonly tables: readonly Table[];
  readonly notes: readonly string[];
}

export function words(text: string): Cell {
  return { text };
}

export function number(value: number | null, text: (value: number) => string): Cell {
  return value === null ? NONE : { text: text(value), value };
}

/** A figure with its interval. */
export function ranged(spread: Interval | null, text: (spread: Interval) => string): Cell {
  if (spread === null) return NONE;
  const { value, low, high } = spread;
  return { text: text(spread), value, low, high };
}

export const NONE: Cell = { text: '–' };
