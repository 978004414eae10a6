// The launch strategies: how the dispatches of a plan reach the queue. `eager` and `graph` run the same plan and
// give the same bits, `fused` one of fewer dispatches; what differs is the cost.

import type { LaunchStrategy } from '../engine/engine.ts';
import type { Rule } from '../graph/fuse.ts';
import type { Dispatch, Plan } from '../graph/plan.ts';
import { FUSED, LARGE_SIZES, NEIGHBOURS } from '../ops/index.ts';
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

/** A dispatch of a plan. */
export interface PlannedDispatch extends ReadyDispatch {
  /** Estimated milliseconds on a slow device, from its operations and bytes. */
  readonly guessMs: number;
}

/** Milliseconds on a slow device of 50 GFLOP/s and 10 GB/s, such as a small integrated GPU. */
export function slowMs({ flops, bytes }: Pick<Dispatch, 'flops' | 'bytes'>): number {
  return flops / 5e7 + bytes / 1e7;
}

/** Compiles the shaders of `plan` (in parallel) and binds its buffers. */
export async function prepareDispatches(
  gpu: GpuDevice,
  plan: Plan,
  buffers: DeviceBuffers,
): Promise<PlannedDispatch[]> {
  const step = { buffer: buffers.region('step') };
  const pipelines = await Promise.all(
    plan.dispatches.map(({ node, launch }) => pipelineFor(gpu, node.op, launch)),
  );
  return plan.dispatches.map((dispatch, i) => {
    const { node, label, inputs, outputs, launch } = dispatch;
    const operands = [...inputs, ...outputs].map((view) => buffers.binding(view));
    const bindGroup = bindOperands(gpu, node, pipelines[i], step, operands);
    const { workgroups } = launch;
    return { label, pipeline: pipelines[i], bindGroup, workgroups, guessMs: slowMs(dispatch) };
  });
}

/**
 * Runs `dispatches` in order, `times` over, then `after` on the encoder of the last submit (to copy results out).
 * Creates nothing that lives on the device. `passMs` is the most milliseconds that all of them together took; before that is
 * measured, a slow device is assumed.
 */
export type Launcher = (
  device: GPUDevice,
  dispatches: readonly PlannedDispatch[],
  times: number,
  after: (encoder: GPUCommandEncoder) => void,
  passMs?: number,
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

/**
 * The most milliseconds that one submit should take. Operating systems reset a GPU that does not answer for two seconds, and how the
 * time of a step divides among its dispatches is only an estimate.
 */
const SUBMIT_MS = 500;

/** One pass and one submit for up to 16 steps; a long step is split over several. */
const launchGraph: Launcher = (device, dispatches, times, after, passMs) => {
  const guessed = dispatches.reduce((sum, { guessMs }) => sum + guessMs, 0);
  const scale = passMs === undefined ? 1 : passMs / guessed;
  let encoder = device.createCommandEncoder();
  let pass = encoder.beginComputePass();
  let current: GPUComputePipeline | undefined;
  let ms = 0;
  for (let i = 0; i < times; i++) {
    for (const [n, { pipeline, bindGroup, workgroups, guessMs }] of dispatches.entries()) {
      const full = n === 0 && i > 0 && i % STEPS_PER_SUBMIT === 0;
      if (full || (ms > 0 && ms + scale * guessMs > SUBMIT_MS)) {
        pass.end();
        device.queue.submit([encoder.finish()]);
        encoder = device.createCommandEncoder();
        pass = encoder.beginComputePass();
        current = undefined;
        ms = 0;
      }
      if (pipeline !== current) pass.setPipeline((current = pipeline));
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...workgroups);
      ms += scale * guessMs;
    }
  }
  pass.end();
  after(encoder);
  device.queue.submit([encoder.finish()]);
};

/** The strategies that launch the dispatches of a plan. */
export type PlannedLaunch = Exclude<LaunchStrategy, 'resident'>;

/** The rules by which each strategy rewrites the model's graph. */
export const RULES: Readonly<Record<LaunchStrategy, readonly Rule[]>> = {
  eager: LARGE_SIZES,
  graph: LARGE_SIZES,
  fused: FUSED,
  resident: NEIGHBOURS,
};

export const LAUNCHERS: Readonly<Record<PlannedLaunch, Launcher>> = {
  eager: launchEager,
  graph: launchGraph,
  fused: launchGraph,
};
