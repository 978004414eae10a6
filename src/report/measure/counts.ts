// What a step asks of a device, as the costs of launch.ts count it: for predictions.

import type { Dispatch } from '../../graph/plan.ts';
import { DEFAULT_TRAINING } from '../../model/config.ts';
import { planOf, stepCost } from '../../webgpu/cost.ts';
import type { KernelFigures, ModelShape } from '../schema.ts';

/** Steps that one readback serves, or more: its price is then a small part of a step's. */
const STEPS_PER_READBACK = 128;

/** Strategies whose steps are dispatches of a plan. */
export const PLANNED = ['eager', 'graph', 'fused'] as const;
export type PlannedStrategy = (typeof PLANNED)[number];

/** How often a step pays each of COSTS. */
export function stepCounts(shape: ModelShape, strategy: PlannedStrategy): number[] {
  const training = { ...DEFAULT_TRAINING, batchSize: shape.batchSize };
  const { calls } = stepCost(shape, training, strategy, { steps: STEPS_PER_READBACK });
  const { dispatchWorkgroups, beginComputePass, submit, mapAsync } = calls;
  const counts = [dispatchWorkgroups, dispatchWorkgroups, beginComputePass, submit, mapAsync, 0];
  return counts.map((count) => count / STEPS_PER_READBACK);
}

export function stepDispatches(shape: ModelShape, strategy: PlannedStrategy): readonly Dispatch[] {
  return planOf(shape, { ...DEFAULT_TRAINING, batchSize: shape.batchSize }, strategy).dispatches;
}

export function stepFlops(shape: ModelShape): number {
  return stepDispatches(shape, 'graph').reduce((sum, { flops }) => sum + flops, 0);
}

/** Microseconds that the kernels of a step take at least, each bound by arithmetic or by memory. */
export function stepRoofline(
  shape: ModelShape,
  strategy: PlannedStrategy,
  ceilings: KernelFigures['ceilings'],
): number {
  return stepDispatches(shape, strategy).reduce((sum, dispatch) => sum + rooflineOf(dispatch, ceilings), 0);
}

/** Microseconds: GFLOP/s are thousands of operations a microsecond, and GB/s thousands of bytes. */
export function rooflineOf(
  { flops, bytes }: Pick<Dispatch, 'flops' | 'bytes'>,
  { gflops, gbps }: KernelFigures['ceilings'],
): number {
  return Math.max(flops / (1000 * gflops.median), bytes / (1000 * gbps.median));
}
