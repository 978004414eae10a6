// What one workgroup does inside a dispatch: a designed experiment over phases, invocations and multiply-adds, and the costs that
// explain it. A step of resident is made of these.

import { DeviceError } from '../../util/errors.ts';
import type { WorkgroupCosts, WorkgroupPoint } from '../schema.ts';
import { timeDesign, type Fitted } from './design.ts';
import type { SectionContext } from './section.ts';

/** One dispatch: `phases` phases with a barrier behind each, in which so many invocations make so many multiply-adds each. */
export type PhaseRun = Pick<WorkgroupPoint, 'phases' | 'invocations' | 'multiplyAdds'>;

export interface PhaseRunner {
  /** Invocations of the workgroup. */
  readonly workers: number;
  /** Makes a run and reads its result back: the number of phases, from each of the invocations that work. */
  run(run: PhaseRun): Promise<ArrayLike<number>>;
}

/**
 * Everything around a dispatch, once; a barrier that the whole workgroup passes; and a multiply-add twice. Its latency is what each
 * one takes of an invocation's chain, its reciprocal throughput what each one of the whole workgroup adds to that: time = span · latency +
 * work / throughput, as of any machine that works in parallel (Brent 1974).
 */
export const WORKGROUP_COSTS = [
  'dispatch to readback',
  'workgroup barrier',
  'dependent multiply-add',
  'multiply-add',
] as const;

/** How often a run pays each of WORKGROUP_COSTS. */
export function phaseCounts({ phases, invocations, multiplyAdds }: PhaseRun): number[] {
  const longest = phases * multiplyAdds;
  return [1, phases, longest, invocations * longest];
}

/** Phases of a dispatch: up to some milliseconds, on a GPU and on software. */
const PHASES = [256, 1024, 4096];
const SOFTWARE_PHASES = [16, 64, 256];

/** None, and as many as the sums of a resident phase of the default model have: 16, or 64. In packs of four, as there. */
const MULTIPLY_ADDS = [0, 16, 64];

/** All combinations, with all invocations at work and with a quarter of them. */
export function phaseDesign(workers: number, software: boolean): PhaseRun[] {
  const numbers = software ? SOFTWARE_PHASES : PHASES;
  return numbers.flatMap((phases) =>
    MULTIPLY_ADDS.flatMap((multiplyAdds) =>
      [workers / 4, workers].map((invocations) => ({ phases, invocations, multiplyAdds })),
    ),
  );
}

/** Checks what each run of the design computes, then times them. Throws DeviceError for a wrong result. */
export async function timePhases(
  { workers, run }: PhaseRunner,
  design: readonly PhaseRun[],
  context: SectionContext,
): Promise<(WorkgroupCosts & Pick<Fitted<PhaseRun>, 'fit'>) | null> {
  for (const own of design) {
    if (context.session.stopped) return null;
    const wrong = Array.from(await run(own)).find((value) => value !== own.phases);
    if (wrong !== undefined) {
      throw new DeviceError(
        `the phases of one workgroup: expected ${own.phases} after ${JSON.stringify(own)}, got ${wrong}.`,
      );
    }
  }
  const experiment = { design, runner: run, names: WORKGROUP_COSTS, countsOf: phaseCounts };
  const fitted = await timeDesign(experiment, context);
  return fitted && { workers, ...fitted };
}
