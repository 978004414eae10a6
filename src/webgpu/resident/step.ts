// A step of `resident` as its plan makes it: the kernel, and counts of its barriers, arithmetic and memory.

import type { Phase, StepRows } from '../../graph/body.ts';
import type { Plan } from '../../graph/plan.ts';
import type { TrainingConfig } from '../../config/config.ts';
import type { Architecture, Model } from '../../model/architecture.ts';
import { gpt } from '../../model/gpt.ts';
import { trainingPlan } from '../../model/plans.ts';
import { parameterLayout } from '../../model/parameters.ts';
import { RULES } from '../launch.ts';
import { skewedPacks, type PackSize, type ResidentMemory } from './access.ts';
import { kernelSource, type StepParts } from './emit.ts';
import { lowerPlan } from './lower.ts';
import { barriersOf, scheduleCalls } from './schedule.ts';

/**
 * The most floating-point operations of a step. One workgroup has one compute unit, some 0.1 to 0.3 TFLOP/s: beyond
 * this a step takes it longer than the launches that it saves, and on the slowest devices long enough to matter to
 * the watchdog.
 */
const MAX_FLOPS = 2 ** 26;

/** Milliseconds that a dispatch should take: as many steps as fit into them share it. */
export const DISPATCH_MS = 100;

/** Bytes that a compiler may put between two arrays of workgroup memory, and what it may need of its own. */
const PADDING = 64;

export interface ResidentWork {
  /** Multiply-adds of all invocations, with what is computed again: cost.ts counts operations that have to be. */
  readonly multiplyAdds: number;
  /** Those of the busiest invocation, added up over the levels: no workgroup takes less than these one after another. */
  readonly longest: number;
}

export class ResidentStep {
  /** Floating-point operations of the plan's kernels, with all rows in use. */
  readonly flops: number;
  private readonly plan: Plan;
  private made: StepParts | undefined;
  private readonly sources = new Map<string, string>();

  constructor(plan: Plan) {
    this.plan = plan;
    this.flops = plan.dispatches.reduce((sum, { flops }) => sum + flops, 0);
  }

  /** Only made for models that are to be trained so: larger ones have large plans. */
  get parts(): StepParts {
    if (this.made) return this.made;
    const lowered = lowerPlan(this.plan);
    return (this.made = { lowered, schedule: scheduleCalls(lowered) });
  }

  get pack(): PackSize {
    return this.parts.lowered.pack;
  }

  /** Elements of the values of a model. */
  get values(): number {
    return this.pack * this.parts.schedule.valuePacks;
  }

  /** Elements of the parameters of a model, with the padding between them. */
  get parameters(): number {
    return this.parts.lowered.regionLength('parameters');
  }

  /** Elements of the parameters in workgroup memory. */
  private get weights(): number {
    return this.pack * skewedPacks(this.parameters / this.pack, this.pack);
  }

  /** All in workgroup memory if it fits, else the values, which are written too, else the weights, else nothing. */
  memoryFor(bytes: number): ResidentMemory {
    const fits = (elements: number) => 4 * elements + PADDING <= bytes;
    if (fits(this.weights + this.values)) return { weights: 'workgroup', values: 'workgroup' };
    if (fits(this.values)) return { weights: 'storage', values: 'workgroup' };
    if (fits(this.weights)) return { weights: 'workgroup', values: 'storage' };
    return { weights: 'storage', values: 'storage' };
  }

  /** Bytes of workgroup memory that a workgroup takes. */
  workgroupBytes(memory: ResidentMemory): number {
    const inWorkgroup = (place: string, elements: number) => (place === 'workgroup' ? 4 * elements : 0);
    return inWorkgroup(memory.weights, this.weights) + inWorkgroup(memory.values, this.values);
  }

  /** Barriers that a step passes; all in one kind of memory unless told. */
  barriers(memory: ResidentMemory = { weights: 'workgroup', values: 'workgroup' }): number {
    return barriersOf(this.parts.schedule, memory).reduce((sum, { size }) => sum + size, 0);
  }

  /** The kernel's WGSL. Its constants: WORKERS, DOCUMENTS, ORDERS and ORDER_LENGTH. */
  source(memory: ResidentMemory): string {
    const key = `${memory.weights} ${memory.values}`;
    let source = this.sources.get(key);
    if (source === undefined) this.sources.set(key, (source = kernelSource(this.parts, memory)));
    return source;
  }

  /**
   * Of a step with so many rows in use, all documents of mean length. Exponentials, logarithms, divisions and the arithmetic of
   * indices are not counted.
   */
  work(step: StepRows, workers: number): ResidentWork {
    const { atOnce } = this.parts.lowered;
    const each = ({ multiplyAdds: own }: Phase) => (typeof own === 'number' ? own : own(step));
    let multiplyAdds = 0;
    let longest = 0;
    for (const { fn, writes } of this.parts.schedule.levels.flat()) {
      const { perRow, times = workers, share } = fn.phase;
      const iterations = perRow === undefined ? times : perRow * step.rows;
      const spends = atOnce && writes.some(({ space }) => space === 'gradients');
      const own = each(fn.phase) + (spends ? each(atOnce.phase) : 0);
      multiplyAdds += iterations * (share?.(step) ?? 1) * own;
      longest += Math.ceil(iterations / workers) * own;
    }
    return { multiplyAdds, longest };
  }
}

/** Steps by architecture and sizes. */
const known = new WeakMap<Architecture, Map<string, ResidentStep>>();
const MOST_KNOWN = 64;

/** The step of a model, emitted once. It does not depend on the data: they only set the size of the corpus. */
export function residentStep(model: Model, training: TrainingConfig): ResidentStep {
  const { architecture = gpt } = model;
  let steps = known.get(architecture);
  if (!steps || steps.size >= MOST_KNOWN) known.set(architecture, (steps = new Map()));
  const key = JSON.stringify([model, training.batchSize, training.clip]);
  let step = steps.get(key);
  if (!step) {
    const corpus = { length: 4, documents: 1 };
    const plan = trainingPlan(model, training, parameterLayout(model), corpus, RULES.resident);
    steps.set(key, (step = new ResidentStep(plan)));
  }
  return step;
}

/** Why one workgroup should not train this model, or undefined where it can. */
export function whyNotResident(model: Model, training: TrainingConfig): string | undefined {
  const { flops } = residentStep(model, training);
  if (flops <= MAX_FLOPS) return undefined;
  const mega = (n: number) => `${(n / 1e6).toFixed(0)} MFLOP`;
  return `a step of ${mega(flops)} is too much for one workgroup, which may have ${mega(MAX_FLOPS)}`;
}
