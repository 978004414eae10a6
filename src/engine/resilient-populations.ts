// Populations that outlive their device: those that were under way are trained again from their beginning, on a new one, which
// gives the same bits.

import type { EngineInfo } from './engine.ts';
import { choosePopulations, type ChosenPopulations, type PopulationChoice } from './populations.ts';
import type { PopulationSource } from './populations.ts';
import { DeviceError } from '../util/errors.ts';
import { checkSameAdapter, DeviceTries, firstLine, noDeviceLeft } from './new-device.ts';

/**
 * `chosen`, where it is WebGPU's, over any number of devices of the same adapter. Where three tries for one population give none
 * that trains it to its end, the CPU trains the rest if the choice was `auto`, and `recover` throws DeviceError if WebGPU was
 * asked for.
 */
export class ResilientPopulations {
  readonly #choice: PopulationChoice;
  readonly #source: PopulationSource;
  readonly #note: (text: string) => void;
  readonly #tries = new DeviceTries();
  #chosen: ChosenPopulations;
  /** Models that were done at the last loss. */
  #done = -1;

  /** `note` is told in one line of every device that was lost, and what is done about it. */
  constructor(
    chosen: ChosenPopulations,
    choice: PopulationChoice,
    source: PopulationSource,
    note: (text: string) => void,
  ) {
    this.#chosen = chosen;
    this.#choice = choice;
    this.#source = source;
    this.#note = note;
  }

  get capacity(): number {
    return this.#chosen.capacity;
  }

  get info(): EngineInfo {
    return this.#chosen.info;
  }

  /** Which engine trains and why, in one line. */
  get reason(): string {
    return this.#chosen.reason;
  }

  create(...args: Parameters<ChosenPopulations['create']>): ReturnType<ChosenPopulations['create']> {
    return this.#chosen.create(...args);
  }

  close(): void {
    this.#chosen.close();
  }

  async recover(lost: DeviceError, done: number): Promise<void> {
    const { info } = this.#chosen;
    if (info.engine !== 'webgpu') throw lost;
    this.#chosen.close();
    if (done > this.#done) this.#tries.reset();
    this.#done = done;
    const going = `${done} models are done; the others are trained`;
    let reason = lost;
    while (await this.#tries.next()) {
      try {
        const chosen = await choosePopulations({ ...this.#choice, engine: 'webgpu' }, this.#source);
        this.#chosen = chosen;
        checkSameAdapter(info, chosen.info);
        this.#note(`${firstLine(lost)} ${going} on a new device`);
        return;
      } catch (error) {
        this.#chosen.close();
        if (!(error instanceof DeviceError)) throw error;
        reason = error;
      }
    }
    if (this.#choice.engine !== 'auto') throw noDeviceLeft(lost, reason);
    this.#chosen = await choosePopulations({ ...this.#choice, engine: 'cpu' }, this.#source);
    this.#note(
      `${firstLine(lost)} No other device could be had; ${going} with ${this.#chosen.info.description}: ` +
        'their losses agree within rounding, not bit for bit',
    );
  }
}
