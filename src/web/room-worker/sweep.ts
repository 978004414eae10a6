// A population in the page: trains a grid of models, and shows any of them.

import { openCpuEngine } from '../../cpu/engine.ts';
import type { FloatArray } from '../../engine/engine.ts';
import type { ModelSource } from '../../engine/choice.ts';
import { chooseEngines } from '../../engine/choose.ts';
import { prepareRun } from '../../train/prepare.ts';
import { ResilientEngines } from '../../engine/recovery.ts';
import { sampleDocument } from '../../train/sampler.ts';
import { gridPoint } from '../../train/sweep-grid.ts';
import { runSweep, smoothingWindow, sweepSource, type SweepProgress } from '../../train/sweep.ts';
import type { SweepJob } from '../rooms/messages.ts';
import { readSource } from '../worker/source.ts';
import type { PostRoom } from './room-worker.ts';

/** Milliseconds between two messages. */
const INTERVAL = 60;
/** Points of a curve. */
const POINTS = 200;
/** Of the model that is looked at. */
const TEXTS = 12;
/** Bytes of the parameters that are kept of models that were trained. */
const KEPT_BYTES = 2 ** 26;

export class Sweeping {
  readonly #job: SweepJob;
  readonly #documents: readonly string[];
  readonly #source: ModelSource;
  readonly #engines: ResilientEngines;
  readonly #post: PostRoom;
  readonly #losses: Float64Array[];
  readonly #steps: Uint32Array;
  readonly #final: Float64Array;
  readonly #parameters = new Map<number, FloatArray>();
  #looked: { index: number; writing: boolean; texts: readonly string[] | undefined } | undefined;
  #postedAt = 0;

  private constructor(
    job: SweepJob,
    documents: readonly string[],
    source: ModelSource,
    engines: ResilientEngines,
    post: PostRoom,
  ) {
    this.#job = job;
    this.#documents = documents;
    this.#source = source;
    this.#engines = engines;
    this.#post = post;
    this.#losses = Array.from({ length: source.size }, () => new Float64Array(0));
    this.#steps = new Uint32Array(source.size);
    this.#final = new Float64Array(source.size).fill(NaN);
  }

  static async prepare(job: SweepJob, post: PostRoom): Promise<Sweeping> {
    const { settings, axes, engine } = job;
    const { documents } = await readSource(settings.source);
    const source = sweepSource({ documents, model: settings.model, training: settings.training, axes });
    const choice = { engine, gpu: async () => navigator.gpu as GPU | undefined };
    const chosen = await chooseEngines(choice, source);
    const engines = new ResilientEngines(chosen, choice, source, (note) => say(note));
    const say = (note: string) =>
      post({
        type: 'sweeping',
        reason: engines.reason,
        engine: engines.info,
        note,
        parameters: source.member(0).parameters.length,
        chance: Math.log(source.model.vocabSize),
      });
    say('');
    return new Sweeping(job, documents, source, engines, post);
  }

  async run(signal: AbortSignal): Promise<void> {
    const window = smoothingWindow(this.#job.settings.training.steps);
    try {
      const { results, failure } = await runSweep(this.#source, this.#engines, {
        signal,
        onLosses: (first, losses) => {
          for (const [i, own] of losses.entries()) {
            this.#losses[first + i] = own;
            this.#steps[first + i] = own.length;
            this.#final[first + i] = lastMean(own, window);
          }
        },
        onStates: (first, states) => {
          for (const [i, { parameters }] of states.entries()) {
            if (parameters.byteLength * (this.#parameters.size + 1) > KEPT_BYTES) break;
            this.#parameters.set(first + i, parameters);
          }
          void this.#write();
        },
        onProgress: (progress) => this.#report(progress),
      });
      this.#post({ type: 'swept', results, stopped: signal.aborted });
      if (failure !== undefined) throw failure; // what was trained before is shown
    } finally {
      this.#engines.close();
    }
  }

  /** Shows this model from now on. */
  look(index: number): void {
    this.#looked = { index, writing: false, texts: undefined };
    this.#show();
    void this.#write();
  }

  #report(progress: SweepProgress): void {
    const now = performance.now();
    if (now - this.#postedAt < INTERVAL && progress.modelSteps < progress.allModelSteps) return;
    this.#postedAt = now;
    this.#post({ type: 'models', steps: this.#steps, losses: this.#final, progress });
    this.#show();
  }

  #show(): void {
    if (this.#looked === undefined) return;
    const { index, texts } = this.#looked;
    this.#post({ type: 'model', index, ...curveOf(this.#losses[index]), texts });
  }

  /** What the model that is looked at writes, where it is trained: the first samples of a run with its settings. */
  async #write(): Promise<void> {
    const looked = this.#looked;
    if (looked === undefined || looked.writing) return;
    const parameters = this.#parameters.get(looked.index);
    if (parameters === undefined || !Number.isFinite(this.#final[looked.index])) return;
    looked.writing = true;
    const { model, training, sampling } = this.#job.settings;
    const own = { ...training, ...gridPoint(this.#job.axes, looked.index) };
    const { spec, tokenizer, random } = prepareRun({ documents: this.#documents, model, training: own });
    const engine = await openCpuEngine({ ...spec, parameters });
    const texts: string[] = [];
    try {
      const options = { ...sampling, blockSize: model.blockSize };
      while (texts.length < TEXTS) texts.push(await sampleDocument(engine, tokenizer, random, options));
    } finally {
      engine.dispose();
    }
    if (this.#looked !== looked) return; // another one is looked at by now
    looked.texts = texts;
    this.#show();
  }
}

/** Over the last `window` of them, as the final loss; NaN of none. */
function lastMean(losses: Float64Array, window: number): number {
  const last = losses.subarray(-window);
  let sum = 0;
  for (const loss of last) sum += loss;
  return sum / last.length;
}

/** Of the smoothed loss: each older one counts so much less, as in the curve of the page's run. */
const DECAY = 0.98;

/** The smoothed loss at up to `POINTS` steps. */
function curveOf(losses: Float64Array): { steps: Float64Array; losses: Float64Array } {
  const points = Math.min(POINTS, losses.length);
  const steps = new Float64Array(points);
  const smoothed = new Float64Array(points);
  let sum = 0;
  let weight = 0;
  let done = 0;
  for (let i = 0; i < points; i++) {
    const to = Math.floor(((i + 1) * losses.length) / points);
    for (; done < to; done++) {
      sum = sum * DECAY + losses[done];
      weight = weight * DECAY + 1;
    }
    steps[i] = to;
    smoothed[i] = sum / weight;
  }
  return { steps, losses: smoothed };
}
