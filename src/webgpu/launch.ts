// The launch strategies: how the dispatches of a plan reach the queue. `eager` and `graph` run the same plan and
// give the same bits, `fused` one of fewer dispatches; what differs is the cost.

import type { LaunchStrategy } from '../engine.ts';
import type { Rule } from '../graph/fuse.ts';
import type { Plan } from '../graph/plan.ts';
import { FUSED, LARGE_SIZES } from '../ops/index.ts';
import type { GpuDevice } from './adapter.ts';
import type { DeviceBuffers } from './buffers.ts';
import { bindOperands, pipelineFor } from './pipelines.ts';

/** A dispatch with everything that it needs, made once. */
export interface ReadyDispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** Compiles the shaders of `plan` (in parallel) and binds its buffers. */
export async function prepareDispatches(
  gpu: GpuDevice,
  plan: Plan,
  buffers: DeviceBuffers,
): Promise<ReadyDispatch[]> {
  const step = { buffer: buffers.region('step') };
  const pipelines = await Promise.all(
    plan.dispatches.map(({ node, launch }) => pipelineFor(gpu, node.op, launch)),
  );
  return plan.dispatches.map(({ node, label, inputs, outputs, launch }, i) => {
    const operands = [...inputs, ...outputs].map((view) => buffers.binding(view));
    const bindGroup = bindOperands(gpu, node, pipelines[i], step, operands);
    return { label, pipeline: pipelines[i], bindGroup, workgroups: launch.workgroups };
  });
}

/**
 * Runs `dispatches` in order, `times` over, then `after` on the encoder of the last submit (to copy results out).
 * Makes nothing that lives on the device.
 */
export type Launcher = (
  device: GPUDevice,
  dispatches: readonly ReadyDispatch[],
  times: number,
  after: (encoder: GPUCommandEncoder) => void,
) => void;

/** An encoder, a pass and a submit per kernel: what a launch costs where nothing is recorded together. */
const launchEager: Launcher = (device, dispatches, times, after) => {
  for (let i = 0; i < times; i++) {
    dispatches.forEach((dispatch, n) => {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(dispatch.pipeline);
      pass.setBindGroup(0, dispatch.bindGroup);
      pass.dispatchWorkgroups(...dispatch.workgroups);
      pass.end();
      if (i === times - 1 && n === dispatches.length - 1) after(encoder);
      device.queue.submit([encoder.finish()]);
    });
  }
};

/** Steps in one submit: enough that the submit's price is spread thin, few enough that the GPU starts early. */
export const STEPS_PER_SUBMIT = 16;

/** One pass and one submit for up to 16 steps. */
const launchGraph: Launcher = (device, dispatches, times, after) => {
  for (let done = 0; done < times; done += STEPS_PER_SUBMIT) {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const end = Math.min(times, done + STEPS_PER_SUBMIT);
    let current: GPUComputePipeline | undefined;
    for (let i = done; i < end; i++) {
      for (const { pipeline, bindGroup, workgroups } of dispatches) {
        if (pipeline !== current) pass.setPipeline((current = pipeline));
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(...workgroups);
      }
    }
    pass.end();
    if (end === times) after(encoder);
    device.queue.submit([encoder.finish()]);
  }
};

/** The strategies that launch the dispatches of a plan. */
export type PlannedLaunch = Exclude<LaunchStrategy, 'resident'>;

/** The ops that each strategy puts in the place of the model's. `resident` computes what `fused` does, in a kernel of its own. */
export const RULES: Readonly<Record<LaunchStrategy, readonly Rule[]>> = {
  eager: LARGE_SIZES,
  graph: LARGE_SIZES,
  fused: FUSED,
  resident: FUSED,
};

export const LAUNCHERS: Readonly<Record<PlannedLaunch, Launcher>> = {
  eager: launchEager,
  graph: launchGraph,
  fused: launchGraph,
};

/**
 * How many steps may be on the queue between two readbacks: the time they take is measured, and kept well below
 * the two seconds after which operating systems reset a GPU that does not answer.
 */
export class Pace {
  private readonly targetMs: number;
  private steps = 1;

  constructor(targetMs: number) {
    this.targetMs = targetMs;
  }

  /** Steps to launch next, at most `wanted`. */
  next(wanted: number): number {
    return Math.min(wanted, this.steps);
  }

  /**
   * Learns that `steps` took `ms`. Grows at most fourfold, so that one odd measurement does no harm. Fewer steps than `next` had
   * offered shrink nothing unless they took too long themselves: the way to the GPU and back is most of their time.
   */
  learn(steps: number, ms: number): void {
    const fits = Math.floor((this.targetMs * steps) / Math.max(ms, 1e-3));
    const least = steps < this.steps && ms < this.targetMs ? this.steps : 1;
    this.steps = Math.max(least, Math.min(fits, 4 * Math.max(steps, this.steps)));
  }
}
