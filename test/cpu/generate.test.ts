// Drawing documents inside WASM gives the texts, and takes the numbers, that drawing token by token does.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { sampleDocuments } from '../../src/train/sampler.ts';
import type { SampleOptions } from '../../src/train/sampler.ts';
import { ConfigError } from '../../src/util/errors.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { loadGolden, namesDocuments, prepareGolden } from '../support/golden.ts';

const NAMES = namesDocuments().slice(0, 300);
const SCRIPTS = ['ἀλφάβητος', '你好世界', '🦊🐍🦊', 'ж', 'данные и текст', 'a', 'ΩΩΩΩΩΩΩΩΩΩΩΩΩΩΩ'];

/** The same engine, but token by token. */
function withoutGenerate(engine: Engine): Engine {
  const { prefill, decode } = engine;
  return { ...engine, generate: undefined, prefill, decode } as unknown as Engine;
}

async function texts(
  engine: Engine,
  tokenizer: Parameters<typeof sampleDocuments>[1],
  options: SampleOptions,
  count: number,
  seed: number,
) {
  const random = new PythonRandom(seed);
  const all = [];
  for await (const text of sampleDocuments(engine, tokenizer, random, options, count)) all.push(text);
  return { all, next: random.random() };
}

describe('generate', () => {
  test('draws what prefill and decode draw, at random models, temperatures, top-k and prompts', async () => {
    const config = fc.record({
      nLayer: fc.integer({ min: 1, max: 3 }),
      heads: fc.integer({ min: 1, max: 4 }),
      headSize: fc.integer({ min: 1, max: 9 }),
      blockSize: fc.integer({ min: 2, max: 30 }),
      scripts: fc.boolean(),
      steps: fc.integer({ min: 0, max: 60 }),
      // Also so small that f32 could not tell the weights apart, and so large that all weigh the same.
      temperature: fc.oneof(
        fc.double({ min: 0.2, max: 2, noNaN: true }),
        fc.constantFrom(1e-6, 1e-3, 0.01, 100, 1e6),
      ),
      topK: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
      prompt: fc.integer({ min: 0, max: 4 }),
      count: fc.integer({ min: 1, max: 60 }),
      seed: fc.integer({ min: 0, max: 1000 }),
    });
    await fc.assert(
      fc.asyncProperty(config, async (c) => {
        const { nLayer, heads, headSize, blockSize, temperature, topK, count, seed } = c;
        const documents = c.scripts ? SCRIPTS : NAMES;
        const model = { nLayer, nEmbd: heads * headSize, nHead: heads, blockSize };
        const training = { ...DEFAULT_TRAINING, steps: 100, seed };
        const { spec, tokenizer } = prepareRun({ documents, model, training });
        const engine = createCpuEngine(spec, { variant: 'simd' });
        const prompt = [...documents[seed % documents.length]].slice(0, Math.min(c.prompt, blockSize - 1));
        const options: SampleOptions = {
          temperature,
          blockSize: Math.max(prompt.length + 1, blockSize - (seed % 2)),
          prompt: prompt.join(''),
          ...(topK === undefined ? {} : { topK }),
        };
        await texts(engine, tokenizer, options, 3, seed); // with the parameters before: what is kept of them must go
        if (c.steps > 0) await engine.advance(c.steps);
        const fast = await texts(engine, tokenizer, options, count, seed);
        expect(fast).toEqual(await texts(withoutGenerate(engine), tokenizer, options, count, seed));
        engine.dispose();
      }),
      { numRuns: 60 },
    );
  });

  test('keeps nothing of one prompt for another', async () => {
    const golden = loadGolden('names');
    const { spec, tokenizer } = prepareGolden(golden);
    const engine = createCpuEngine(spec, { variant: 'simd' });
    await engine.advance(200);
    for (const prompt of ['', 'a', 'b', 'ab', 'ba', '', 'b']) {
      const options = { temperature: 0.7, blockSize: spec.model.blockSize, prompt };
      const fast = await texts(engine, tokenizer, options, 100, 3);
      expect(fast).toEqual(await texts(withoutGenerate(engine), tokenizer, options, 100, 3));
    }
    engine.dispose();
  });

  test('asks where a number lies at the limit between two tokens, and hardly ever else', async () => {
    const golden = loadGolden('names');
    const { spec, tokenizer } = prepareGolden(golden);
    const engine = createCpuEngine(spec, { variant: 'simd' });
    await engine.advance(1000);
    const { blockSize } = spec.model;
    const random = new PythonRandom(1);
    let asked = 0;
    const generate = (count: number, uniforms: Float64Array) =>
      engine.generate!({
        prefix: [tokenizer.bos],
        count,
        longest: blockSize,
        end: tokenizer.bos,
        temperature: 0.5,
        topK: tokenizer.vocabSize,
        uniforms,
        choose: () => {
          asked++;
          return tokenizer.bos;
        },
      });
    expect(await generate(5, new Float64Array(5 * blockSize))).toEqual([[], [], [], [], []]); // all numbers 0
    expect(asked).toBe(5);
    asked = 0;
    await generate(
      1000,
      Float64Array.from({ length: 1000 * blockSize }, () => random.random()),
    );
    expect(asked).toBeLessThan(60); // of about 6,500
    await expect(generate(2, new Float64Array(blockSize))).rejects.toThrow(ConfigError);
    engine.dispose();
  });

  test.each([NaN, Infinity])('a model with %d in it is said to be too large or damaged', async (bad) => {
    const { spec, tokenizer } = prepareRun({
      documents: NAMES,
      model: { nLayer: 1, nEmbd: 16, nHead: 4, blockSize: 16 },
      training: { ...DEFAULT_TRAINING, steps: 10 },
    });
    const engine = createCpuEngine({ ...spec, parameters: spec.parameters.map(() => bad) });
    await expect(texts(engine, tokenizer, { temperature: 1, blockSize: 16 }, 3, 1)).rejects.toThrow(
      /expected finite numbers, got .* too large or damaged/,
    );
    // and does not spoil what comes after
    const state = await engine.state();
    await engine.load({
      ...state,
      parameters: spec.parameters,
      m: state.m.map(() => 0),
      v: state.v.map(() => 0),
    });
    const fresh = createCpuEngine(spec);
    const options = { temperature: 1, blockSize: 16 };
    expect(await texts(engine, tokenizer, options, 20, 2)).toEqual(
      await texts(fresh, tokenizer, options, 20, 2),
    );
    expect(await engine.advance(3)).toEqual(await fresh.advance(3));
    engine.dispose();
    fresh.dispose();
  });
});
