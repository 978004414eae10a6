import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckpointError, ConfigError, MicrogptError } from '../../src/util/errors.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { type GoldenState, type RandomCall, loadGoldenRandom } from '../support/golden.ts';

const golden = loadGoldenRandom();

// 4 ulp: log, sin, cos and sqrt are each within 1 ulp of the C library's.
const GAUSS_TOLERANCE = 4 * Number.EPSILON;

function expectGauss(actual: number, expected: number, mu: number): void {
  const size = Math.abs(mu) + Math.abs(expected - mu); // of the terms of mu + z · sigma
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(GAUSS_TOLERANCE * size);
}

function expectState(random: PythonRandom, expected: GoldenState): void {
  const { mt, index, gaussNext } = random.getState();
  expect(index).toBe(expected.index);
  expect(sha256(mt)).toBe(expected.mtSha256);
  if (gaussNext === null || expected.gaussNext === null) expect(gaussNext).toBe(expected.gaussNext);
  else expectGauss(gaussNext, expected.gaussNext, 0);
}

/** Of the words' little-endian bytes, whatever this machine's order. */
function sha256(words: ArrayLike<number>): string {
  const bytes = new DataView(new ArrayBuffer(words.length * 4));
  for (let i = 0; i < words.length; i++) bytes.setUint32(i * 4, words[i], true);
  return createHash('sha256').update(bytes).digest('hex');
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

describe('PythonRandom gives what CPython gives', () => {
  it.each(golden.streams)('seed $seed', (stream) => {
    const random = new PythonRandom(BigInt(stream.seed));
    expectState(random, stream.seeded);
    expect(stream.random.map(() => random.random())).toEqual(stream.random);
    for (const [bits, value] of stream.getrandbits)
      expect([bits, random.getrandbits(bits)]).toEqual([bits, value]);
    const x = range(stream.shuffle.length);
    random.shuffle(x);
    expect(x).toEqual(stream.shuffle);
    for (const value of stream.gauss) expectGauss(random.gauss(0, 0.08), value, 0);
    expect(stream.choices.map(() => random.choices([0.5, 0, 3, 1e-3, 2]))).toEqual(stream.choices);
    expectState(random, stream.end);
  });

  it.each(golden.longStreams)('$words words from seed $seed', ({ seed, words, sha256: expected, then }) => {
    const random = new PythonRandom(BigInt(seed));
    expect(sha256(Uint32Array.from({ length: words }, () => random.getrandbits(32)))).toBe(expected);
    expect(random.random()).toBe(then);
  });

  it.each(golden.longShuffles)(
    'a shuffle of $count from seed $seed',
    ({ seed, count, sha256: expected, then }) => {
      const random = new PythonRandom(BigInt(seed));
      const x = range(count);
      random.shuffle(x);
      expect(sha256(x)).toBe(expected);
      expect(random.random()).toBe(then);
    },
  );

  it.each(golden.longGauss)('$count normal numbers from seed $seed', (run) => {
    const random = new PythonRandom(BigInt(run.seed));
    for (let i = 0; i < run.count; i++) {
      const value = random.gauss(run.mu, run.sigma);
      if (i % run.every === 0) expectGauss(value, run.values[i / run.every], run.mu);
    }
    expect(random.random()).toBe(run.then);
  });

  it.each(golden.interleaved)('calls of all kinds from seed $seed', ({ seed, calls, end }) => {
    const random = new PythonRandom(BigInt(seed));
    for (const call of calls) expectCall(random, call);
    expectState(random, end);
  });
});

function expectCall(random: PythonRandom, [name, argument, expected]: RandomCall): void {
  switch (name) {
    case 'random':
      expect(random.random()).toBe(expected);
      break;
    case 'getrandbits':
      expect(random.getrandbits(argument)).toBe(expected);
      break;
    case 'gauss':
      expectGauss(random.gauss(argument[0], argument[1]), expected, argument[0]);
      break;
    case 'shuffle': {
      const x = range(argument);
      random.shuffle(x);
      expect(x).toEqual(expected);
      break;
    }
    case 'choices':
      expect(random.choices(argument)).toBe(expected);
      break;
  }
}

describe('seeds', () => {
  it('may be a number or a bigint', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (seed) => {
        expect(new PythonRandom(seed).getState()).toEqual(new PythonRandom(BigInt(seed)).getState());
        expect(new PythonRandom(-seed).getState()).toEqual(new PythonRandom(seed).getState());
      }),
      { numRuns: 30 },
    );
  });

  it.each([NaN, Infinity, 0.5, 2 ** 53])('of %s is an error', (seed) => {
    expect(() => new PythonRandom(seed)).toThrow(ConfigError);
    expect(() => new PythonRandom(seed)).toThrow(`got ${seed}`);
  });
});

describe('skip', () => {
  it('leaves the state that so many calls of random leave', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.nat(1300), fc.nat(1500), (seed, words, count) => {
        const [skipped, drawn] = [new PythonRandom(seed), new PythonRandom(seed)];
        for (const random of [skipped, drawn]) for (let i = 0; i < words; i++) random.getrandbits(32);
        skipped.skip(count);
        for (let i = 0; i < count; i++) drawn.random();
        expect(skipped.getState()).toEqual(drawn.getState());
      }),
      { numRuns: 50 },
    );
  });
});

describe('getState and setState', () => {
  it('go on where they were, from any point of the stream', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.nat(1300), fc.nat(3), (seed, words, gausses) => {
        const random = new PythonRandom(seed);
        for (let i = 0; i < words; i++) random.getrandbits(32);
        for (let i = 0; i < gausses; i++) random.gauss(0, 1);
        const state = random.getState();
        const other = new PythonRandom(0);
        other.gauss(0, 1); // leaves a second number that must not survive
        other.setState(state);
        const next = (r: PythonRandom) => [r.gauss(1, 2), ...range(700).map(() => r.random()), r.gauss(0, 1)];
        const expected = next(random);
        expect(next(other)).toEqual(expected);
        other.setState(state); // neither generator has changed it
        expect(next(other)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  const good = new PythonRandom(1).getState();
  it.each([
    ['words', { ...good, mt: good.mt.slice(1) }, '623 words'],
    ['index', { ...good, index: 625 }, 'index 625'],
    ['index', { ...good, index: -1 }, 'index -1'],
    ['index', { ...good, index: 1.5 }, 'index 1.5'],
    ['gaussNext', { ...good, gaussNext: NaN }, 'got NaN'],
  ])('refuse a damaged state: %s', (_, state, message) => {
    const random = new PythonRandom(5);
    const before = random.getState();
    expect(() => random.setState(state)).toThrow(CheckpointError);
    expect(() => random.setState(state)).toThrow(message);
    expect(random.getState()).toEqual(before);
  });
});

describe('random and getrandbits', () => {
  it('stay in their range', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 53 }), (seed, bits) => {
        const random = new PythonRandom(seed);
        for (let i = 0; i < 50; i++) {
          const x = random.random();
          expect(x >= 0 && x < 1).toBe(true);
          const n = random.getrandbits(bits);
          expect(Number.isInteger(n) && n >= 0 && n < 2 ** bits).toBe(true);
        }
      }),
    );
  });

  it.each([-1, 54, 1.5, NaN])('getrandbits(%s) is an error', (bits) => {
    expect(() => new PythonRandom(0).getrandbits(bits)).toThrow(RangeError);
  });
});

describe('shuffle', () => {
  it('permutes', () => {
    fc.assert(
      fc.property(fc.integer(), fc.uniqueArray(fc.string()), (seed, x) => {
        const shuffled = [...x];
        new PythonRandom(seed).shuffle(shuffled);
        expect(shuffled.toSorted()).toEqual(x.toSorted());
      }),
    );
  });
});

describe('choices', () => {
  it('draws an index of positive weight, in proportion whatever the scale', () => {
    const weight = fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 1e3, noNaN: true }));
    fc.assert(
      fc.property(fc.integer(), fc.array(weight, { minLength: 1, maxLength: 50 }), (seed, weights) => {
        fc.pre(weights.some((w) => w > 0));
        const i = new PythonRandom(seed).choices(weights);
        expect(weights[i]).toBeGreaterThan(0);
        const scaled = Float64Array.from(weights, (w) => w * 2 ** -40); // exact
        expect(new PythonRandom(seed).choices(scaled)).toBe(i);
      }),
    );
  });

  it('draws the last index where rounding leaves no room for another', () => {
    // random() · 5e-324 rounds to 0 or to the total itself, which no sum is above: Python takes the last index.
    const random = new PythonRandom(42);
    expect(range(20).map(() => random.choices([0, 5e-324]))).toEqual(range(20).map(() => 1));
    const python = [1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1];
    expect(python.map(() => random.choices([5e-324, 0]))).toEqual(python);
  });

  it.each([
    ['none', []],
    ['zeros', [0, 0]],
    ['a negative total', [1, -3]],
    ['NaN', [1, NaN, 1]],
    ['Infinity', [1, Infinity]],
    ['an overflow', [1e308, 1e308]],
  ])('refuses weights whose total is not positive and finite: %s', (_, weights) => {
    const random = new PythonRandom(0);
    const before = random.getState();
    expect(() => random.choices(weights)).toThrow(MicrogptError);
    expect(() => random.choices(weights)).toThrow('positive, finite total');
    expect(random.getState()).toEqual(before);
  });
});
