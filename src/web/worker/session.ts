// One run from its first step to its last sample: trains while the page wants it, previews, answers, recovers.

import { DEFAULT_SAMPLING } from '../../config/config.ts';
import { countCopies } from '../../data/text-use.ts';
import { metricsStride } from '../../train/metrics-file.ts';
import { ProgressMeter, type Progress } from '../../train/progress.ts';
import { sampleDocument } from '../../train/sampler.ts';
import type { DoneRecord } from '../../train/records.ts';
import { TrainingError } from '../../train/finite.ts';
import { train, type TrainChunk } from '../../train/trainer.ts';
import { DeviceError } from '../../util/errors.ts';
import { PythonRandom } from '../../util/python-random.ts';
import type { PhaseMessage, Post, ProgressMessage } from '../messages.ts';
import type { Begun } from './begin.ts';
import { errorMessage } from './errors.ts';
import { learningRateAt } from '../../config/schedule.ts';
import type { RunKeeper } from './keeper.ts';
import type { LiveRun } from './live-run.ts';
import type { Orders } from './orders.ts';

/** Milliseconds between two reports: 20 a second look continuous, and a press is answered in time. */
const REPORT_INTERVAL = 50;
/** Previews, the one before the training included. */
const PREVIEWS = 10;
const PREVIEW_TEXTS = 4;
/** Characters of one: a long context must not keep the training waiting. */
const PREVIEW_LENGTH = 40;

/** Samples after the training, whatever a run that was brought in was begun with. */
const SAMPLES = DEFAULT_SAMPLING.samples;

export class Session {
  #live: LiveRun;
  #keeper: RunKeeper | undefined;
  #sampling: Begun['sampling'];
  #orders: Orders;
  #post: Post;
  #phase: PhaseMessage['phase'] = 'preparing';
  #loss = NaN;
  /** Steps between two previews, and the step of the last one. */
  #previewEvery: number;
  #previewed = -1;
  #samples: string[] = [];
  /** What goes on while the training stands still. */
  #saving: Promise<void> | undefined;
  // Speeds are those of the training: its clock stands still in pauses, previews and answers.
  #away = 0;
  #meter: ProgressMeter;

  constructor({ live, keeper, sampling, losses }: Begun, orders: Orders, post: Post) {
    this.#live = live;
    this.#keeper = keeper;
    this.#sampling = sampling;
    this.#orders = orders;
    this.#post = post;
    this.#previewEvery = Math.ceil(live.spec.training.steps / PREVIEWS);
    this.#meter = new ProgressMeter(live.spec, () => performance.now() - this.#away);
    if (losses.length > 0) this.#recall(losses);
  }

  async train(): Promise<void> {
    const live = this.#live;
    const { training } = live.spec;
    await this.#offTheClock(() => this.#keepNow());
    await this.#offTheClock(() => this.#previewIfDue());
    while (live.step < training.steps) {
      await this.#offTheClock(() => this.#answerAll());
      const order = this.#orders.take();
      if (order === undefined) {
        await this.#offTheClock(async () => {
          await this.#keepNow();
          this.#enter('paused');
          await this.#orders.next();
        });
        continue;
      }
      this.#enter('training');
      await this.#offTheClock(async () => this.#saving);
      await this.#trainOn(order);
    }
    await this.#keepNow();
  }

  /** Until another order comes, or the last step is done. */
  async #trainOn(order: 'step' | 'go'): Promise<void> {
    const live = this.#live;
    const { signal, pace } = this.#orders;
    const single = order === 'step' || pace > 0; // an interval of 0 asks for single steps
    const options = {
      from: live.step,
      every: this.#previewEvery,
      signal,
      interval: single ? 0 : REPORT_INTERVAL,
    };
    let due = performance.now();
    for await (const chunk of train(live.engine, live.spec.training, options)) {
      this.#report(chunk);
      await this.#offTheClock(() => this.#keep());
      await this.#offTheClock(() => this.#previewIfDue());
      await this.#offTheClock(() => this.#answerAll());
      if (order === 'step') return;
      if (pace === 0) continue;
      due = Math.max(due + 1000 / pace, performance.now());
      while (!signal.aborted && performance.now() < due) {
        await this.#orders.wait(due - performance.now());
        await this.#offTheClock(() => this.#answerAll());
      }
    }
  }

  #report({ from, losses }: TrainChunk): void {
    const smoothed = new Float64Array(losses.length);
    let progress = undefined;
    for (let i = 0; i < losses.length; i++) {
      const step = from + i + 1;
      progress = this.#meter.update({ from: step - 1, step, losses: losses.subarray(i, i + 1) });
      smoothed[i] = progress.smoothedLoss;
    }
    if (progress === undefined) return;
    this.#live.step = progress.step;
    this.#loss = progress.loss;
    this.#keeper?.add(from, losses, progress.smoothedLoss);
    this.#post(
      [{ type: 'steps', from, losses: losses.slice(), smoothed }, this.#progressMessage(progress)],
      [smoothed.buffer],
    );
  }

  #progressMessage(progress: Progress): ProgressMessage {
    const { spec, tokenizer } = this.#live;
    const { training, documents } = spec;
    const d = ((progress.step - 1) * training.batchSize) % documents.count;
    const tokens = documents.tokens.subarray(documents.offsets[d], documents.offsets[d + 1]);
    return {
      type: 'progress',
      ...progress,
      learningRate: learningRateAt(training, progress.step - 1),
      document: tokenizer.decode([...tokens]),
    };
  }

  /** Shows what an opened run did before. */
  #recall(losses: ArrayLike<number>): void {
    const { spec, step } = this.#live;
    const { steps } = spec.training;
    const smoothed = this.#meter.recall(losses);
    this.#loss = losses[losses.length - 1];
    const [loss, smoothedLoss] = [this.#loss, smoothed[smoothed.length - 1]];
    const standing = { stepsPerSecond: 0, tokensPerSecond: 0, secondsLeft: step < steps ? Infinity : 0 };
    this.#post([
      { type: 'steps', from: 0, stride: metricsStride(steps), losses: Float64Array.from(losses), smoothed },
      this.#progressMessage({ step, steps, loss, smoothedLoss, ...standing }),
    ]);
  }

  /** Copies the state now and then, and saves it when that is due. */
  async #keep(): Promise<void> {
    const due = this.#keeper?.due === true;
    await this.#live.keep(due);
    if (due) await this.#save();
  }

  /** Copies the state and saves it. Only the next step waits for that. */
  async #keepNow(): Promise<void> {
    await this.#live.keep(true);
    this.#saving = this.#save();
  }

  async #save(): Promise<void> {
    const { kept } = this.#live;
    if (kept !== undefined) await this.#keeper?.save(kept);
  }

  async #previewIfDue(): Promise<void> {
    const { engine, spec, tokenizer, random, step } = this.#live;
    if (step % this.#previewEvery !== 0 || step === spec.training.steps || step <= this.#previewed) return;
    this.#previewed = step;
    // The numbers that the samples at the end will draw, every time: what changes is the model.
    const dice = new PythonRandom(0);
    dice.setState(random.getState());
    const options = {
      ...this.#sampling,
      blockSize: Math.min(spec.model.blockSize, PREVIEW_LENGTH),
    };
    const texts: string[] = [];
    while (texts.length < PREVIEW_TEXTS) texts.push(await sampleDocument(engine, tokenizer, dice, options));
    this.#post([{ type: 'preview', step, texts }]);
  }

  async sample(): Promise<void> {
    const { engine, spec, tokenizer, random, step } = this.#live;
    this.#enter('sampling');
    const options = { ...this.#sampling, blockSize: spec.model.blockSize };
    while (this.#samples.length < SAMPLES) {
      // A device that is lost in the middle of a sample leaves the stream where the sample began.
      const before = random.getState();
      try {
        const text = await sampleDocument(engine, tokenizer, random, options);
        this.#post([{ type: 'sample', index: this.#samples.push(text), text }]);
      } catch (error) {
        random.setState(before);
        throw error;
      }
      await this.#answerAll();
    }
    await this.#save();
    this.#post([{ type: 'done', step, loss: this.#loss, ...this.#meter.total(), ...this.#verdict() }]);
    this.#enter('done');
  }

  /** What is wrong with the model, and how many of its samples it has by heart. */
  #verdict(): Pick<DoneRecord, 'problem' | 'copies'> {
    const { spec, tokenizer, hasText } = this.#live;
    const { blockSize } = spec.model;
    const { count, tokens, offsets } = spec.documents;
    const problem = this.#meter.problem();
    const said = problem === '' ? {} : { problem };
    if (!hasText) return said;
    const read = Array.from({ length: count }, (_, d) =>
      tokenizer.decode([
        ...tokens.subarray(offsets[d], Math.min(offsets[d + 1], offsets[d] + 1 + blockSize)),
      ]),
    );
    return { ...said, copies: countCopies(this.#samples, read, blockSize) };
  }

  async answerForEver(): Promise<never> {
    for (;;) {
      await this.#answerAll();
      await this.#orders.nextAsk();
    }
  }

  /** Goes on from the last good state after the next `go`. Throws `error` where that cannot be. */
  async recover(error: unknown): Promise<void> {
    const known =
      error instanceof DeviceError || error instanceof TrainingError || error instanceof RangeError;
    if (!known) throw error;
    this.#orders.give('pause');
    if (!(await this.#live.recover(error))) throw error;
    const { step, engine } = this.#live;
    this.#post([{ type: 'interrupted', ...errorMessage(error), step, engine: engine.info }]);
    this.#phase = 'paused'; // which the message says
  }

  async #answerAll(): Promise<void> {
    for (const { id, question } of this.#orders.takeAsks()) {
      try {
        const { answer } = await import('./answers.ts'); // the first load does without
        this.#post([{ type: 'answer', id, answer: await answer(this.#live, question) }]);
      } catch (error) {
        this.#post([{ type: 'answer', id, error: errorMessage(error).message }]);
        if (error instanceof DeviceError) throw error;
      }
    }
  }

  async #offTheClock(work: () => Promise<void>): Promise<void> {
    const start = performance.now();
    await work();
    this.#away += performance.now() - start;
  }

  #enter(phase: PhaseMessage['phase']): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#post([{ type: 'phase', phase }]);
  }
}
