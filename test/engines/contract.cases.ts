// What src/engine/engine.ts promises, on every engine.

import { describe, expect, test } from 'vitest';
import { tokenizeDocuments } from '../../src/data/tokenizer.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { countParameters } from '../../src/model/parameters.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError } from '../../src/util/errors.ts';
import { largestDifference } from '../../src/verify/check.ts';
import { namesDocuments } from '../support/golden.ts';
import { user, type Bars, type Create } from './cases.ts';

export function contractCases(name: string, create: Create, bars: Bars): void {
  const withEngine = user(create);

  describe(`${name} as an engine`, () => {
    const prepared = () =>
      prepareRun({
        documents: namesDocuments().slice(0, 200),
        model: { nLayer: 2, nEmbd: 12, nHead: 3, blockSize: 9 },
        training: { ...DEFAULT_TRAINING, batchSize: 3, steps: 60 },
      });

    test('two runs give the same bits, however the steps are cut', async () => {
      const { spec } = prepared();
      const [a, b] = await Promise.all([create(spec), create(spec)]);
      const whole = await a.advance(40);
      const parts = [await b.advance(1), await b.advance(7), await b.advance(32)].flatMap((x) => [...x]);
      expect(parts).toEqual([...whole]);
      expect(await b.parameters()).toEqual(await a.parameters());
      a.dispose();
      b.dispose();
    });

    test('gradients() trains nothing', async () => {
      const { spec } = prepared();
      await withEngine(spec, async (engine) => {
        await engine.advance(5);
        const before = await engine.state();
        const { losses } = await engine.gradients();
        expect(await engine.state()).toEqual(before);
        expect(await engine.advance(1)).toEqual(losses);
      });
    });

    test('evaluate() gives the loss of each of other documents, and trains nothing', async () => {
      const { spec, tokenizer } = prepared();
      // More rows than are taken at a time, documents of one letter and of more than the block holds.
      const names = namesDocuments().slice(200, 400);
      const documents = tokenizeDocuments(tokenizer, ['a', 'maximiliana', ...names]);
      await withEngine(spec, async (engine) => {
        await engine.advance(5);
        const before = await engine.state();
        const oracle = createOracleEngine(spec);
        await oracle.load(before);
        const reference = await oracle.evaluate(documents);
        const logits = await engine.prefill([0, 1]);
        const losses = await engine.evaluate(documents);
        expect(losses).toHaveLength(documents.count);
        expect(largestDifference(losses, reference)).toBeLessThanOrEqual(bars.loss);
        expect(await engine.evaluate(documents)).toEqual(losses);
        expect(await engine.state()).toEqual(before);
        expect(await engine.decode(2)).toHaveLength(logits.length);
        // The mean over the next step's own documents is its loss.
        const { batchSize: B } = spec.training;
        const from = spec.documents.offsets[5 * B];
        const offsets = spec.documents.offsets.slice(5 * B, 6 * B + 1).map((offset) => offset - from);
        const tokens = spec.documents.tokens.slice(from, from + offsets[B]);
        const next = await engine.evaluate({ count: B, offsets, tokens });
        const mean = next.reduce((sum, x) => sum + x, 0) / B;
        expect(Math.abs((await engine.advance(1))[0] - mean)).toBeLessThanOrEqual(bars.loss);
        const { vocabSize } = spec.model;
        const foreign = { count: 1, offsets: Uint32Array.of(0, 2), tokens: Uint32Array.of(0, vocabSize) };
        await expect(engine.evaluate(foreign)).rejects.toThrow(
          `expected tokens below vocab_size ${vocabSize}`,
        );
      });
    });

    test('load(state()) goes on with the same bits in another engine', async () => {
      const { spec } = prepared();
      const first = await create(spec);
      await first.advance(17);
      const state = await first.state();
      expect(state.step).toBe(17);
      const losses = await first.advance(20);
      await withEngine({ ...spec, parameters: new Float64Array(spec.parameters.length) }, async (second) => {
        await second.load(state);
        expect(await second.advance(20)).toEqual(losses);
        expect(await second.state()).toEqual(await first.state());
      });
      first.dispose();
    });

    test('prefill and decode give the same logits, and those of the training loss', async () => {
      const { spec, tokenizer } = prepared();
      await withEngine(spec, async (engine) => {
        await engine.advance(10);
        const tokens = [tokenizer.bos, ...tokenizer.encode('anna')];
        const whole = await engine.prefill(tokens);
        let stepwise = await engine.prefill(tokens.slice(0, 1));
        for (const token of tokens.slice(1)) stepwise = await engine.decode(token);
        expect(stepwise).toEqual(whole);
        expect(whole).toHaveLength(spec.model.vocabSize);
      });
    });

    test('training empties the KV cache', async () => {
      const { spec } = prepared();
      await withEngine(spec, async (engine) => {
        await engine.advance(1);
        const alone = await engine.prefill([3]);
        await engine.prefill([5, 1, 2]);
        await engine.load(await engine.state());
        expect(await engine.decode(3)).toEqual(alone);
        await engine.advance(1);
        await engine.decode(3);
        for (let i = 1; i < spec.model.blockSize; i++) await engine.decode(3);
        await expect(engine.decode(3)).rejects.toThrow(/block_size/);
      });
    });

    test('the loss of a document is the mean surprise that decoding it gives', async () => {
      const { spec, tokenizer } = prepared();
      const text = 'elisabeta'; // longer than the block: the last token is cut off
      const tokens = [tokenizer.bos, ...tokenizer.encode(text), tokenizer.bos];
      const one = {
        ...spec,
        training: { ...spec.training, batchSize: 1 },
        documents: {
          count: 1,
          tokens: Uint32Array.from(tokens),
          offsets: Uint32Array.from([0, tokens.length]),
        },
      };
      await withEngine(one, async (engine) => {
        const n = Math.min(spec.model.blockSize, tokens.length - 1);
        let surprise = 0;
        for (let t = 0; t < n; t++) {
          const logits = t === 0 ? await engine.prefill([tokens[0]]) : await engine.decode(tokens[t]);
          const largest = Math.max(...logits);
          const total = [...logits].reduce((sum, x) => sum + Math.exp(x - largest), 0);
          surprise += Math.log(total) + largest - logits[tokens[t + 1]];
        }
        const { losses } = await engine.gradients();
        expect(Math.abs(surprise / n - losses[0])).toBeLessThanOrEqual(bars.loss);
      });
    });

    test('wrong arguments are refused and change nothing', async () => {
      const { spec } = prepared();
      await withEngine(spec, async (engine) => {
        const before = await engine.state();
        for (const k of [0, -1, 1.5, Number.NaN, 61])
          await expect(engine.advance(k)).rejects.toThrow(ConfigError);
        await expect(engine.prefill([])).rejects.toThrow(ConfigError);
        await expect(engine.prefill([spec.model.vocabSize])).rejects.toThrow(ConfigError);
        await expect(engine.prefill(Array.from({ length: 10 }, () => 0))).rejects.toThrow(ConfigError);
        await expect(engine.load({ ...before, m: new Float32Array(3) })).rejects.toThrow(ConfigError);
        await engine.prefill(Array.from({ length: 9 }, () => 0));
        await expect(engine.decode(0)).rejects.toThrow(/block_size 9/);
        expect(await engine.state()).toEqual(before);
      });
      const short = { ...spec, parameters: new Float64Array(countParameters(spec.model) - 1) };
      await expect((async () => create(short))()).rejects.toThrow(ConfigError);
    });

    test('after dispose it says so', async () => {
      const engine = await create(prepared().spec);
      engine.dispose();
      engine.dispose();
      await expect(engine.advance(1)).rejects.toThrow(/dispose/);
    });
  });
}
