// The models of a sweep: every combination of some values.

import { AXES, optionOf, type AxisName, type TrainingConfig } from '../config/config.ts';

export type { AxisName };

/**
 * What the models of a sweep may differ in, from the slowest to the fastest in the order of the grid, which is the seed and then
 * the table of options from its end: a sweep that is stopped early has tried all settings with the first seeds.
 */
export const AXIS_NAMES: readonly AxisName[] = [
  'seed',
  ...AXES.filter((name) => name !== 'seed').toReversed(),
];

/** What the axes are called on the command line. */
export const AXIS_LABELS = Object.fromEntries(AXES.map((name) => [name, optionOf(name).flag])) as Readonly<
  Record<AxisName, string>
>;

/** The values along each axis, at least one. */
export type Axes = Readonly<Record<AxisName, readonly number[]>>;

/** What one model has of each axis. */
export type GridPoint = Pick<TrainingConfig, AxisName>;

/** The axes of this one model. */
export function axesOf(training: TrainingConfig): Axes {
  const axes = AXIS_NAMES.map((name) => [name, [training[name]]] as const);
  return Object.fromEntries(axes) as unknown as Axes;
}

export function gridSize(axes: Axes): number {
  return AXIS_NAMES.reduce((size, name) => size * axes[name].length, 1);
}

/** The point `index`, from 0 to gridSize - 1. */
export function gridPoint(axes: Axes, index: number): GridPoint {
  const point = Object.fromEntries(AXES.map((name) => [name, 0])) as Record<AxisName, number>;
  let rest = index;
  for (const name of AXIS_NAMES.toReversed()) {
    const values = axes[name];
    point[name] = values[rest % values.length];
    rest = Math.floor(rest / values.length);
  }
  return point;
}

/** The axes with more than one value, fastest first: what tells one model from another. */
export function varyingAxes(axes: Axes): AxisName[] {
  return AXIS_NAMES.filter((name) => axes[name].length > 1).toReversed();
}
