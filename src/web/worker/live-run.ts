// A run while it lives in the worker: what was prepared, the engine that computes it, and the last state that is known
// to be good.

import type { Engine, EngineInfo, EngineSpec, TrainingState } from '../../engine/engine.ts';
import type { Tokenizer } from '../../data/tokenizer.ts';
import type { EngineChoice } from '../../engine/choice.ts';
import { createEngine, type ChosenEngine } from '../../engine/choose.ts';
import { Recovery } from '../../engine/recovery.ts';
import type { PreparedRun } from '../../train/prepare.ts';
import { DeviceError } from '../../util/errors.ts';
import type { PythonRandom } from '../../util/python-random.ts';
import type { RunSettings } from '../messages.ts';

/** Milliseconds between two copies of the state; more where a copy takes long: it may take 1/20 of the time. */
const KEEP_INTERVAL = 1000;
const KEEP_SHARE = 20;

type EngineSettings = Pick<RunSettings, 'engine' | 'launch'> & Pick<EngineChoice, 'build'>;

export class LiveRun {
  readonly spec: EngineSpec;
  readonly tokenizer: Tokenizer;
  /** The stream of the samples after the last step. */
  readonly random: PythonRandom;
  /** Steps done. */
  step = 0;
  #chosen: ChosenEngine;
  #kept: TrainingState | undefined;
  #keptAt = 0;
  #keepAfter = KEEP_INTERVAL;
  /** The page says by itself that a device was lost. */
  readonly #recovery = new Recovery({ engine: 'auto', launch: 'auto', gpu }, () => undefined);
  /** The step of the last state when a device was last lost. */
  #lostAt: number | undefined;

  private constructor({ spec, tokenizer, random }: PreparedRun, chosen: ChosenEngine) {
    this.spec = spec;
    this.tokenizer = tokenizer;
    this.random = random;
    this.#chosen = chosen;
  }

  static async create(prepared: PreparedRun, settings: EngineSettings): Promise<LiveRun> {
    return new LiveRun(prepared, await makeEngine(settings, prepared.spec));
  }

  /** Whether its text is here: a run that is done may be opened without, as one document of nothing. */
  get hasText(): boolean {
    return this.spec.documents.tokens.length > 2;
  }

  get engine(): Engine {
    return this.#chosen.engine;
  }

  /** Why this engine, in one line. */
  get reason(): string {
    return this.#chosen.reason;
  }

  /** Goes to a state that was saved. */
  async resume(state: TrainingState): Promise<void> {
    await this.engine.load(state);
    this.step = state.step;
    this.#kept = state;
  }

  /** The state as it stands, where it was copied. */
  get kept(): TrainingState | undefined {
    return this.#kept?.step === this.step ? this.#kept : undefined;
  }

  /** Copies the state now and then; always where `now`. */
  async keep(now = false): Promise<void> {
    const start = performance.now();
    if (this.#kept?.step === this.step) return;
    if (!now && start - this.#keptAt < this.#keepAfter) return;
    this.#kept = await this.engine.state();
    this.#keptAt = performance.now();
    this.#keepAfter = Math.max(KEEP_INTERVAL, KEEP_SHARE * (this.#keptAt - start));
  }

  /**
   * Goes back to the last good state: on this engine, or where its device is gone on a new device, or on the CPU's. Gives
   * false where there is no such state.
   */
  async recover(error: unknown): Promise<boolean> {
    if (this.#kept === undefined) return false;
    if (error instanceof DeviceError) {
      const { info } = this.engine;
      this.#chosen.close();
      if (this.#kept.step !== this.#lostAt) this.#recovery.reset(); // else the last new device did not get any further
      this.#lostAt = this.#kept.step;
      if (info.engine === 'webgpu') {
        await this.#recovery.recover(error, info, '', (...next) => this.#replace(...next));
      } else {
        await this.#replace(CPU);
      }
    }
    await this.engine.load(this.#kept);
    this.step = this.#kept.step;
    return true;
  }

  close(): void {
    this.#chosen.close();
  }

  async #replace(
    choice: EngineChoice,
    check: (info: EngineInfo) => void = () => undefined,
  ): Promise<EngineInfo> {
    const chosen = await createEngine(choice, this.spec);
    const { info } = chosen.engine;
    try {
      check(info); // a software adapter may step in for a GPU that is gone: the CPU is faster
    } catch (error) {
      chosen.close();
      throw error;
    }
    this.#chosen = chosen;
    return info;
  }
}

const gpu = async () => navigator.gpu as GPU | undefined;
const CPU: EngineChoice = { engine: 'cpu', launch: 'auto', gpu };

/** The engine asked for; the CPU's, and the reason, where WebGPU was asked for and cannot be had. */
async function makeEngine(
  { engine, launch, build }: EngineSettings,
  spec: EngineSpec,
): Promise<ChosenEngine> {
  try {
    return await createEngine({ engine, launch, build, gpu }, spec);
  } catch (error) {
    if (engine !== 'webgpu' || !(error instanceof DeviceError)) throw error;
    const cpu = await createEngine(CPU, spec);
    return { ...cpu, reason: `${error.message} The CPU engine trains instead.` };
  }
}
