// What of a run in training is saved, and when.

import type { Engine, TrainingState } from '../engine/engine.ts';
import type { Checkpoint } from '../train/checkpoint-file.ts';
import { advice, firstNotFinite, TrainingError } from '../train/finite.ts';
import { keptLosses, metricsStride } from '../train/metrics-file.ts';
import type { SavedRun } from '../train/run-files.ts';
import type { TrainChunk } from '../train/trainer.ts';
import type { Every } from './arguments.ts';
import type { RunStore } from './run-store.ts';

/** The parts of a saved run that training does not change. */
export type FixedParts = Pick<SavedRun, 'config' | 'tokenizer' | 'random'>;

export class RunSaver {
  readonly #store: RunStore;
  readonly #every: Every;
  readonly #engine: Engine;
  readonly #fixed: FixedParts;
  readonly #losses: number[];
  #smoothedLoss = Infinity;
  #savedAt = performance.now();
  /** Of the last checkpoint. */
  #savedStep: number;

  /** `from` is what the run goes on from: steps done, their losses, and how many of them the store has already. */
  constructor(
    store: RunStore,
    every: Every,
    engine: Engine,
    fixed: FixedParts,
    from: { readonly losses: ArrayLike<number>; readonly saved: number },
  ) {
    this.#store = store;
    this.#every = every;
    this.#engine = engine;
    this.#fixed = fixed;
    this.#losses = Array.from(from.losses);
    this.#savedStep = from.saved;
  }

  /** Steps done in the last state that was saved. */
  get savedStep(): number {
    return this.#savedStep;
  }

  /** Keeps the losses of some more steps. Gives the path of the checkpoint, where one was due and has been written. */
  async add(chunk: TrainChunk, smoothedLoss: number): Promise<string | undefined> {
    const { steps } = this.#fixed.config.training;
    const stride = metricsStride(steps);
    chunk.losses.forEach((loss, i) => {
      if ((chunk.from + i + 1) % stride === 0) this.#losses.push(loss);
    });
    this.#smoothedLoss = smoothedLoss;
    if (chunk.step === steps || !this.#due(chunk.step)) return undefined;
    const path = await this.#store.checkpoint(await this.#checkpoint());
    this.#savedStep = chunk.step;
    this.#savedAt = performance.now();
    return path;
  }

  /** Saves an earlier state, of the same run, where it is newer than the last checkpoint. */
  async rescue(state: TrainingState): Promise<void> {
    if (state.step <= this.#savedStep) return;
    const { config } = this.#fixed;
    const losses = this.#losses.slice(0, keptLosses(state.step, config.training.steps));
    await this.#store.checkpoint(this.#checked({ state, losses }));
    this.#savedStep = state.step;
  }

  /** Saves the run as it stands, as the files of a run. */
  async finish(): Promise<void> {
    await this.#store.finish(await this.#checkpoint());
  }

  #due(step: number): boolean {
    const { steps = Infinity, milliseconds = Infinity } = this.#every;
    return step % steps === 0 || performance.now() - this.#savedAt >= milliseconds;
  }

  async #checkpoint(): Promise<Checkpoint> {
    return this.#checked({ state: await this.#engine.state(), losses: this.#losses });
  }

  #checked({ state, losses }: Pick<Checkpoint, 'state' | 'losses'>): Checkpoint {
    const { model, training } = this.#fixed.config;
    const bad = firstNotFinite(model, state);
    // The loss need not show it: the embedding of a rare token, say.
    if (bad !== undefined) {
      throw new TrainingError(
        `step ${state.step}: expected finite numbers, got others in ${bad}: training diverged. ${advice(training, state.step)}`,
      );
    }
    return { ...this.#fixed, state, losses, smoothedLoss: this.#smoothedLoss };
  }
}
