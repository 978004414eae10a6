// What the jobs under Deno compute, and the tests in Node beside them.

import type { LaunchStrategy } from '../../../src/engine/engine.ts';
import { BUILTIN_DOCUMENTS } from '../../../src/data/builtin-names.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING, type TrainingConfig } from '../../../src/config/config.ts';
import type { ModelSource } from '../../../src/engine/choice.ts';
import { prepareRun, type PreparedRun } from '../../../src/train/prepare.ts';
import { axesOf } from '../../../src/train/sweep-grid.ts';
import { sweepSource } from '../../../src/train/sweep.ts';

/** A look at everything, at each launch strategy, at a sweep, or at the kernel with which the report measures workgroups. */
export type Job = 'verify' | LaunchStrategy | 'auto' | 'population' | 'phases';

const STEPS = 20;

/** The beginning of the default run, or of one that differs from it. */
export function trainingRun(training: Partial<TrainingConfig> = {}): PreparedRun {
  return prepareRun({
    documents: BUILTIN_DOCUMENTS,
    model: DEFAULT_MODEL,
    training: { ...DEFAULT_TRAINING, steps: STEPS, ...training },
  });
}

/** Two seeds at two learning rates. */
export function population(): ModelSource {
  return sweepSource({
    documents: BUILTIN_DOCUMENTS,
    model: DEFAULT_MODEL,
    training: { ...DEFAULT_TRAINING, steps: STEPS },
    axes: { ...axesOf(DEFAULT_TRAINING), seed: [42, 43], learningRate: [0.003, 0.01] },
  });
}

export const PHASE_RUN = { phases: 5, invocations: 32, multiplyAdds: 16 };
