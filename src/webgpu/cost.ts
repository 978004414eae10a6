// What training steps ask of a device, counted from the configuration alone: calls, kernels, arithmetic and memory traffic.
// The counts are exact, on any machine: tests hold them against the calls that are really made.

import type { LaunchStrategy } from '../engine/engine.ts';
import type { Plan } from '../graph/plan.ts';
import type { ModelConfig, TrainingConfig } from '../config/config.ts';
import { RING_LENGTH, trainingPlan } from '../model/plans.ts';
import { countParameters, parameterLayout } from '../model/parameters.ts';
import { ConfigError } from '../util/errors.ts';
import { RULES, STEPS_PER_SUBMIT } from './launch.ts';
import type { ResidentMemory } from './resident/access.ts';
import { residentStep } from './resident/step.ts';

/** The calls of WebGPU that a step in steady state makes, by their names. All others it makes not once. */
export interface DeviceCalls {
  readonly createCommandEncoder: number;
  readonly beginComputePass: number;
  readonly setPipeline: number;
  readonly setBindGroup: number;
  readonly dispatchWorkgroups: number;
  readonly copyBufferToBuffer: number;
  readonly submit: number;
  readonly mapAsync: number;
}

export interface StepCost {
  readonly launch: LaunchStrategy;
  /** Steps between two readbacks of losses. All counts are of them together. */
  readonly steps: number;
  readonly calls: DeviceCalls;
  /** Floating-point operations of the kernels, with all rows in use. `resident`: as `fused`; what it computes again is not counted. */
  readonly flops: number;
  /** The least that the kernels must move from and to the device's memory, each operand once, with all rows in use. */
  readonly bytes: number;
  /** Of the strategy `resident`. */
  readonly resident?: ResidentCost;
}

export interface ResidentCost {
  readonly memory: ResidentMemory;
  /** Bytes of workgroup memory. */
  readonly workgroupBytes: number;
  /** Barriers of a step. */
  readonly barriers: number;
}

export interface CostOptions {
  /** Steps between two readbacks, 1 unless told, at most RING_LENGTH. */
  readonly steps?: number;
  /** Workgroup memory of the device in bytes, for `resident`: WebGPU's default unless told. */
  readonly workgroupMemory?: number;
}

/** WebGPU's default of maxComputeWorkgroupStorageSize, in bytes. */
const DEFAULT_WORKGROUP_MEMORY = 16_384;

/** The plan of a training step whatever the data are: they only set the size of the corpus. */
export function planOf(model: ModelConfig, training: TrainingConfig, launch: LaunchStrategy): Plan {
  return trainingPlan(model, training, parameterLayout(model), { length: 4, documents: 1 }, RULES[launch]);
}

/** Throws ConfigError where `steps` do not fit between two readbacks. */
export function stepCost(
  model: ModelConfig,
  training: TrainingConfig,
  launch: LaunchStrategy,
  { steps = 1, workgroupMemory = DEFAULT_WORKGROUP_MEMORY }: CostOptions = {},
): StepCost {
  if (!Number.isSafeInteger(steps) || steps < 1 || steps > RING_LENGTH) {
    throw new ConfigError(`steps: expected 1 to ${RING_LENGTH} between two readbacks, got ${steps}.`);
  }
  const plan = planOf(model, training, launch);
  const flops = steps * plan.dispatches.reduce((sum, dispatch) => sum + dispatch.flops, 0);
  if (launch !== 'resident') {
    const bytes = steps * plan.dispatches.reduce((sum, dispatch) => sum + dispatch.bytes, 0);
    const calls = launch === 'eager' ? eagerCalls(plan, steps) : graphCalls(plan, steps);
    return { launch, steps, calls, flops, bytes };
  }
  const step = residentStep(model, training);
  const memory = step.memoryFor(workgroupMemory);
  const resident = {
    memory,
    workgroupBytes: step.workgroupBytes(memory),
    barriers: step.barriers(memory),
  };
  const bytes = residentBytes(countParameters(model), step.values, memory, steps, training.clip > 0);
  return { launch, steps, calls: launchesOf(1, 1, 1), flops, bytes, resident };
}

/** Floating-point operations that no implementation of a step can do without: its matrix products and attention, forth and back. */
export function modelFlops(
  { nLayer: L, nEmbd: C, blockSize: T, vocabSize: V }: ModelConfig,
  batch: number,
): number {
  const R = batch * T;
  const pairs = (R * (T + 1)) / 2; // of a row and one that it attends to
  const forward = 2 * R * (12 * C * C * L + V * C) + 4 * pairs * C * L;
  return 3 * forward; // back: by the inputs and by the weights, as much each
}

function eagerCalls(plan: Plan, steps: number): DeviceCalls {
  const dispatches = steps * plan.dispatches.length;
  return launchesOf(dispatches, dispatches, dispatches);
}

/** A pipeline is set where the dispatch before has another, which begins anew with each pass. */
function graphCalls(plan: Plan, steps: number): DeviceCalls {
  const submits = Math.ceil(steps / STEPS_PER_SUBMIT);
  const pipelines = plan.dispatches.map(({ node, launch }) => {
    return JSON.stringify([node.op.name, { ...launch, workgroups: null }]);
  });
  const differs = (i: number) => pipelines[i] !== pipelines.at(i - 1);
  const changes = pipelines.filter((_, i) => differs(i)).length; // of a step that follows another
  const first = differs(0) ? 0 : submits;
  return launchesOf(steps * plan.dispatches.length, submits, steps * changes + first);
}

function launchesOf(dispatches: number, submits: number, setPipeline: number): DeviceCalls {
  return {
    createCommandEncoder: submits,
    beginComputePass: submits,
    setPipeline,
    setBindGroup: dispatches,
    dispatchWorkgroups: dispatches,
    copyBufferToBuffer: 1,
    submit: submits,
    mapAsync: 1,
  };
}

/**
 * Adam's moments go there and back in each step; so do the weights, unless workgroup memory holds them from the beginning of a
 * dispatch to its end, and the values, written once and read once, unless it holds them. Gradients are clipped in memory:
 * written, and read for their norm and for Adam.
 */
function residentBytes(
  parameters: number,
  values: number,
  memory: ResidentMemory,
  steps: number,
  clipped: boolean,
): number {
  const moments = 4 * parameters * steps;
  const weights = 2 * parameters * (memory.weights === 'workgroup' ? 1 : steps);
  const kept = memory.values === 'workgroup' ? 0 : 2 * values * steps;
  const gradients = clipped ? 3 * parameters * steps : 0;
  return 4 * (moments + weights + kept + gradients);
}
