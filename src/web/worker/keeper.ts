// Saves a run in the browser's storage while it trains, and says how that went. A run whose saving fails trains on.

import type { TrainingState } from '../../engine/engine.ts';
import type { Checkpoint } from '../../train/checkpoint-file.ts';
import { firstNotFinite, TrainingError } from '../../train/finite.ts';
import { keptLosses, metricsStride } from '../../train/metrics-file.ts';
import type { SavedRun } from '../../train/run-files.ts';
import { MicrogptError } from '../../util/errors.ts';
import type { KeptMessage } from '../messages.ts';
import type { RunDetails, RunFolder } from '../store/runs.ts';

/**
 * Milliseconds between two checkpoints; more where one takes long: they may take 1/20 of the time. The training waits for
 * them, which is what makes them quick: each has a dozen turns to wait for, and beside a training that computes for 50 ms
 * between two turns they took a hundred times as long.
 */
const SAVE_INTERVAL = 2000;
const SAVE_SHARE = 20;

/** What a new run is stored with. */
export interface NewRun {
  readonly details: RunDetails;
  /** Its text, where that is the reader's own. */
  readonly text: Uint8Array | undefined;
}

/** A run as it stands after a step. */
type Moment = Pick<Checkpoint, 'state' | 'losses' | 'smoothedLoss'>;

export class RunKeeper {
  readonly #fixed: Pick<SavedRun, 'config' | 'tokenizer' | 'random'>;
  readonly #say: (message: KeptMessage) => void;
  /** The folder; of a new run, what it will hold. */
  #run: RunFolder | NewRun;
  /** Those that a run keeps. */
  readonly #losses: number[];
  #smoothedLoss = NaN;
  #savedStep: number;
  #savedAt = performance.now();
  #saveAfter = SAVE_INTERVAL;
  #saving: Promise<void> | undefined;
  /** What is being written, and what will be after it: the newest that was asked for meanwhile. */
  #writing: Moment | undefined;
  #next: Moment | undefined;

  /** `from`: what the run goes on from, saved already. */
  constructor(
    run: RunFolder | NewRun,
    fixed: Pick<SavedRun, 'config' | 'tokenizer' | 'random'>,
    from: { readonly step: number; readonly losses: ArrayLike<number> },
    say: (message: KeptMessage) => void,
  ) {
    this.#run = run;
    this.#fixed = fixed;
    this.#losses = Array.from(from.losses);
    this.#savedStep = from.step;
    this.#say = say;
  }

  /** The losses of some more steps, `from` having been done before. */
  add(from: number, losses: Float64Array, smoothedLoss: number): void {
    const { steps } = this.#fixed.config.training;
    const stride = metricsStride(steps);
    this.#losses.length = keptLosses(from, steps); // a run that went back does steps again
    losses.forEach((loss, i) => {
      if ((from + i + 1) % stride === 0) this.#losses.push(loss);
    });
    this.#smoothedLoss = smoothedLoss;
  }

  /** Whether it is time for a checkpoint. */
  get due(): boolean {
    return performance.now() - this.#savedAt >= this.#saveAfter;
  }

  /** Saves `state`, that of the last step added: it is in the storage when this is done. Never throws: what goes wrong is said. */
  async save(state: TrainingState): Promise<void> {
    const newest = this.#next ?? this.#writing;
    if (state.step !== 0 && state.step !== (newest?.state.step ?? this.#savedStep)) {
      // The losses as they are now: when it is written there may be more.
      this.#next = { state, losses: Float64Array.from(this.#losses), smoothedLoss: this.#smoothedLoss };
      this.#saving ??= this.#writeAll();
    }
    await this.#saving;
  }

  /** Another tab, or this one later, may open the run. */
  release(): void {
    if ('id' in this.#run) this.#run.release();
  }

  async #writeAll(): Promise<void> {
    while ((this.#writing = this.#next) !== undefined) {
      this.#next = undefined;
      await this.#write(this.#writing);
    }
    this.#saving = undefined;
  }

  async #write(moment: Moment): Promise<void> {
    let start = performance.now();
    const { state } = moment;
    try {
      const bad = firstNotFinite(this.#fixed.config.model, state);
      if (bad !== undefined) {
        // A loss may be finite for ever where a moment is not.
        throw new TrainingError(`${bad} is not finite any more: the training has diverged.`);
      }
      if (!('id' in this.#run)) {
        const { details, text } = this.#run;
        const { RunFolder } = await import('../store/runs.ts'); // not before there is something to save
        this.#run = await RunFolder.create(details, text);
        start = performance.now(); // once a run
      }
      await this.#run.save({ ...this.#fixed, ...moment });
      this.#savedStep = state.step;
      this.#say({ type: 'kept', id: this.#run.id, step: state.step });
    } catch (error) {
      const message = error instanceof MicrogptError ? error.message : String(error);
      this.#say({ type: 'not-kept', message });
    } finally {
      this.#savedAt = performance.now();
      this.#saveAfter = Math.max(SAVE_INTERVAL, SAVE_SHARE * (this.#savedAt - start));
    }
  }
}
