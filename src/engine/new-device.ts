// What can be done about a device that was lost: some tries to get a new one, of the same adapter.

import type { EngineInfo } from './engine.ts';
import { DeviceError } from '../util/errors.ts';
import { adapterName } from '../webgpu/adapter.ts';

/** Milliseconds before each try to get a new device: a driver that was reset may need a moment. */
const WAITS = [0, 500, 2000];

/** The tries in a row, until a new device has been of use. */
export class DeviceTries {
  #made = 0;

  /** Waits for the next one; false where there is none. */
  async next(): Promise<boolean> {
    if (this.#made === WAITS.length) return false;
    await new Promise((resolve) => setTimeout(resolve, WAITS[this.#made]));
    this.#made++;
    return true;
  }

  /** A device has been of use: the next loss has all tries again. */
  reset(): void {
    this.#made = 0;
  }
}

/** Throws DeviceError where `is` computes on another adapter than `was`: its bits would be others, and nobody asked for it. */
export function checkSameAdapter(was: EngineInfo, is: EngineInfo): void {
  const [old, found] = [was, is].map(({ adapter }) => adapter && adapterName(adapter));
  if (found !== old) throw new DeviceError(`${old} is gone; there is only ${found}.`);
}

/** The end of the tries: `reason` is why the last one failed, or `lost` where each new device was lost too. */
export function noDeviceLeft(lost: DeviceError, reason: DeviceError): DeviceError {
  const why =
    reason === lost
      ? `So were ${WAITS.length} new ones.`
      : `No other could be had in ${WAITS.length} tries: ${firstLine(reason)}`;
  return new DeviceError(`${firstLine(lost)}\n${why}`, { cause: reason });
}

/** What happened, without the advice. */
export function firstLine(error: DeviceError): string {
  return error.message.split('\n', 1)[0];
}
