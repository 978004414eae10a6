// What a step asks of a device: for predictions.

import { DEFAULT_TRAINING } from '../model/config.ts';
import { trainingPlan } from '../model/gpt.ts';
import { parameterLayout } from '../model/parameters.ts';
import type { Dispatch, Plan } from '../graph/plan.ts';
import type { KernelFigures, ModelShape } from './schema.ts';

/** Steps that `graph` and `fused` put into one submit; see webgpu/launch.ts. */
const STEPS_PER_SUBMIT = 16;
/** Steps that one readback serves, or more: its price is then a small part of a step's. */
const STEPS_PER_READBACK = 128;

export interface StepPlan {
  readonly plan: Plan;
  /** How often a step pays each of COSTS. */
  readonly calls: readonly number[];
  /** Microseconds that the kernels take at least, each bound by arithmetic or by memory. */
  roofline(ceilings: KernelFigures['ceilings']): number;
}

/** The plan of one step of a model of this shape, whatever its data are. */
export function planOf(shape: ModelShape, fused: boolean): Plan {
  const training = { ...DEFAULT_TRAINING, batchSize: shape.batchSize };
  return trainingPlan(shape, training, parameterLayout(shape), { length: 4, documents: 1 }, { fused });
}

export function stepPlan(shape: ModelShape, strategy: 'eager' | 'graph' | 'fused'): StepPlan {
  const plan = planOf(shape, strategy === 'fused');
  const dispatches = plan.dispatches.length;
  const submits = strategy === 'eager' ? dispatches : 1 / STEPS_PER_SUBMIT;
  return {
    plan,
    calls: [dispatches, dispatches, submits, submits, 1 / STEPS_PER_READBACK, 0],
    roofline: (ceilings) =>
      plan.dispatches.reduce((sum, dispatch) => sum + rooflineOf(dispatch, ceilings), 0),
  };
}

/** Microseconds: GFLOP/s are thousands of operations a microsecond, and GB/s thousands of bytes. */
export function rooflineOf(
  { flops, bytes }: Pick<Dispatch, 'flops' | 'bytes'>,
  { gflops, gbps }: KernelFigures['ceilings'],
): number {
  return Math.max(flops / (1000 * gflops.median), bytes / (1000 * gbps.median));
}
