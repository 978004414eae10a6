// The models of a sweep: every combination of some values.

import { DEFAULT_TRAINING, type TrainingConfig } from '../model/config.ts';

/**
 * What the models of a sweep may differ in, from the slowest to the fastest in the order of the grid: a sweep that is
 * stopped early has tried all settings with the first seeds.
 */
export const AXIS_NAMES = ['seed', 'initScale', 'eps', 'beta2', 'beta1', 'learningRate'] as const;
export type AxisName = (typeof AXIS_NAMES)[number];

/** What the axes are called on the command line. */
export const AXIS_LABELS: Readonly<Record<AxisName, string>> = {
  seed: 'seed',
  initScale: 'init-scale',
  eps: 'eps',
  beta2: 'beta2',
  beta1: 'beta1',
  learningRate: 'lr',
};

/** The values along each axis, at least one. */
export type Axes = Readonly<Record<AxisName, readonly number[]>>;

/** What one model has of each axis. */
export type GridPoint = Pick<TrainingConfig, AxisName>;

export function gridSize(axes: Axes): number {
  return AXIS_NAMES.reduce((size, name) => size * axes[name].length, 1);
}

/** The point `index`, from 0 to gridSize - 1. */
export function gridPoint(axes: Axes, index: number): GridPoint {
  const point: Record<AxisName, number> = { ...DEFAULT_TRAINING };
  let rest = index;
  for (const name of AXIS_NAMES.toReversed()) {
    const values = axes[name];
    point[name] = values[rest % values.length];
    rest = Math.floor(rest / values.length);
  }
  const { learningRate, beta1, beta2, eps, seed, initScale } = point;
  return { learningRate, beta1, beta2, eps, seed, initScale };
}

/** The axes with more than one value, fastest first: what tells one model from another. */
export function varyingAxes(axes: Axes): AxisName[] {
  return AXIS_NAMES.filter((name) => axes[name].length > 1).toReversed();
}
