// The losses of a run of any length in bounded memory, as the curve needs them.

/** Some consecutive steps. */
export interface Bucket {
  /** Of the last one, from 1. */
  step: number;
  low: number;
  high: number;
  /** At the last one. */
  smoothed: number;
}

/** More than a wide screen has columns. */
const MAX_BUCKETS = 4096;

/** One bucket a step, until there are too many: then neighbours are merged, again and again. */
export class LossHistory {
  #buckets: Bucket[] = [];
  /** Steps in a bucket; the last one may have fewer. */
  #width = 1;
  #inLast = 0;

  get buckets(): readonly Bucket[] {
    return this.#buckets;
  }

  push(step: number, loss: number, smoothed: number): void {
    const last = this.#buckets.at(-1);
    if (last !== undefined && this.#inLast < this.#width) {
      merge(last, { step, low: loss, high: loss, smoothed });
      this.#inLast++;
      return;
    }
    if (this.#buckets.length === MAX_BUCKETS) this.#halve();
    this.#buckets.push({ step, low: loss, high: loss, smoothed });
    this.#inLast = 1;
  }

  /** Forgets the steps after `step`: they will come again. A bucket that holds both goes too. */
  cut(step: number): void {
    while ((this.#buckets.at(-1)?.step ?? 0) > step) this.#buckets.pop();
    this.#inLast = this.#width;
  }

  /** Their number is even when this is called. */
  #halve(): void {
    const halved: Bucket[] = [];
    for (let i = 0; i < this.#buckets.length; i += 2) {
      merge(this.#buckets[i], this.#buckets[i + 1]);
      halved.push(this.#buckets[i]);
    }
    this.#buckets = halved;
    this.#width *= 2;
  }
}

function merge(bucket: Bucket, next: Bucket): void {
  bucket.step = next.step;
  bucket.low = Math.min(bucket.low, next.low);
  bucket.high = Math.max(bucket.high, next.high);
  bucket.smoothed = next.smoothed;
}
