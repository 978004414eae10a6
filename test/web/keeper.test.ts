// When a run in the page is saved: on a clock of the test's own, with a storage that answers some turns later.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { createTokenizer } from '../../src/data/tokenizer.ts';
import { DEFAULT_MODEL, DEFAULT_SAMPLING, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { countParameters } from '../../src/model/parameters.ts';
import { turn } from '../../src/util/turns.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { RunKeeper } from '../../src/web/worker/keeper.ts';

const model = { ...DEFAULT_MODEL, vocabSize: 3 };
const fixed = {
  config: {
    model,
    training: { ...DEFAULT_TRAINING, steps: 1e6 },
    data: { source: 'text', documents: 1, sha256: '' },
    engine: { name: 'cpu' as const },
    sampling: DEFAULT_SAMPLING,
  },
  tokenizer: createTokenizer(['ab']),
  random: new PythonRandom(1).getState(),
};

describe('a run that is kept', () => {
  afterEach(() => vi.restoreAllMocks());

  /** Trains for `seconds` in chunks of 50 ms; storing takes `turns`, each of a millisecond where nothing else computes. Gives when. */
  async function savings(seconds: number, turns: number): Promise<number[]> {
    let now = 0;
    let computing = false;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const saved: number[] = [];
    const folder = {
      id: 'x',
      release() {},
      async save() {
        for (let i = 0; i < turns; i++) {
          await turn();
          if (!computing) now += 1;
        }
      },
    };
    const run = folder as unknown as ConstructorParameters<typeof RunKeeper>[0];
    const keeper = new RunKeeper(run, fixed, { step: 0, losses: [] }, ({ type }) => {
      if (type === 'kept') saved.push(now / 1000);
    });
    const zeros = new Float32Array(countParameters(model));
    for (let step = 1; now < 1000 * seconds; step++) {
      computing = true;
      await turn(); // a chunk, after which the event loop has a turn
      now += 50;
      computing = false;
      keeper.add(step - 1, Float64Array.of(3), 3);
      if (keeper.due) await keeper.save({ step, parameters: zeros, m: zeros, v: zeros });
    }
    return saved;
  }

  it('is saved every two seconds, however many turns that takes', async () => {
    const gaps = differences(await savings(15, 12));
    expect(gaps.length).toBeGreaterThanOrEqual(6);
    for (const gap of gaps) expect(gap).toBeLessThan(2.1);
  });

  it('is saved the more seldom the longer it takes: for a twentieth of the time', async () => {
    const gaps = differences(await savings(15, 150));
    expect(gaps.length).toBeGreaterThan(2);
    for (const gap of gaps) expect(gap).toBeCloseTo(20 * 0.15 + 0.15, 0);
  });
});

function differences(times: readonly number[]): number[] {
  return times.slice(1).map((time, i) => time - times[i]);
}
