// How many steps are on the queue between two readbacks. Of the time until losses are back, some is work and some is the wait for
// the answer: from less than a millisecond to the 100 that pass between two looks of a browser at its GPU. More steps make only
// the work longer, so the wait is measured on its own, and the pace aims at the work.

import { RING_LENGTH } from '../model/gpt.ts';

/** No batch should take longer, in milliseconds: half of what operating systems wait before they reset a GPU. */
const LIMIT_MS = 1000;
/** A batch has at most so many times the steps of the one before it, so that one odd measurement does no harm. */
const GROWTH = 4;
/** What a measurement counts beside the next one. */
const MEMORY = 0.8;
/** The next batch runs while one waits for the answer to the last, if it is longer than that wait. */
const COVER = 1.25;
/** Batches on the queue at a time. */
const DEPTH = 2;
/** Answers that are timed, after one that also waits for what was uploaded. */
const PROBES = 3;
/** If so many answers in a row come sooner, the latency is less than it was taken for. */
const SOONER = 4;

export class Pace {
  readonly #targetMs: number;
  #steps = 1;
  #latency: number | undefined;
  /** Milliseconds of a step in the last batches, of as many as may be answered together. */
  #stepMs: readonly number[] = [];
  /** Milliseconds that the last answers took that were waited for with nothing else on the queue. */
  #answers: readonly number[] = [];
  /** Decaying sums over the batches. */
  #work = 0;
  #done = 0;

  /** `targetMs`: how long the work of a batch should take. */
  constructor(targetMs: number) {
    this.#targetMs = targetMs;
  }

  /** Milliseconds that an answer takes beyond the work; 0 before it is measured. */
  get latency(): number {
    return this.#latency ?? 0;
  }

  /** Milliseconds that a step took at most of late, the wait for the answer included; undefined before the first. */
  get stepMs(): number | undefined {
    return this.#stepMs.length === 0 ? undefined : Math.max(...this.#stepMs);
  }

  /** Measures the latency, once: `idle` waits for an answer of a device that has nothing to do. */
  async measureLatency(idle: () => Promise<unknown>): Promise<void> {
    if (this.#latency !== undefined) return;
    await idle();
    let longest = 0; // where answers come by the clock, some come sooner by chance
    for (let i = 0; i < PROBES; i++) {
      const start = performance.now();
      await idle();
      longest = Math.max(longest, performance.now() - start);
    }
    this.#latency = longest;
  }

  /** Steps to launch next, at most `wanted`. */
  next(wanted: number): number {
    return Math.min(wanted, this.#steps);
  }

  /** Learns that `steps` took `ms`; since the answer to the batch before them where they were `queued` behind it. */
  learn(steps: number, ms: number, queued = false): void {
    this.#stepMs = [...this.#stepMs, ms / steps].slice(-DEPTH);
    if (ms > LIMIT_MS) {
      // The GPU has become slow, or something else was in the way once: be careful, and learn nothing from it.
      this.#steps = Math.max(1, Math.floor((this.#targetMs * steps) / ms));
      return;
    }
    if (!queued) {
      this.#answers = [...this.#answers, ms].slice(-SOONER);
      if (this.#answers.length === SOONER) this.#latency = Math.min(this.latency, Math.max(...this.#answers));
    }
    this.#work = MEMORY * this.#work + (queued ? ms : Math.max(0, ms - this.latency));
    this.#done = MEMORY * this.#done + steps;
    const target = Math.max(this.#targetMs, COVER * this.latency);
    const fits = (target * this.#done) / Math.max(this.#work, 1e-3);
    const most = Math.min(GROWTH * Math.max(steps, this.#steps), (LIMIT_MS * steps) / Math.max(ms, 1e-3));
    this.#steps = Math.max(1, Math.floor(Math.min(fits, most)));
  }
}

/**
 * Runs `k` steps in batches of at most RING_LENGTH, and hands the result of each to `take` with its number of steps. `run` puts a
 * batch on the queue before it waits for anything; the next one is there before the answer to the last.
 */
export async function inBatches<T>(
  k: number,
  pace: Pace,
  run: (steps: number) => Promise<T>,
  take: (result: T, done: number, steps: number) => void,
): Promise<void> {
  const queue: { steps: number; begun: number; result: Promise<T> }[] = [];
  let queued = 0;
  let answered = -Infinity;
  try {
    for (let done = 0; done < k;) {
      while (queued < k && queue.length < DEPTH) {
        const steps = pace.next(Math.min(k - queued, RING_LENGTH));
        const begun = performance.now();
        const result = run(steps);
        result.catch(() => undefined); // whoever waits for the batch before it is told
        queue.push({ steps, begun, result });
        queued += steps;
      }
      const { steps, begun, result } = queue[0];
      const losses = await result;
      queue.shift();
      const now = performance.now();
      pace.learn(steps, now - Math.max(begun, answered), begun < answered);
      answered = now;
      take(losses, done, steps);
      done += steps;
    }
  } finally {
    await Promise.allSettled(queue.map(({ result }) => result)); // whose buffers the next call uses
  }
}
