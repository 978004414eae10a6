// What `microgpt verify` reports, and how far numbers may be from what they should be.

import type { Model } from '../model/architecture.ts';
import { parameterSpecs } from '../model/parameters.ts';
import { norm, type FloatArray } from '../util/arrays.ts';

/** One line of the table: something that was compared, the worst of it, and whether that will do. */
export interface Check {
  readonly type: 'check';
  /** `kernels`, `gradients`, `trajectory`, `decode`. */
  readonly group: string;
  readonly name: string;
  /** What was compared: `12 cases`, `200 steps`. */
  readonly compared: string;
  /** The largest error found; NaN where something was not a number. */
  readonly error: number;
  /** The largest error that passes. */
  readonly bar: number;
  readonly passed: boolean;
  /** Where the largest error was, or what went wrong. */
  readonly detail: string;
}

/**
 * 1e-5, relative to the tensor's norm. f32 rounds by 6e-8; sums over up to 300 terms, and exp and log, for which WGSL allows
 * some units in the last place more the larger their argument, stay 20 times below this. A wrong sign or
 * index in one element is far above it.
 */
export const KERNEL_BAR = 1e-5;

/** 1e-5, ‖Δ‖ / ‖reference‖ per tensor: f32 through a whole model and back. */
export const GRADIENT_BAR = 1e-5;

/** 1e-5, absolute, in nats: f32 rounding carried along by training. It stays within 1e-6 over microgpt.py's 1,000 steps. */
export const LOSS_BAR = 1e-5;

/** ‖got − reference‖ / ‖reference‖, or ‖got‖ where the reference is all 0. NaN anywhere gives NaN. */
export function relativeError(got: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (got.length !== reference.length) return NaN;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < got.length; i++) {
    difference += (got[i] - reference[i]) ** 2;
    size += reference[i] ** 2;
  }
  return Math.sqrt(size === 0 ? difference : difference / size);
}

/**
 * The relative error of each tensor of `model`, from flat lists. A gradient may be 0 by its nature, as that of the keys' bias is, which
 * moves all scores of a row alike: then the reference is what f64 has rounded, and the error is relative to all tensors together.
 */
export function tensorErrors(
  model: Model,
  got: FloatArray,
  reference: FloatArray,
): { readonly name: string; readonly error: number }[] {
  const whole = norm(reference);
  return parameterSpecs(model).map(({ name, offset, size }) => {
    const [own, expected] = [got, reference].map((flat) => flat.subarray(offset, offset + size));
    const error = relativeError(own, expected);
    return { name, error: norm(expected) > 1e-12 * whole ? error : norm(own) / (whole || 1) };
  });
}

/** max |got − reference|; NaN anywhere gives NaN. */
export function largestDifference(got: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (got.length !== reference.length) return NaN;
  let largest = 0;
  for (let i = 0; i < got.length; i++) {
    const difference = Math.abs(got[i] - reference[i]);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(difference)) return NaN;
  }
  return largest;
}

/** Collects errors and remembers the worst. */
export class Worst {
  error = 0;
  where = '';

  see(error: number, where: string): void {
    if (Number.isNaN(this.error) || error <= this.error) return;
    this.error = error; // larger, or NaN
    this.where = where;
  }

  check(group: string, name: string, compared: string, bar: number): Check {
    const { error, where } = this;
    return { type: 'check', group, name, compared, error, bar, passed: error <= bar, detail: where };
  }
}

/** The check that could not be made because `error` was thrown. */
export function failedCheck(group: string, name: string, error: unknown): Check {
  const detail = error instanceof Error ? error.message : String(error);
  return { type: 'check', group, name, compared: '-', error: NaN, bar: NaN, passed: false, detail };
}
