// How many steps to queue between two readbacks. The time until the losses are back is work plus latency, and the latency is
// between less than a millisecond and the 100 ms after which Firefox polls its GPU. More steps lengthen only the work, so the
// latency is measured separately, and the batch size is chosen by the work alone.

import { RING_LENGTH } from '../model/plans.ts';

/** The longest that a batch should take, in milliseconds: half the time after which operating systems reset a GPU. */
const LIMIT_MS = 1000;
/** A batch has at most this many times the steps of the one before it, so that one odd measurement does no harm. */
const GROWTH = 4;
/** Weight of a measurement relative to the next one. */
const MEMORY = 0.8;
/** A batch takes this many times the latency, so that the GPU works on the next one while the last is read back. */
const COVER = 1.25;
/** Batches in flight at a time. */
const DEPTH = 2;
/** Readbacks timed to measure the latency, after a first one that also waits for uploads. */
const PROBES = 3;
/** After this many readbacks in a row that take less, the latency is lowered to the longest of them. */
const SOONER = 4;

export class Pace {
  readonly #targetMs: number;
  #steps = 1;
  #latency: number | undefined;
  /** Milliseconds per step of the last DEPTH batches, which may be answered together. */
  #stepMs: readonly number[] = [];
  /** Milliseconds that the last batches took that were queued with nothing before them. */
  #answers: readonly number[] = [];
  /** Decaying sums over the batches: milliseconds of work, and steps. */
  #work = 0;
  #done = 0;

  /** `targetMs`: how long a batch should compute. */
  constructor(targetMs: number) {
    this.#targetMs = targetMs;
  }

  /** Milliseconds that a readback adds to the work; 0 before it is measured. */
  get latency(): number {
    return this.#latency ?? 0;
  }

  /** The most milliseconds that a step took recently, latency included; undefined before the first. */
  get stepMs(): number | undefined {
    return this.#stepMs.length === 0 ? undefined : Math.max(...this.#stepMs);
  }

  /** Measures the latency, once: `idle` reads back from an idle device. */
  async measureLatency(idle: () => Promise<unknown>): Promise<void> {
    if (this.#latency !== undefined) return;
    await idle();
    let longest = 0; // a polling browser may happen to answer sooner
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

  /** Learns that `steps` took `ms`: if they were `queued` behind another batch, counted from the end of that one. */
  learn(steps: number, ms: number, queued = false): void {
    this.#stepMs = [...this.#stepMs, ms / steps].slice(-DEPTH);
    if (ms > LIMIT_MS) {
      // The GPU has become slow, or was held up once: queue fewer steps, and keep this out of the averages.
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
 * Runs `k` steps in batches of at most RING_LENGTH, and passes the result of each to `take` with its number of steps. `run` must
 * queue a batch before it waits for anything: the next batch is queued before the last one is read.
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
        result.catch(() => undefined); // a failure is reported by whichever batch is awaited first
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
    await Promise.allSettled(queue.map(({ result }) => result)); // the next call uses the same readback buffers
  }
}
