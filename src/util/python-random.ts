// CPython's `random.Random`: the Mersenne Twister (MT19937) and the parts of the random module that
// microgpt.py uses. The same seed gives the same shuffle, the same initial parameters and the same
// samples as Python 3.11. All of it is exact integer arithmetic except gauss, whose log, sin and cos
// are the JavaScript engine's: they may differ from the C library's in the last bit.
//
// Sources: Modules/_randommodule.c and Lib/random.py of CPython 3.11; Matsumoto & Nishimura 1998.

import { CheckpointError, ConfigError, MicrogptError } from './errors.ts';

const N = 624; // words of state
const M = 397; // distance of the recurrence
const MATRIX_A = 0x9908b0df;
const UPPER_MASK = 0x80000000;
const LOWER_MASK = 0x7fffffff;

/** All that determines the numbers to come, as in Python's `random.getstate()`. */
export interface RandomState {
  /** The 624 words of the generator. */
  readonly mt: Uint32Array;
  /** The next word to use, 0 … 624; at 624 the generator makes 624 new ones. */
  readonly index: number;
  /** The second number of the pair that gauss makes, if it is still to be used. */
  readonly gaussNext: number | null;
}

export class PythonRandom {
  #mt = new Uint32Array(N);
  #index = N;
  #gaussNext: number | null = null;

  /** `random.seed(seed)`. A seed beyond 2^53 - 1 in size must be a bigint. The sign is ignored, as in Python. */
  constructor(seed: number | bigint) {
    if (typeof seed === 'number' && !Number.isSafeInteger(seed)) {
      throw new ConfigError(
        `seed: expected an integer of at most 2^53 - 1 in size, got ${seed}. Larger seeds must be a bigint.`,
      );
    }
    seedByArray(this.#mt, words(BigInt(seed)));
  }

  /** A number in [0, 1) with 53 random bits. */
  random(): number {
    const high = this.#next() >>> 5; // 27 bits
    const low = this.#next() >>> 6; // 26 bits
    return (high * 67108864 + low) / 9007199254740992; // (high · 2^26 + low) / 2^53
  }

  /** Goes on as if `random()` had been called `count` times. */
  skip(count: number): void {
    this.#index += 2 * count; // two words each
    while (this.#index > N) {
      twist(this.#mt);
      this.#index -= N;
    }
  }

  /** An integer of k random bits, k = 0 … 53 (more would not be exact in a number). */
  getrandbits(k: number): number {
    if (!Number.isInteger(k) || k < 0 || k > 53) {
      throw new RangeError(`getrandbits: expected a whole number of bits from 0 to 53, got ${k}`);
    }
    if (k === 0) return 0;
    if (k <= 32) return this.#next() >>> (32 - k);
    const low = this.#next(); // Python fills from the low word up and cuts the last one
    return (this.#next() >>> (64 - k)) * 4294967296 + low;
  }

  /** A normally distributed number of mean mu and standard deviation sigma. Box-Muller makes two at once. */
  gauss(mu: number, sigma: number): number {
    let z = this.#gaussNext;
    this.#gaussNext = null;
    if (z === null) {
      const angle = this.random() * (2 * Math.PI);
      const radius = Math.sqrt(-2 * Math.log(1 - this.random()));
      z = Math.cos(angle) * radius;
      this.#gaussNext = Math.sin(angle) * radius;
    }
    return mu + z * sigma;
  }

  /** Shuffles `x` in place. */
  shuffle<T>(x: T[]): void {
    for (let i = x.length - 1; i >= 1; i--) {
      const j = this.#below(i + 1);
      const swapped = x[i];
      x[i] = x[j];
      x[j] = swapped;
    }
  }

  /**
   * An index drawn with the given relative weights, none negative:
   * `random.choices(range(n), weights)[0]`. Throws MicrogptError unless their total is positive and finite.
   */
  choices(weights: ArrayLike<number>): number {
    const sums = cumulative(weights);
    return bisectRight(sums, this.random() * sums[sums.length - 1], sums.length - 1);
  }

  /** A copy of the state. */
  getState(): RandomState {
    return { mt: this.#mt.slice(), index: this.#index, gaussNext: this.#gaussNext };
  }

  /** Goes on from `state`. Throws CheckpointError where it is not one that `getState` could have given. */
  setState(state: RandomState): void {
    const { mt, index, gaussNext } = state;
    if (mt.length !== N || !Number.isInteger(index) || index < 0 || index > N) {
      throw new CheckpointError(
        `state of the random numbers: expected ${N} words and an index from 0 to ${N}, ` +
          `got ${mt.length} words and index ${index}.`,
      );
    }
    if (gaussNext !== null && !Number.isFinite(gaussNext)) {
      throw new CheckpointError(
        `state of the random numbers: expected gaussNext to be null or a finite number, got ${gaussNext}.`,
      );
    }
    this.#mt.set(mt);
    this.#index = index;
    this.#gaussNext = gaussNext;
  }

  /** A uniform integer in [0, n), n < 2^32: draws as many bits as n has until they make less than n. */
  #below(n: number): number {
    const shift = Math.clz32(n);
    let r = this.#next() >>> shift;
    while (r >= n) r = this.#next() >>> shift;
    return r;
  }

  /** The next 32 random bits, as an unsigned number. */
  #next(): number {
    if (this.#index >= N) {
      twist(this.#mt);
      this.#index = 0;
    }
    let y = this.#mt[this.#index++];
    y ^= y >>> 11; // tempering
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }
}

/** The index that `random.choices(range(n), weights)` gives where its call of `random()` gives `uniform`. */
export function chooseIndex(weights: ArrayLike<number>, uniform: number): number {
  const sums = cumulative(weights);
  return bisectRight(sums, uniform * sums[sums.length - 1], sums.length - 1);
}

/** The sums of the first 1, 2, … n weights. Throws MicrogptError unless that of all is positive and finite. */
function cumulative(weights: ArrayLike<number>): Float64Array {
  const n = weights.length;
  const sums = new Float64Array(n);
  let total = 0;
  for (let i = 0; i < n; i++) {
    total += weights[i];
    sums[i] = total;
  }
  if (!(total > 0 && total < Infinity)) {
    throw new MicrogptError(
      `choices: expected ${n} weights with a positive, finite total, got a total of ${total}. ` +
        'If they come from a model, its weights are too large or damaged: train it again, with a smaller learning rate.',
    );
  }
  return sums;
}

/** Replaces the 624 words of state by the next 624 (genrand_uint32's first half). */
function twist(mt: Uint32Array): void {
  let i = 0;
  for (; i < N - M; i++) mt[i] = mt[i + M] ^ mixed(mt[i], mt[i + 1]);
  for (; i < N - 1; i++) mt[i] = mt[i + M - N] ^ mixed(mt[i], mt[i + 1]);
  mt[i] = mt[M - 1] ^ mixed(mt[i], mt[0]);
}

function mixed(high: number, low: number): number {
  const y = (high & UPPER_MASK) | (low & LOWER_MASK);
  return (y >>> 1) ^ (-(y & 1) & MATRIX_A);
}

/** init_by_array: spreads a key of any length over the state. */
function seedByArray(mt: Uint32Array, key: readonly number[]): void {
  mt[0] = 19650218;
  for (let i = 1; i < N; i++) {
    mt[i] = Math.imul(1812433253, mt[i - 1] ^ (mt[i - 1] >>> 30)) + i;
  }
  let i = 1;
  let j = 0;
  for (let k = Math.max(N, key.length); k > 0; k--) {
    mt[i] = (mt[i] ^ Math.imul(mt[i - 1] ^ (mt[i - 1] >>> 30), 1664525)) + key[j] + j;
    if (++i >= N) {
      mt[0] = mt[N - 1];
      i = 1;
    }
    if (++j >= key.length) j = 0;
  }
  for (let k = N - 1; k > 0; k--) {
    mt[i] = (mt[i] ^ Math.imul(mt[i - 1] ^ (mt[i - 1] >>> 30), 1566083941)) - i;
    if (++i >= N) {
      mt[0] = mt[N - 1];
      i = 1;
    }
  }
  mt[0] = UPPER_MASK; // never all zero
}

/** The size of `seed` as 32-bit words, lowest first; at least one. */
function words(seed: bigint): number[] {
  const key: number[] = [];
  let rest = seed < 0n ? -seed : seed;
  do {
    key.push(Number(rest & 0xffffffffn));
    rest >>= 32n;
  } while (rest > 0n);
  return key;
}

/** The first index at or below `last` whose value is above `x`, `last` if there is none. */
function bisectRight(sorted: Float64Array, x: number, last: number): number {
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (x < sorted[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}
