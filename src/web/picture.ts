// Matrices made small enough to be looked at, and what is told about them.

import { biasCorrections, learningRateAt } from '../config/schedule.ts';
import type { TrainingState } from '../engine/engine.ts';
import type { TrainingConfig } from '../config/config.ts';
import { norm, type FloatArray } from '../util/arrays.ts';

/** A matrix as cells; a cell stands for `tall` × `wide` elements and shows the one that is farthest from 0. */
export interface Picture {
  readonly rows: number;
  readonly cols: number;
  readonly tall: number;
  readonly wide: number;
  /** (rows, cols). */
  readonly values: Float64Array;
}

/** More cells a side than this would be smaller than can be seen. */
const MOST = 128;

/** The picture of `values` (rows, cols), at most `most` cells a side. */
export function picture(values: FloatArray, rows: number, cols: number, most = MOST): Picture {
  const tall = Math.ceil(rows / most);
  const wide = Math.ceil(cols / most);
  const small = { rows: Math.ceil(rows / tall), cols: Math.ceil(cols / wide), tall, wide };
  const shown = new Float64Array(small.rows * small.cols);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const cell = Math.floor(r / tall) * small.cols + Math.floor(c / wide);
      const value = values[r * cols + c];
      if (Math.abs(value) > Math.abs(shown[cell])) shown[cell] = value;
    }
  }
  return { ...small, values: shown };
}

/**
 * What the last step added to each parameter, from the moments that it left behind; 0 before the first step.
 *
 *   −lr_t · m̂ / (√v̂ + ε),   m̂ = m / (1 − β1^s),   v̂ = v / (1 − β2^s),   s = steps done
 */
export function lastChange({ step, m, v }: TrainingState, training: TrainingConfig): Float64Array {
  const change = new Float64Array(m.length);
  if (step === 0) return change;
  const rate = learningRateAt(training, step - 1);
  const [correction1, correction2] = biasCorrections(training, step - 1);
  for (let i = 0; i < m.length; i++) {
    change[i] = (-rate * (m[i] / correction1)) / (Math.sqrt(v[i] / correction2) + training.eps);
  }
  return change;
}

export interface Projection {
  /** (n, 2). */
  readonly points: Float64Array;
  /** How much of the variance the two directions hold, 0 … 1. */
  readonly share: number;
}

/** More would hardly turn the directions any further. */
const TURNS = 100;

/**
 * `values` (n, C) seen from where they differ most: their first two principal components, found by power iteration on
 * the covariance, which is never written down. Signs are such that the largest loading is positive.
 */
export function principalComponents(values: FloatArray, n: number, C: number): Projection {
  const centred = Float64Array.from(values);
  for (let c = 0; c < C; c++) {
    let mean = 0;
    for (let i = 0; i < n; i++) mean += values[i * C + c] / n;
    for (let i = 0; i < n; i++) centred[i * C + c] -= mean;
  }
  const variance = norm(centred) ** 2;
  const points = new Float64Array(n * 2);
  let held = 0;
  for (let component = 0; component < Math.min(2, C); component++) {
    // Not orthogonal to anything in particular, and the same every time.
    let direction: Float64Array = Float64Array.from({ length: C }, (_, c) => 1 + Math.sin(c + component));
    const along = new Float64Array(n);
    const project = () => {
      for (let i = 0; i < n; i++) {
        along[i] = 0;
        for (let c = 0; c < C; c++) along[i] += centred[i * C + c] * direction[c];
      }
    };
    for (let turn = 0; turn < TURNS; turn++) {
      project();
      const next = new Float64Array(C);
      for (let i = 0; i < n; i++) for (let c = 0; c < C; c++) next[c] += along[i] * centred[i * C + c];
      const length = norm(next);
      if (length === 0) break; // nothing differs
      direction = next.map((x) => x / length);
    }
    const largest = direction.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    if (largest < 0) direction = direction.map((x) => -x);
    const length = norm(direction);
    direction = direction.map((x) => x / length);
    project();
    held += norm(along) ** 2;
    for (let i = 0; i < n; i++) {
      points[i * 2 + component] = along[i];
      for (let c = 0; c < C; c++) centred[i * C + c] -= along[i] * direction[c];
    }
  }
  return { points, share: variance === 0 ? 0 : held / variance };
}
