// What can be done about a device that was lost: some tries on new ones of the same adapter, then the CPU where that is allowed.

import { DeviceError } from '../util/errors.ts';
import { adapterName } from '../webgpu/adapter.ts';
import type { EngineChoice, ModelSource, SweepChoice } from './choice.ts';
import { chooseEngines, type ChosenEngines } from './choose.ts';
import type { EngineInfo } from './engine.ts';

/** Milliseconds before each try to get a new device: a driver that was reset may need a moment. */
const WAITS = [0, 500, 2000];

/** What stands in for the choice whose device was lost. */
export interface NextChoice extends EngineChoice {
  readonly engine: 'webgpu' | 'cpu';
}

export class Recovery {
  readonly #choice: EngineChoice;
  readonly #note: (text: string) => void;
  /** Tries since a device was last of use. */
  #tries = 0;

  /** `choice`: what was asked for at first. `note` is told in one line of every device that was lost, and what is done about it. */
  constructor(choice: EngineChoice, note: (text: string) => void) {
    this.#choice = choice;
    this.#note = note;
  }

  /** A device has been of use: the next loss has all tries again. */
  reset(): void {
    this.#tries = 0;
  }

  /**
   * Calls `replace` until it puts something in the place of what was on the `lost` device, on a new device of the adapter that `was`
   * has. After three tries in a row it does so on the CPU if the choice was `auto`; if WebGPU was asked for, DeviceError is thrown.
   * `replace` must call `check`, and close what it made if that or something else throws. `going` says what goes on.
   */
  async recover(
    lost: DeviceError,
    was: EngineInfo,
    going: string,
    replace: (choice: NextChoice, check: (info: EngineInfo) => void) => Promise<EngineInfo>,
  ): Promise<void> {
    if (was.engine !== 'webgpu') throw lost;
    const { engine, gpu, tuning } = this.#choice;
    const { launch = 'auto' } = was;
    // Kernels that were not measured before keep their default now.
    const again = {
      engine: 'webgpu',
      launch,
      gpu,
      ...(tuning && { tuning: { ...tuning, budget: 0 } }),
    } as const;
    let reason = lost;
    while (this.#tries < WAITS.length) {
      await new Promise((resolve) => setTimeout(resolve, WAITS[this.#tries]));
      this.#tries++;
      try {
        await replace(again, (info) => checkSameAdapter(was, info));
        this.#note(`${firstLine(lost)} ${going} on a new device`);
        return;
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        reason = error;
      }
    }
    if (engine !== 'auto') throw noDeviceLeft(lost, reason);
    const { description } = await replace(
      { ...this.#choice, engine: 'cpu', launch: 'auto' },
      () => undefined,
    );
    this.#note(
      `${firstLine(lost)} No other device could be had. ${going} with ${description}: ` +
        'the losses agree within rounding, not bit for bit',
    );
  }
}

/**
 * `chosen`, over any number of devices: engines that were under way are trained again from their beginning, on a new device, which
 * gives the same bits.
 */
export class ResilientEngines implements ChosenEngines {
  readonly #source: ModelSource;
  readonly #recovery: Recovery;
  #chosen: ChosenEngines;
  /** Models that were done at the last loss. */
  #done = -1;

  /** See Recovery. */
  constructor(chosen: ChosenEngines, choice: SweepChoice, source: ModelSource, note: (text: string) => void) {
    this.#chosen = chosen;
    this.#source = source;
    this.#recovery = new Recovery({ ...choice, launch: 'auto' }, note);
  }

  get capacity(): number {
    return this.#chosen.capacity;
  }

  get info(): EngineInfo {
    return this.#chosen.info;
  }

  get reason(): string {
    return this.#chosen.reason;
  }

  create(...args: Parameters<ChosenEngines['create']>): ReturnType<ChosenEngines['create']> {
    return this.#chosen.create(...args);
  }

  close(): void {
    this.#chosen.close();
  }

  /** Makes engines possible again, `done` models having been trained. Throws DeviceError where that is in vain. */
  async recover(lost: DeviceError, done: number): Promise<void> {
    this.#chosen.close();
    if (done > this.#done) this.#recovery.reset();
    this.#done = done;
    const going = `${done} models are done; the others are trained`;
    await this.#recovery.recover(lost, this.info, going, async (choice, check) => {
      const chosen = await chooseEngines(choice, this.#source);
      try {
        check(chosen.info);
      } catch (error) {
        chosen.close();
        throw error;
      }
      this.#chosen = chosen;
      return chosen.info;
    });
  }
}

/** Throws DeviceError where `is` computes on another adapter than `was`: its bits would be others, and nobody asked for it. */
function checkSameAdapter(was: EngineInfo, is: EngineInfo): void {
  const [old, found] = [was, is].map(({ adapter }) => adapter && adapterName(adapter));
  if (found !== old) throw new DeviceError(`${old} is gone; there is only ${found}.`);
}

/** The end of the tries: `reason` is why the last one failed, or `lost` where each new device was lost too. */
function noDeviceLeft(lost: DeviceError, reason: DeviceError): DeviceError {
  const why =
    reason === lost
      ? `So were ${WAITS.length} new ones.`
      : `No other could be had in ${WAITS.length} tries: ${firstLine(reason)}`;
  return new DeviceError(`${firstLine(lost)}\n${why}`, { cause: reason });
}

/** What happened, without the advice. */
function firstLine(error: DeviceError): string {
  return error.message.split('\n', 1)[0];
}
