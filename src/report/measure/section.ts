// What every section of the report is given.

import type { GpuDevice } from '../../webgpu/adapter.ts';
import type { Estimate, Interval, Report } from '../schema.ts';
import { tickOf, type Session } from './session.ts';
import { estimate, ratioOfMedians } from './statistics.ts';
import type { TurnOptions } from './subjects.ts';

export const SECTION_NAMES = [
  'control',
  'ladder',
  'anatomy',
  'kernels',
  'launch',
  'crossover',
  'memory',
] as const;
export type SectionName = (typeof SECTION_NAMES)[number];

export interface SectionContext {
  readonly session: Session;
  readonly mode: Report['mode'];
  /** Opens a device that the section destroys; null where there is no adapter. */
  readonly openDevice: (() => Promise<GpuDevice>) | null;
  /** What the sections before this one have found. */
  readonly found: Readonly<Partial<Report>>;
  /** Something that was left out, and why. */
  note(text: string): void;
  progress(done: number, total: number): void;
}

/** The samples of a section, quick or full. */
export function turnOptions({ mode, progress }: SectionContext): TurnOptions {
  return mode === 'quick'
    ? { sample: 50_000, least: 5, most: 15, progress }
    : { sample: 200_000, least: 9, most: 25, progress };
}

/** Ticks of the clock in a sample: 2% of it at most are the clock's. */
const TICKS = 50;

/** Microseconds of a sample of `wanted`, or what the clock of the session resolves well. */
export function resolvedBy({ session }: SectionContext, wanted: number): number {
  return Math.max(wanted, TICKS * tickOf(session.clock));
}

export function estimateIn({ session }: SectionContext, samples: readonly number[]): Estimate {
  return estimate(samples, session.seed);
}

/** Of samples that were taken in the same rounds, unless they are not `paired`. */
export function ratioIn(
  { session }: SectionContext,
  above: readonly number[],
  below: readonly number[],
  paired = true,
): Interval {
  return ratioOfMedians(above, below, session.seed, { paired });
}
