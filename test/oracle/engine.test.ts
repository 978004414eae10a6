import { describe, expect, it } from 'vitest';
import type { EngineSpec } from '../../src/engine/engine.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { createCache, createParameters, gpt } from '../../src/oracle/gpt.ts';
import { ConfigError } from '../../src/util/errors.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { freshState, randomSpec, SMALL_MODEL } from './random-spec.ts';

describe('gradients', () => {
  it.each([
    ['2 layers, odd widths, batch 3', randomSpec(1, SMALL_MODEL, { batchSize: 3 })],
    ['1 head as wide as the model, batch 2', randomSpec(2, { ...SMALL_MODEL, nHead: 1 }, { batchSize: 2 })],
    ['1 channel per head, block 1', randomSpec(3, { ...SMALL_MODEL, nHead: 6, blockSize: 1 })],
    ['1 channel, 3 layers', randomSpec(4, { ...SMALL_MODEL, nLayer: 3, nEmbd: 1, nHead: 1 })],
  ])('agree with central differences: %s', async (_, spec) => {
    const engine = createOracleEngine(spec);
    const { gradients } = await engine.gradients();
    const random = new PythonRandom(5);
    const h = 1e-5;
    for (const { name, offset, size } of parameterSpecs(spec.model)) {
      for (let repeat = 0; repeat < 3; repeat++) {
        const direction = Float64Array.from({ length: size }, () => random.gauss(0, 1));
        const lossAt = async (distance: number) => {
          const parameters = Float64Array.from(spec.parameters);
          for (let i = 0; i < size; i++) parameters[offset + i] += distance * direction[i];
          await engine.load(freshState(spec.model, parameters));
          return (await engine.gradients()).losses[0];
        };
        const difference = ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
        const derivative = direction.reduce((sum, d, i) => sum + d * gradients[offset + i], 0);
        // 1e-7: the difference is wrong by about h² times a third derivative, and by rounding / h.
        expect(Math.abs(derivative - difference), name).toBeLessThan(
          1e-7 * Math.max(1, Math.abs(difference)),
        );
      }
    }
  });

  it('train nothing', async () => {
    const spec = randomSpec(6, SMALL_MODEL, { batchSize: 2 });
    const [plain, asked] = [createOracleEngine(spec), createOracleEngine(spec)];
    const first = await asked.gradients();
    expect(await asked.gradients()).toEqual(first);
    expect(await asked.parameters()).toEqual(spec.parameters);
    const losses = await asked.advance(4);
    expect(losses.slice(0, 1)).toEqual(first.losses);
    await asked.gradients();
    expect([...losses, ...(await asked.advance(4))]).toEqual([...(await plain.advance(8))]);
    expect(await asked.state()).toEqual(await plain.state());
  });
});

describe('advance', () => {
  it('takes document s·B + b mod N at step s, and the mean over the documents', async () => {
    const spec = randomSpec(7, SMALL_MODEL, { batchSize: 3, learningRate: 0 }, 4);
    const losses = await createOracleEngine(spec).advance(5);
    const single: number[] = [];
    for (let d = 0; d < spec.documents.count; d++) {
      single.push((await createOracleEngine(onlyDocument(spec, d)).gradients()).losses[0]);
    }
    for (let s = 0; s < 5; s++) {
      const mean = (single[(3 * s) % 4] + single[(3 * s + 1) % 4] + single[(3 * s + 2) % 4]) / 3;
      expect(Math.abs(losses[s] - mean)).toBeLessThan(1e-15 * mean * 4); // a few roundings
    }
  });

  it('cuts a document at block_size', async () => {
    const model = { ...SMALL_MODEL, blockSize: 3 };
    const spec = randomSpec(8, model);
    const long = withTokens(spec, [6, 0, 1, 2, 3, 4, 6]);
    const cut = withTokens(spec, [6, 0, 1, 2]); // three predictions, as many as fit
    const longer = await createOracleEngine(long).gradients();
    expect(longer).toEqual(await createOracleEngine(cut).gradients());
  });

  it('lowers the learning rate to 0: the last step still moves, by lr / steps', async () => {
    const spec = randomSpec(9, SMALL_MODEL, { steps: 2, beta1: 0, beta2: 0, learningRate: 0.25 }, 1);
    const engine = createOracleEngine(spec);
    // Without memory Adam moves every parameter by the rate, against the sign of its gradient.
    for (const rate of [0.25, 0.125]) {
      const before = await engine.parameters();
      const { gradients } = await engine.gradients();
      await engine.advance(1);
      const after = await engine.parameters();
      const moved = [...gradients.keys()].filter((i) => Math.abs(gradients[i]) > 1e-3);
      expect(moved.length).toBeGreaterThan(10);
      for (const i of moved) {
        expect(before[i] - after[i]).toBeCloseTo(rate * Math.sign(gradients[i]), 4); // eps 1e-8 / 1e-3
      }
    }
    await expect(engine.advance(1)).rejects.toThrow(ConfigError);
  });

  it('lets other work run in between', async () => {
    const engine = createOracleEngine(randomSpec(10, SMALL_MODEL, { steps: 1_000_000 }));
    await engine.advance(200); // compiled from here on
    const start = performance.now();
    await engine.advance(100);
    const stepTime = (performance.now() - start) / 100;
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await engine.advance(Math.ceil(500 / stepTime)); // about half a second
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  }, 60_000);

  it('gives the same bits from f32 parameters as from the same numbers in f64', async () => {
    const spec = randomSpec(11);
    const parameters = Float32Array.from(spec.parameters);
    const narrow = createOracleEngine({ ...spec, parameters });
    const wide = createOracleEngine({ ...spec, parameters: Float64Array.from(parameters) });
    expect(await narrow.advance(3)).toEqual(await wide.advance(3));
    expect(await narrow.parameters()).toBeInstanceOf(Float64Array);
  });
});

describe('state and load', () => {
  it('go on with the same bits in another engine', async () => {
    const spec = randomSpec(12, SMALL_MODEL, { batchSize: 2 });
    const whole = createOracleEngine(spec);
    const all = await whole.advance(10);
    const first = createOracleEngine(spec);
    await first.advance(4);
    const saved = await first.state();
    expect(saved.step).toBe(4);
    const second = createOracleEngine({ ...spec, parameters: new Float64Array(spec.parameters.length) });
    await second.load(saved);
    expect(await second.advance(6)).toEqual(all.slice(4));
    expect(await second.state()).toEqual(await whole.state());
  });

  it('are copies', async () => {
    const spec = randomSpec(13);
    const engine = createOracleEngine(spec);
    await engine.advance(2);
    const saved = await engine.state();
    const kept = structuredClone(saved);
    await engine.advance(1);
    expect(saved).toEqual(kept);
    await engine.load(saved);
    for (const array of [saved.parameters, saved.m, saved.v]) array.fill(0);
    expect(await engine.state()).toEqual(kept);
  });

  it('empty the KV cache', async () => {
    const engine = createOracleEngine(randomSpec(14));
    const first = await engine.prefill([6]);
    await engine.decode(1);
    await engine.load(await engine.state());
    expect(await engine.decode(6)).toEqual(first);
  });
});

describe('prefill and decode', () => {
  it("give the training forward's logits, bit for bit, however the tokens are split", async () => {
    const spec = randomSpec(15, { ...SMALL_MODEL, blockSize: 8 });
    const tokens = [6, 0, 3, 3, 1, 5, 2, 4];
    const expected = trainingLogits(spec, tokens);
    for (let split = 1; split <= tokens.length; split++) {
      const engine = createOracleEngine(spec);
      expect(await engine.prefill(tokens.slice(0, split))).toEqual(expected[split - 1]);
      for (let i = split; i < tokens.length; i++) expect(await engine.decode(tokens[i])).toEqual(expected[i]);
    }
  });

  it('a second prefill forgets the first', async () => {
    const engine = createOracleEngine(randomSpec(16));
    const first = await engine.prefill([6, 1, 2]);
    await engine.prefill([3, 3, 3, 3]);
    expect(await engine.prefill([6, 1, 2])).toEqual(first);
  });

  it('have probabilities that make the loss', async () => {
    const spec = onlyDocument(randomSpec(17), 0);
    const [start, end] = [spec.documents.offsets[0], spec.documents.offsets[1]];
    const tokens = [...spec.documents.tokens.subarray(start, end)].slice(0, spec.model.blockSize + 1);
    const engine = createOracleEngine(spec);
    const { losses } = await engine.gradients();
    let total = 0;
    for (let i = 0; i + 1 < tokens.length; i++) {
      const logits = [...(await (i === 0 ? engine.prefill([tokens[0]]) : engine.decode(tokens[i])))];
      total += Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0)) - logits[tokens[i + 1]];
    }
    expect(total / (tokens.length - 1)).toBeCloseTo(losses[0], 13);
  });

  it('do not disturb training', async () => {
    const spec = randomSpec(18);
    const [plain, sampled] = [createOracleEngine(spec), createOracleEngine(spec)];
    await plain.advance(6);
    await sampled.advance(3);
    await sampled.prefill([6, 2]);
    await sampled.decode(3);
    await sampled.advance(3);
    expect(await sampled.state()).toEqual(await plain.state());
  });
});

describe('wrong arguments', () => {
  const spec = randomSpec(19, SMALL_MODEL, { steps: 3 });

  it.each([0, -1, 1.5, NaN, Infinity])('advance(%s)', async (k) => {
    const engine = createOracleEngine(spec);
    await expect(engine.advance(k)).rejects.toThrow(ConfigError);
    expect((await engine.state()).step).toBe(0);
  });

  it('more steps than the run has: nothing is done', async () => {
    const engine = createOracleEngine(spec);
    await engine.advance(2);
    await expect(engine.advance(2)).rejects.toThrow(/at most 1\b/);
    expect((await engine.state()).step).toBe(2);
    await engine.advance(1);
  });

  it.each([
    ['no token', []],
    ['a token beyond the vocabulary', [6, 7]],
    ['a negative token', [-1]],
    ['a broken token', [0.5]],
    ['more tokens than the block', [6, 0, 0, 0, 0, 0]],
  ])('prefill of %s leaves the cache as it was', async (_, tokens) => {
    const engine = createOracleEngine(spec);
    await engine.prefill([6, 1]);
    const reference = await engine.decode(2);
    await engine.prefill([6, 1]);
    await expect(engine.prefill(tokens)).rejects.toThrow(ConfigError);
    expect(await engine.decode(2)).toEqual(reference);
  });

  it('decode beyond the block or the vocabulary', async () => {
    const engine = createOracleEngine(spec);
    await engine.prefill([6, 0, 1, 2]);
    await expect(engine.decode(7)).rejects.toThrow(ConfigError);
    await engine.decode(3);
    await expect(engine.decode(0)).rejects.toThrow(/block_size 5/);
  });

  it('a state of another model', async () => {
    const engine = createOracleEngine(spec);
    const state = await engine.state();
    await expect(engine.load({ ...state, m: state.m.slice(1) })).rejects.toThrow(/state\.m: expected/);
    await expect(engine.load({ ...state, step: -1 })).rejects.toThrow(ConfigError);
    expect(await engine.state()).toEqual(state);
  });

  it('a specification that does not fit together', () => {
    const { model, training } = spec;
    const { tokens, offsets } = spec.documents;
    const wrong: Partial<EngineSpec>[] = [
      { model: { ...model, nHead: 4 } },
      { training: { ...training, batchSize: 0 } },
      { parameters: spec.parameters.slice(1) },
      { documents: { count: 0, tokens: new Uint32Array(0), offsets: new Uint32Array(1) } },
      { documents: { ...spec.documents, count: 3 } },
      { documents: { ...spec.documents, tokens: tokens.map((t) => t + 1) } },
      { documents: { count: 1, tokens: tokens.subarray(0, 1), offsets: Uint32Array.of(0, 1) } },
      { documents: { ...spec.documents, offsets: offsets.map((o) => o + 1) } },
    ];
    expect(() => createOracleEngine(spec)).not.toThrow();
    for (const change of wrong) expect(() => createOracleEngine({ ...spec, ...change })).toThrow(ConfigError);
  });

  it('a document whose graph the memory would not hold: the process would end without a word of ours', () => {
    const wide = randomSpec(7, { ...SMALL_MODEL, nLayer: 4, nEmbd: 1200, nHead: 1 }, { batchSize: 1 });
    expect(() => createOracleEngine(wide)).toThrow(
      /^oracle: expected at most 16777216 numbers for a document, got \d+: .* Use the cpu engine/,
    );
    const narrow = randomSpec(7, { ...SMALL_MODEL, nEmbd: 120, nHead: 1 }, { batchSize: 1 });
    expect(() => createOracleEngine(narrow)).not.toThrow();
  });

  it('use after dispose', async () => {
    const engine = createOracleEngine(spec);
    const state = await engine.state();
    engine.dispose();
    engine.dispose();
    const uses = [
      engine.advance(1),
      engine.gradients(),
      engine.parameters(),
      engine.state(),
      engine.load(state),
      engine.prefill([6]),
      engine.decode(6),
    ];
    for (const use of uses) await expect(use).rejects.toThrow(/dispose/);
  });
});

/** The logits (V) after each of `tokens`, all in one graph, as training computes them. */
function trainingLogits(spec: EngineSpec, tokens: readonly number[]): Float64Array[] {
  const parameters = createParameters(spec.model, spec.parameters);
  const [keys, values] = [createCache(spec.model), createCache(spec.model)];
  return tokens.map((token, position) =>
    Float64Array.from(gpt(spec.model, parameters, token, position, keys, values), (logit) => logit.data),
  );
}

function withTokens(spec: EngineSpec, tokens: readonly number[]): EngineSpec {
  const documents = { count: 1, tokens: Uint32Array.from(tokens), offsets: Uint32Array.of(0, tokens.length) };
  return { ...spec, documents };
}

function onlyDocument(spec: EngineSpec, d: number): EngineSpec {
  const { tokens, offsets } = spec.documents;
  const only = withTokens(spec, [...tokens.subarray(offsets[d], offsets[d + 1])]);
  return { ...only, training: { ...spec.training, batchSize: 1 } };
}
