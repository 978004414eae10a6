// What a step asks of a device, as the costs of launch.ts and workgroup.ts count it: for predictions.

import type { StepRows } from '../../graph/body.ts';
import type { Dispatch } from '../../graph/plan.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING, type ModelConfig } from '../../config/config.ts';
import { RING_LENGTH } from '../../model/plans.ts';
import { planOf, stepCost } from '../../webgpu/cost.ts';
import { DISPATCH_MS, residentStep } from '../../webgpu/resident/step.ts';
import type { KernelFigures, LaunchCosts, ModelShape, WorkgroupCosts } from '../schema.ts';
import { WORKGROUP_COSTS } from './workgroup.ts';

/** Steps that one readback serves, or more: its price is then a small part of a step's. */
const STEPS_PER_READBACK = 128;

/** Strategies whose steps are dispatches of a plan. */
export const PLANNED = ['eager', 'graph', 'fused'] as const;
export type PlannedStrategy = (typeof PLANNED)[number];

/** What a report does not say of a model is as microgpt.py has it. */
export function modelOf(shape: ModelShape): ModelConfig {
  return { ...DEFAULT_MODEL, ...shape };
}

/** How often a step pays each of COSTS. */
export function stepCounts(shape: ModelShape, strategy: PlannedStrategy): number[] {
  const training = { ...DEFAULT_TRAINING, batchSize: shape.batchSize };
  const { calls } = stepCost(modelOf(shape), training, strategy, { steps: STEPS_PER_READBACK });
  const { dispatchWorkgroups, beginComputePass, submit, mapAsync } = calls;
  const counts = [dispatchWorkgroups, dispatchWorkgroups, beginComputePass, submit, mapAsync, 0];
  return counts.map((count) => count / STEPS_PER_READBACK);
}

/** The values of `costs` in the order of `names`; 0 for one that is not among them. */
export function costValues(names: readonly string[], costs: LaunchCosts['costs']): number[] {
  return names.map((name) => costs.find((own) => own.name === name)?.cost.value ?? 0);
}

export function dot(counts: readonly number[], costs: readonly number[]): number {
  return counts.reduce((sum, count, i) => sum + count * costs[i], 0);
}

/** Documents count as if all were of mean length. */
function meanRows({ batchSize, tokensPerStep }: ModelShape): StepRows {
  return { rows: tokensPerStep, seen: (tokensPerStep / batchSize + 1) / 2 };
}

/** How often a step of resident pays each of WORKGROUP_COSTS. As many share a dispatch as its losses' ring and 100 ms allow. */
export function residentCounts(
  shape: ModelShape,
  { workers, costs }: Pick<WorkgroupCosts, 'workers' | 'costs'>,
): number[] {
  const own = residentStep(modelOf(shape), { ...DEFAULT_TRAINING, batchSize: shape.batchSize });
  const { longest, multiplyAdds } = own.work(meanRows(shape), workers);
  const inside = [own.barriers(), longest, multiplyAdds];
  const step = dot([0, ...inside], costValues(WORKGROUP_COSTS, costs));
  const steps = Math.floor((1000 * DISPATCH_MS) / Math.max(step, 1));
  return [1 / Math.max(1, Math.min(steps, RING_LENGTH)), ...inside];
}

export function stepDispatches(shape: ModelShape, strategy: PlannedStrategy): readonly Dispatch[] {
  const training = { ...DEFAULT_TRAINING, batchSize: shape.batchSize };
  return planOf(modelOf(shape), training, strategy).dispatches;
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
