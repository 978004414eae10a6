// The options of `microgpt sweep` -> what to train.

import type { SweepChoice } from '../engine/choice.ts';
import { gpu } from './gpu.ts';
import type { OutputOptions } from './output.ts';
import type { SweepSettings } from './sweep.ts';
import { dataSource } from './train-settings.ts';

export interface SweepFlags extends OutputOptions {
  data: string;
  engine: SweepChoice['engine'];
  steps: number;
  nLayer: number;
  nEmbd: number;
  nHead: number;
  blockSize: number;
  batchSize: number;
  seed: number[];
  lr: number[];
  beta1: number[];
  beta2: number[];
  eps: number[];
  initScale: number[];
  clip: number;
  samples: number;
  temperature: number;
  out?: string;
  force?: boolean;
}

/** No oracle: a step of it takes as long as thousands of the others. */
export const POPULATION_ENGINES: readonly SweepChoice['engine'][] = ['auto', 'cpu', 'webgpu'];

/** For --help. */
export const RANGES = `
Values are a list of numbers and ranges:
  1..8            every whole number (--seed)
  0.001..0.1:5    5 numbers, evenly spaced on a log scale (--lr, --eps, --init-scale)
  0.8..0.95:4     4 numbers, evenly spaced (--beta1, --beta2)
  0.01..0.05:5lin, 0.8..0.95:4log   the other spacing
The numbers inside a range are rounded to 4 digits, or more where they would coincide. All combinations
are trained; the final loss is the mean over the last fifth of the steps, at least 50.`;

export function sweepSettings(flags: SweepFlags): SweepSettings {
  const { nLayer, nEmbd, nHead, blockSize, steps, batchSize, clip, samples, temperature } = flags;
  const { seed, initScale, eps, beta1, beta2, lr } = flags;
  return {
    source: dataSource(flags.data),
    choice: { engine: flags.engine, gpu },
    model: { nLayer, nEmbd, nHead, blockSize },
    training: { steps, batchSize, clip },
    axes: { seed, initScale, eps, beta2, beta1, learningRate: lr },
    sampling: { samples, temperature },
    out: flags.out,
    force: flags.force,
  };
}
