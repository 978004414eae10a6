// The options of `microgpt sweep` -> what to train.

import {
  COMMON_NAMES,
  MODEL_NAMES,
  optionsOf,
  pick,
  SAMPLING_NAMES,
  type AxisName,
} from '../config/config.ts';
import { AXIS_NAMES, type Axes } from '../train/sweep-grid.ts';
import type { SweepChoice } from '../engine/choice.ts';
import { gpu } from './gpu.ts';
import type { RunFlags } from './option-flags.ts';
import type { OutputOptions } from './output.ts';
import type { SweepSettings } from './sweep.ts';
import { dataSource } from './train-settings.ts';

export interface SweepFlags extends OutputOptions, Omit<RunFlags, AxisName>, Axes {
  data: string;
  engine: SweepChoice['engine'];
  out?: string;
  force?: boolean;
}

/** No oracle: a step of it takes as long as thousands of the others. */
export const POPULATION_ENGINES: readonly SweepChoice['engine'][] = ['auto', 'cpu', 'webgpu'];

/** The flags of the axes whose ranges lie so. */
function flagsOf(wanted: string): string {
  const axes = optionsOf('training').filter((option) => 'axis' in option && option.axis.spacing === wanted);
  return axes.map(({ flag }) => `--${flag}`).join(', ');
}

/** For --help. */
export const RANGES = `
Values are a list of numbers and ranges:
  1..8            every whole number (${flagsOf('whole')})
  0.001..0.1:5    5 numbers, evenly spaced on a log scale (${flagsOf('log')})
  0.8..0.95:4     4 numbers, evenly spaced (${flagsOf('lin')})
  0.01..0.05:5lin, 0.8..0.95:4log   the other spacing
The numbers inside a range are rounded to 4 digits, or more where they would coincide. All combinations
are trained; the final loss is the mean over the last fifth of the steps, at least 50.`;

export function sweepSettings(flags: SweepFlags): SweepSettings {
  return {
    source: dataSource(flags.data),
    choice: { engine: flags.engine, gpu },
    model: pick(flags, MODEL_NAMES),
    training: pick(flags, COMMON_NAMES),
    axes: pick(flags, AXIS_NAMES),
    sampling: pick(flags, SAMPLING_NAMES),
    out: flags.out,
    force: flags.force,
  };
}
