// How many invocations the workgroup of the resident kernel has. It depends on how an adapter hides latencies, and on how many
// models it has to train at a time, so it is tried. Every width gives the same bits.

import type { GpuDevice } from './adapter.ts';
import type { ReadyDispatch } from './launch.ts';
import { Stopwatch } from './stopwatch.ts';

/** A small model has work for about 512; many at a time keep a device busy with fewer each. */
const WIDTHS: readonly number[] = [128, 256, 512];

/** Software adapters run the invocations of a workgroup one after another and pay for each at every barrier. */
const SOFTWARE_WIDTHS: readonly number[] = [32];

/** Timed runs of each width, of which the shortest counts. */
const RUNS = 3;

/** Milliseconds of a run: clocks of browsers tick in 0.1 ms or even 1 ms, and a submit is in it where there are no timestamps. */
const TRIAL_MS = 20;

/** A dispatch and the width of its workgroup. */
export interface WideDispatch {
  readonly width: number;
  readonly dispatch: ReadyDispatch;
}

/** What was fastest, by device and what was run. */
const known = new WeakMap<GPUDevice, Map<string, number>>();

/** The widths that are worth a trial on this device: at least one. */
export function widthsOf({ device, info }: GpuDevice): readonly number[] {
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = device.limits;
  const most = Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX);
  const widths = (info.software ? SOFTWARE_WIDTHS : WIDTHS).filter((width) => width <= most);
  return widths.length > 0 ? widths : [most];
}

export interface WidthTrial {
  /** Stands for all but the width: it is tried once on a device. */
  readonly what: string;
  /** Steps of a dispatch, at most. */
  readonly mostSteps: number;
  /** Makes the dispatch of a width; it may be run any number of times. */
  prepare(width: number): Promise<ReadyDispatch>;
  /** How many steps a dispatch makes from now on. */
  setSteps(steps: number): void;
}

/**
 * The fastest of `widths`; one that the device refuses is left out. Throws DeviceError where it refuses them all, or where a
 * dispatch fails.
 */
export async function fastestWidth(
  gpu: GpuDevice,
  widths: readonly number[],
  trial: WidthTrial,
): Promise<WideDispatch> {
  const prepared = async (width: number) => ({ width, dispatch: await trial.prepare(width) });
  if (widths.length === 1) return prepared(widths[0]);
  let found = known.get(gpu.device);
  if (!found) known.set(gpu.device, (found = new Map()));
  const key = `${trial.what} ${widths.join()}`;
  const before = found.get(key);
  if (before !== undefined) return prepared(before);

  const made = await Promise.allSettled(widths.map(prepared));
  gpu.check();
  const taken = made.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (taken.length === 0) return prepared(widths[0]); // throws why
  const stopwatch = new Stopwatch(gpu);
  try {
    trial.setSteps(await trialSteps(stopwatch, taken[0].dispatch, trial));
    let best = { ...taken[0], time: Infinity };
    for (const { width, dispatch } of taken) {
      await stopwatch.run(dispatch, 1);
      let time = Infinity;
      for (let i = 0; i < RUNS; i++) time = Math.min(time, await stopwatch.run(dispatch, 1));
      if (time < best.time) best = { width, dispatch, time };
    }
    found.set(key, best.width);
    return best;
  } finally {
    stopwatch.destroy();
  }
}

/** Steps that take TRIAL_MS. From one step on: what a device takes for one is not known, and a watchdog may wait for its end. */
async function trialSteps(
  stopwatch: Stopwatch,
  dispatch: ReadyDispatch,
  { mostSteps, setSteps }: WidthTrial,
): Promise<number> {
  for (let steps = 1; ;) {
    setSteps(steps);
    const time = await stopwatch.run(dispatch, 1);
    if (time >= TRIAL_MS / 2 || steps >= mostSteps) return steps;
    // At most eightfold: the first run may have had something else in it.
    const fits = Math.floor((steps * TRIAL_MS) / Math.max(time, 1e-3));
    steps = Math.min(mostSteps, Math.max(2 * steps, Math.min(fits, 8 * steps)));
  }
}
