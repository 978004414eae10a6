// What the figures of a report support. A difference counts where its whole interval lies outside of what the control
// pair, the same thing measured twice, shows as noise; a software adapter never counts as a GPU.

import { spread } from './format.ts';
import type { Anatomy, Control, Estimate, Interval, Report, Rung } from '../schema.ts';

/** `unproven`: there is no control pair to hold the difference against. `by` is a multiple above 1. */
export type Outcome =
  { readonly kind: 'faster' | 'slower'; readonly by: Interval } | { readonly kind: 'undecided' | 'unproven' };

export const UNDECIDED = 'no difference distinguishable from noise';
export const UNPROVEN = 'no claim, because this run has no control pair to compare the difference with';

/** Parts of a step that are spent on launching, not on computing or on waiting for a result. */
const LAUNCH_PARTS: readonly string[] = ['encode', 'submit', 'gaps'];

/** numerator / denominator of two medians of positive figures; null where one is not positive. */
export function ratioOf(numerator: Estimate, denominator: Estimate): Interval | null {
  return quotient(spread(numerator), spread(denominator));
}

/**
 * numerator / denominator of two positive, independent figures; null where an end of theirs is not positive.
 * On the scale of logarithms, where the halves of independent intervals add as squares.
 */
export function quotient(numerator: Interval, denominator: Interval): Interval | null {
  const a = logs(numerator);
  const b = logs(denominator);
  if (a === null || b === null) return null;
  const value = a.value - b.value;
  const down = Math.hypot(a.value - a.low, b.high - b.value);
  const up = Math.hypot(a.high - a.value, b.value - b.low);
  const ratio = { value: Math.exp(value), low: Math.exp(value - down), high: Math.exp(value + up) };
  return ratio.low > 0 && ratio.high < Infinity ? ratio : null;
}

/** What may be said of something whose speed is `speed` times another's. */
export function outcome(speed: Interval | null, control: Control | null): Outcome {
  if (speed === null) return { kind: 'undecided' };
  if (control === null) return { kind: 'unproven' };
  const noise = Math.max(1, control.claimable);
  if (speed.low > noise) return { kind: 'faster', by: speed };
  if (speed.low > 0 && speed.high < 1 / noise) return { kind: 'slower', by: inverse(speed) };
  return { kind: 'undecided' };
}

/** What was so many times faster is so many times slower. */
function inverse({ value, low, high }: Interval): Interval {
  return { value: 1 / value, low: 1 / high, high: 1 / low };
}

/** Whether a section's figures were made on a GPU: not on software, and with an adapter that is not software. */
export function onGpu(report: Report, section: { readonly software: boolean }): boolean {
  const { adapter } = report.machine;
  return !section.software && adapter !== null && !adapter.software;
}

/** Whether a rung stands on something that imitates a GPU. */
export function onSoftware(report: Report, rung: Rung): boolean {
  return rung.software || (rung.id.startsWith('webgpu') && !onGpu(report, rung));
}

/** A rung that was measured. */
export type Measured = Rung & { readonly step: Estimate };

/** The measured rung with the shortest median step among those that pass. */
export function fastest(rungs: readonly Rung[], passes: (rung: Rung) => boolean): Measured | null {
  let best: Measured | null = null;
  for (const rung of rungs) {
    if (isMeasured(rung) && passes(rung) && (best === null || rung.step.median < best.step.median))
      best = rung;
  }
  return best;
}

export function isMeasured(rung: Rung): rung is Measured {
  return rung.step !== null;
}

/** `CPU, SIMD` as a part of a sentence: `CPU (SIMD)`. */
export function nameOf({ label }: Rung): string {
  return label.replace(/^([^,]+), (.+)$/, '$1 ($2)');
}

/** What is left of `CPU, SIMD` where the sentence says that it is about the CPU. */
export function kindOf({ label }: Rung): string {
  return label.replace(/^(CPU|WebGPU), /, '');
}

/** One model on this project's CPU engine. */
export function isCpu(rung: Rung): boolean {
  return rung.kind === 'cpu' && rung.models === 1;
}

/** One model on a real GPU. */
export function isGpu(report: Report, rung: Rung): boolean {
  return rung.kind === 'webgpu' && rung.models === 1 && onGpu(report, rung);
}

/** Many models on a real GPU. */
export function isGpuPopulation(report: Report, rung: Rung): boolean {
  return rung.kind === 'population' && rung.id.startsWith('webgpu') && onGpu(report, rung);
}

/** The anatomy of a rung: `webgpu-graph` is the strategy `graph`. */
export function anatomyOf(report: Report, rung: Rung): Anatomy | null {
  return report.anatomy?.find(({ strategy }) => rung.id === `webgpu-${strategy}`) ?? null;
}

/**
 * Share of a step's wall time that is launch: encoding, submitting, gaps between kernels; null where that was not
 * measured well enough to say. Where the GPU worked while the CPU was still encoding, `wait` is negative: that time
 * does not count twice.
 */
export function launchShare(anatomy: Anatomy): Interval | null {
  const measured = anatomy.parts.some(({ name }) => LAUNCH_PARTS.includes(name));
  if (!measured) return null;
  return shareOf(
    anatomy,
    ({ name, time }) => LAUNCH_PARTS.includes(name) || (name === 'wait' && time.value < 0),
  );
}

/** Share of a step's wall time that the GPU computes; null where that was not measured well enough to say. */
export function kernelShare(anatomy: Anatomy): Interval | null {
  return shareOf(anatomy, ({ name }) => name === 'gpu');
}

/** The ends of the parts' intervals add up as they are: parts of one step are not independent. */
function shareOf(anatomy: Anatomy, counts: (part: Anatomy['parts'][number]) => boolean): Interval | null {
  const parts = anatomy.parts.filter(counts);
  const wall = anatomy.wall.median;
  if (parts.length === 0 || !(wall > 0) || !anatomy.closes) return null;
  const sum = { value: 0, low: 0, high: 0 };
  for (const { time } of parts) {
    sum.value += time.value / wall;
    sum.low += time.low / wall;
    sum.high += time.high / wall;
  }
  const isShare = sum.low > -0.1 && sum.high < 1.1 && sum.high - sum.low < 0.5;
  return isShare ? sum : null;
}

function logs({ value, low, high }: Interval): Interval | null {
  if (!(value > 0 && low > 0 && high > 0)) return null;
  // The ends of an interval from elsewhere may lie on one side of the median.
  return {
    value: Math.log(value),
    low: Math.log(Math.min(low, value)),
    high: Math.log(Math.max(high, value)),
  };
}
