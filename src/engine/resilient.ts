// An engine that outlives its device. A lost device takes the model with it, so a copy of the state is kept here; what was
// trained since is computed again on a new device, which gives the same bits, and the caller notices nothing but the time.

import type { TokenizedDocuments } from '../data/tokenizer.ts';
import type { Engine, EngineInfo, EngineSpec, TrainingState } from './engine.ts';
import type { EngineChoice } from './choice.ts';
import { createEngine, type ChosenEngine } from './choose.ts';
import { checkNotDisposed } from '../util/engine-checks.ts';
import { DeviceError } from '../util/errors.ts';
import { nextCount, takeTurns, turn } from '../util/turns.ts';
import { Recovery } from './recovery.ts';

/** Milliseconds between two copies of the state; more where a copy takes long: it may take 1/50 of the time. */
const KEEP_INTERVAL = 1000;
const KEEP_SHARE = 50;
/** A copy takes 12 bytes a parameter. Of larger models only the states are kept that are read for a checkpoint. */
const KEEP_PARAMETERS = 2 ** 26;

/** How long steps that are computed again may keep the thread. */
const INTERVAL = 100;

/**
 * `chosen.engine`, where it is WebGPU's, over any number of devices: after an error of the device it goes on, on a new device of
 * the same adapter, from the last state that was kept. Where three tries in a row give none, or none that takes the next call,
 * it goes on with the CPU engine if the choice was `auto`, and throws DeviceError if WebGPU was asked for.
 */
export class ResilientEngine implements Engine {
  readonly #spec: EngineSpec;
  readonly #recovery: Recovery;
  #chosen: ChosenEngine;
  #step = 0;
  /** What a new engine goes on from: undefined is the beginning. */
  #kept: TrainingState | undefined;
  #keptAt = performance.now();
  #keepAfter = KEEP_INTERVAL;
  /** What the KV cache holds. */
  #fed: number[] = [];
  #gone: DeviceError | undefined;
  #disposed = false;
  readonly #inTurn = takeTurns(() => {
    checkNotDisposed(this.#disposed);
    if (this.#gone !== undefined) throw this.#gone;
  });

  /** See Recovery. */
  constructor(
    chosen: ChosenEngine,
    choice: EngineChoice,
    spec: EngineSpec,
    note: (text: string) => void = () => undefined,
  ) {
    this.#chosen = chosen;
    this.#spec = spec;
    this.#recovery = new Recovery(choice, note);
  }

  /** Of the engine that computes now. */
  get info(): EngineInfo {
    return this.#chosen.engine.info;
  }

  get size(): number {
    return this.#chosen.engine.size;
  }

  get latency(): number | undefined {
    return this.#chosen.engine.latency;
  }

  /** The last state that is known to be good, if there is one; at hand even when no device is left. */
  get kept(): TrainingState | undefined {
    return this.#kept;
  }

  advance(k: number): Promise<Float64Array> {
    return this.#inTurn(async () => {
      const losses = await this.#lasting((engine) => engine.advance(k));
      this.#step += k;
      this.#fed = [];
      if (this.#due()) await this.#keep();
      return losses;
    });
  }

  gradients(): ReturnType<Engine['gradients']> {
    return this.#inTurn(() => this.#lasting((engine) => engine.gradients()));
  }

  evaluate(documents: TokenizedDocuments): Promise<Float64Array> {
    return this.#inTurn(() => this.#lasting((engine) => engine.evaluate(documents)));
  }

  parameters(): ReturnType<Engine['parameters']> {
    return this.#inTurn(() => this.#lasting((engine) => engine.parameters()));
  }

  state(): Promise<TrainingState> {
    return this.#inTurn(() => this.#keep());
  }

  load(state: TrainingState): Promise<void> {
    return this.#inTurn(async () => {
      await this.#lasting((engine) => engine.load(state));
      this.#kept = state;
      this.#step = state.step;
      this.#fed = [];
    });
  }

  prefill(tokens: readonly number[]): ReturnType<Engine['prefill']> {
    return this.#inTurn(async () => {
      this.#fed = []; // a new engine need not take what this call takes out of the cache
      const logits = await this.#lasting((engine) => engine.prefill(tokens));
      this.#fed = [...tokens];
      return logits;
    });
  }

  decode(token: number): ReturnType<Engine['decode']> {
    return this.#inTurn(async () => {
      const logits = await this.#lasting((engine) => engine.decode(token));
      this.#fed.push(token);
      return logits;
    });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#chosen.close();
  }

  #due(): boolean {
    return (
      this.info.engine === 'webgpu' &&
      this.size * this.#spec.parameters.length <= KEEP_PARAMETERS &&
      performance.now() - this.#keptAt >= this.#keepAfter
    );
  }

  async #keep(): Promise<TrainingState> {
    const start = performance.now();
    const state = await this.#lasting((engine) => engine.state());
    this.#keptAt = performance.now();
    this.#keepAfter = Math.max(KEEP_INTERVAL, KEEP_SHARE * (this.#keptAt - start));
    return (this.#kept = state);
  }

  /** What `work` gives, on as many devices as that takes. */
  async #lasting<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const result = await work(this.#chosen.engine);
        this.#recovery.reset();
        return result;
      } catch (error) {
        if (!(error instanceof DeviceError) || this.info.engine !== 'webgpu') throw error;
        await this.#recover(error);
      }
    }
  }

  /** Puts an engine in the place of the one whose device failed, in the same state. Throws DeviceError where there is none. */
  async #recover(lost: DeviceError): Promise<void> {
    this.#chosen.close();
    const going = `Training continues after step ${this.#step}, from a copy of step ${this.#kept?.step ?? 0},`;
    try {
      await this.#recovery.recover(lost, this.info, going, (...args) => this.#replace(...args));
    } catch (error) {
      if (error instanceof DeviceError) this.#gone = error;
      throw error;
    }
  }

  /** The engine of `choice`, if `check` does not throw, in the state of the one before it. */
  async #replace(choice: EngineChoice, check: (info: EngineInfo) => void): Promise<EngineInfo> {
    const chosen = await createEngine(choice, this.#spec);
    try {
      const { engine } = chosen;
      check(engine.info);
      if (this.#kept !== undefined) await engine.load(this.#kept);
      let k = 1;
      for (let done = this.#kept?.step ?? 0; done < this.#step;) {
        await turn();
        const count = Math.min(k, this.#step - done);
        const start = performance.now();
        await engine.advance(count);
        k = nextCount(count, performance.now() - start, INTERVAL, k, engine.latency);
        done += count;
      }
      // What was computed again need not be a second time.
      if (this.#step !== (this.#kept?.step ?? 0)) this.#kept = await engine.state();
      if (this.#fed.length > 0) await engine.prefill(this.#fed);
      checkNotDisposed(this.#disposed);
    } catch (error) {
      chosen.close();
      throw error;
    }
    this.#chosen = chosen;
    return chosen.engine.info;
  }
}
