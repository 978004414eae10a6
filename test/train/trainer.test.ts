import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { TrainingError } from '../../src/train/finite.ts';
import { train, type TrainChunk } from '../../src/train/trainer.ts';
import { nextCount } from '../../src/util/turns.ts';
import { DEFAULT_TRAINING, type TrainingConfig } from '../../src/config/config.ts';
import { loadGolden, prepareGolden } from '../support/golden.ts';

const SMALL = { nLayer: 1, nEmbd: 4, nHead: 2, blockSize: 4 };

function smallRun(training: Partial<TrainingConfig>) {
  const config = { ...DEFAULT_TRAINING, ...training };
  const { spec } = prepareRun({ documents: ['anna', 'bea', 'carl'], model: SMALL, training: config });
  return { config, engine: createOracleEngine(spec) };
}

async function collect(chunks: AsyncIterable<TrainChunk>): Promise<TrainChunk[]> {
  const all: TrainChunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

function losses(chunks: readonly TrainChunk[]): number[] {
  return chunks.flatMap((chunk) => [...chunk.losses]);
}

describe('train', () => {
  it("gives microgpt.py's losses in order", async () => {
    const golden = loadGolden('l2');
    const { spec } = prepareGolden(golden);
    const chunks = await collect(train(createOracleEngine(spec), spec.training));
    const all = losses(chunks);
    expect(all).toHaveLength(golden.losses.length);
    for (const [s, loss] of golden.losses.entries()) {
      // 1e-12 relative: exp and log may differ from the C library's in the last bit.
      expect(Math.abs(all[s] - loss) / loss, `step ${s + 1}`).toBeLessThanOrEqual(1e-12);
    }
    let step = 0;
    for (const chunk of chunks) {
      expect(chunk.from).toBe(step);
      step += chunk.losses.length;
      expect(chunk.step).toBe(step);
    }
  });

  it('does not depend on how many steps it asks for at once', async () => {
    const one = smallRun({ steps: 60 });
    const many = smallRun({ steps: 60 });
    const slow = await collect(train(one.engine, one.config, { interval: 0 }));
    const fast = await collect(train(many.engine, many.config, { interval: 1e6 }));
    expect(slow).toHaveLength(60); // one step at a time
    expect(fast).toHaveLength(3); // 1, 8, 51
    expect(losses(fast)).toEqual(losses(slow));
  });

  it('goes on from a saved state to the same bits', async () => {
    const whole = smallRun({ steps: 20 });
    const expected = losses(await collect(train(whole.engine, whole.config)));

    const first = smallRun({ steps: 20 });
    const head = [...(await first.engine.advance(7))];
    const second = smallRun({ steps: 20 });
    await second.engine.load(await first.engine.state());
    const tail = losses(await collect(train(second.engine, second.config, { from: 7 })));
    expect([...head, ...tail]).toEqual(expected);
    expect(await second.engine.state()).toEqual(await whole.engine.state());
  });

  it('stops at a step boundary, with a state that counts every step it yielded', async () => {
    const { engine, config } = smallRun({ steps: 1_000_000 });
    const controller = new AbortController();
    let step = 0;
    for await (const chunk of train(engine, config, { signal: controller.signal, interval: 5 })) {
      step = chunk.step;
      if (step >= 10) controller.abort();
    }
    expect(step).toBeGreaterThanOrEqual(10);
    expect((await engine.state()).step).toBe(step);
  });

  it('sees an abort that comes from a timer while the engine keeps the thread', async () => {
    const { engine, config } = smallRun({ steps: 1_000_000 });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const start = performance.now();
    await collect(train(engine, config, { signal: controller.signal }));
    expect((await engine.state()).step).toBeLessThan(1_000_000);
    expect(performance.now() - start).toBeLessThan(5_000); // 50 ms, and a slow machine
  });

  it('trains nothing where it was aborted before', async () => {
    const { engine, config } = smallRun({ steps: 5 });
    expect(await collect(train(engine, config, { signal: AbortSignal.abort() }))).toEqual([]);
    expect((await engine.state()).step).toBe(0);
  });

  it('yields nothing where every step is done', async () => {
    const { engine, config } = smallRun({ steps: 5 });
    await engine.advance(5);
    expect(await collect(train(engine, config, { from: 5 }))).toEqual([]);
  });

  it('says at which step and learning rate the training diverged, after the steps before it', async () => {
    const { engine, config } = smallRun({ steps: 50, learningRate: 1e155 });
    const seen: number[] = [];
    const run = async () => {
      for await (const chunk of train(engine, config)) seen.push(...chunk.losses);
    };
    await expect(run()).rejects.toThrow(TrainingError);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every(Number.isFinite)).toBe(true);

    const again = smallRun({ steps: 50, learningRate: 1e155 });
    const rate = Number((1e155 * (1 - seen.length / 50)).toPrecision(3));
    await expect(collect(train(again.engine, again.config))).rejects.toThrow(
      `step ${seen.length + 1} of 50: expected a finite loss, got NaN at learning rate ${rate}: ` +
        'the training diverged. Try a smaller learning rate, such as 0.01.',
    );
  });

  it('blames the initial values where the first loss is not finite', async () => {
    const { engine, config } = smallRun({ steps: 5, initScale: 1e308 });
    await expect(collect(train(engine, config))).rejects.toThrow(
      /^step 1 of 5: expected a finite loss, got \S+ before the first update: .* Try a smaller init_scale, such as 0\.08\.$/,
    );
  });

  it('hands on what the engine throws', async () => {
    const { engine, config } = smallRun({ steps: 5 });
    engine.dispose();
    await expect(collect(train(engine, config))).rejects.toThrow('used after dispose');
  });

  it('asks a fast engine for about as many steps as fit into the interval', async () => {
    const { engine, config } = smallRun({ steps: 4000 });
    const asked: number[] = [];
    const watched: Engine = { ...bound(engine), advance: (k) => (asked.push(k), engine.advance(k)) };
    let clock = 0;
    const now = () => clock;
    const timed: Engine = {
      ...watched,
      advance: async (k) => {
        clock += k; // a millisecond a step
        return watched.advance(k);
      },
    };
    await collect(train(timed, config, { now, interval: 100 }));
    expect(asked.slice(0, 5)).toEqual([1, 8, 64, 100, 100]);
    expect(asked.reduce((a, b) => a + b)).toBe(4000);
  });
});

describe('nextCount', () => {
  it.each([
    [1, 200, 1], // slower than the interval: one at a time
    [100, 1000, 10], // became ten times too slow
    [10, 50, 20],
    [10, 0, 80], // too fast for the clock: at most eightfold
  ])('after %d steps in %d ms asks for %d', (count, elapsed, expected) => {
    expect(nextCount(count, elapsed, 100)).toBe(expected);
  });

  it.each([
    [1, 100, 100, 8], // all of it was the wait: at most eightfold
    [64, 164, 100, 390], // 4 times the wait
    [64, 464, 400, 137], // a request should not exceed a second
    [400, 500, 10, 81], // the interval, where the wait is short
  ])(
    'after %d steps in %d ms, of which %d were the wait for an answer, asks for %d',
    (count, elapsed, wait, expected) => {
      expect(nextCount(count, elapsed, 100, count, wait)).toBe(expected);
    },
  );

  it('asks for single steps where the interval is 0, however long the wait', () => {
    expect(nextCount(1, 100, 0, 1, 100)).toBe(1);
  });
});

/** The engine's methods as own properties, so that one can be replaced. */
function bound(engine: Engine): Engine {
  return {
    info: engine.info,
    size: engine.size,
    advance: (k) => engine.advance(k),
    gradients: () => engine.gradients(),
    evaluate: (documents) => engine.evaluate(documents),
    parameters: () => engine.parameters(),
    state: () => engine.state(),
    load: (state) => engine.load(state),
    prefill: (tokens) => engine.prefill(tokens),
    decode: (token) => engine.decode(token),
    dispose: () => engine.dispose(),
  };
}
