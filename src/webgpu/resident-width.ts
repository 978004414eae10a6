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

/**
 * The fastest of `widths`. `prepare` makes the dispatch of a width; it may be run any number of times. `what` stands for
 * all but the width: it is tried once on a device. Throws DeviceError where a dispatch cannot be made or run.
 */
export async function fastestWidth(
  gpu: GpuDevice,
  widths: readonly number[],
  what: string,
  prepare: (width: number) => Promise<ReadyDispatch>,
): Promise<WideDispatch> {
  const prepared = async (width: number) => ({ width, dispatch: await prepare(width) });
  if (widths.length === 1) return prepared(widths[0]);
  let found = known.get(gpu.device);
  if (!found) known.set(gpu.device, (found = new Map()));
  const key = `${what} ${widths.join()}`;
  const before = found.get(key);
  if (before !== undefined) return prepared(before);

  const stopwatch = new Stopwatch(gpu);
  try {
    let best = { width: 0, time: Infinity, dispatch: undefined as ReadyDispatch | undefined };
    for (const width of widths) {
      const dispatch = await prepare(width);
      await stopwatch.run(dispatch, 1);
      let time = Infinity;
      for (let i = 0; i < RUNS; i++) time = Math.min(time, await stopwatch.run(dispatch, 1));
      if (time < best.time) best = { width, time, dispatch };
    }
    found.set(key, best.width);
    return { width: best.width, dispatch: best.dispatch! };
  } finally {
    stopwatch.destroy();
  }
}
