// What must hold on every engine. Each engine's test file calls `engineCases` with how to make it and how
// close it must come to the recorded runs of microgpt.py and to the oracle.

import { describe, expect, test } from 'vitest';
import type { Engine, EngineSpec, FloatArray } from '../../src/engine/engine.ts';
import { countParameters, parameterSpecs } from '../../src/model/parameters.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { DEFAULT_TRAINING } from '../../src/model/config.ts';
import { tokenizeDocuments } from '../../src/data/tokenizer.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import type { PreparedRun } from '../../src/train/prepare.ts';
import { sampleDocument } from '../../src/train/sampler.ts';
import { largestDifference, relativeError } from '../../src/verify/check.ts';
import { ConfigError } from '../../src/util/errors.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { loadGolden, namesDocuments, prepareGolden } from '../support/golden.ts';

export interface Bars {
  /** Largest difference of any loss from the recorded or the oracle's, absolute. */
  readonly loss: number;
  /** Largest ‖Δ‖ / ‖reference‖ of any tensor's gradient. */
  readonly gradient: number;
}

type Create = (spec: EngineSpec) => Promise<Engine>;

/** A recorded run of microgpt.py: test/support/golden.ts. `names` has 1,000 steps. */
type Recorded = 'l2' | 'wide' | 'clip' | 'names';
const RECORDED: readonly Recorded[] = ['l2', 'wide', 'clip', 'names'];

/** All there are, with all recorded runs unless told. */
export function engineCases(name: string, create: Create, bars: Bars, recorded = RECORDED): void {
  if (recorded.length > 0) recordedCases(name, create, bars, recorded);
  const withEngine = user(create);

  describe(`${name} with clipped gradients`, () => {
    test('60 steps of the oracle, every second one clipped, in widths that share no factor with a tile', async () => {
      const { spec, losses, parameters } = await clippedRun();
      await withEngine(spec, async (engine) => {
        const parts = [await engine.advance(7), await engine.advance(53)].flatMap((x) => [...x]);
        expect(largestDifference(parts, losses)).toBeLessThanOrEqual(bars.loss);
        expectTensors(spec, await engine.parameters(), tensorsOf(spec, parameters), bars.gradient);
      });
    });

    test('gradients() gives the whole gradient, Adam gets one as long as the clip', async () => {
      const clip = 1e-3;
      const { spec: whole } = await clippedRun();
      const spec = { ...whole, training: { ...whole.training, clip } };
      const reference = await createOracleEngine(whole).gradients();
      await withEngine(spec, async (engine) => {
        const { gradients } = await engine.gradients();
        expectTensors(spec, gradients, tensorsOf(spec, reference.gradients), bars.gradient);
        await engine.advance(1);
        const { m } = await engine.state();
        const scale = ((1 - spec.training.beta1) * clip) / Math.hypot(...reference.gradients);
        const expected = Float64Array.from(reference.gradients, (g) => scale * g);
        expectTensors(spec, m, tensorsOf(spec, expected), bars.gradient);
        await engine.advance(1);
        expect((await engine.gradients()).losses).not.toEqual(reference.losses);
      });
    });

    test('a norm that is no finite number shows in the next loss', async () => {
      const { spec } = await clippedRun();
      await withEngine(spec, async (engine) => {
        // Logits so far apart that the loss is a number, and the square of a gradient is none.
        const parameters = Float64Array.from(spec.parameters);
        const { offset, size } = parameterSpecs(spec.model).find((part) => part.name === 'lm_head')!;
        const factor = engine.info.precision === 'f64' ? 1e200 : 1e25;
        for (let i = offset; i < offset + size; i++) parameters[i] *= factor;
        const zeros = new Float64Array(parameters.length);
        await engine.load({ step: 0, parameters, m: zeros, v: zeros });
        const losses = await engine.advance(2);
        // The oracle takes the logarithm of a softmax, as microgpt.py does: of 0 here.
        if (engine.info.engine !== 'oracle') expect(Number.isFinite(losses[0])).toBe(true);
        expect(losses[1]).toBeNaN();
      });
    });

    test('two runs give the same bits, and so does going on from a state', async () => {
      const { spec } = await clippedRun();
      const [a, b] = await Promise.all([create(spec), create(spec)]);
      const whole = await a.advance(30);
      await b.advance(11);
      const state = await b.state();
      await b.advance(5);
      await b.load(state);
      expect(await b.advance(19)).toEqual(whole.slice(11));
      expect(await b.state()).toEqual(await a.state());
      a.dispose();
      b.dispose();
    });
  });

  describe(`${name} against the oracle`, () => {
    test.each(CONFIGS)('$title', async (config) => {
      const { spec, reference, losses } = await oracleRun(config);
      const { steps } = config;
      await withEngine(spec, async (engine) => {
        const {
          gradients,
          losses: [loss],
        } = await engine.gradients();
        expect(Math.abs(loss - reference.losses[0])).toBeLessThanOrEqual(bars.loss);
        expectTensors(spec, gradients, tensorsOf(spec, reference.gradients), bars.gradient);
        expect(largestDifference(await engine.advance(steps), losses)).toBeLessThanOrEqual(bars.loss);
      });
    });
  });

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

/** The recorded runs of microgpt.py alone. */
export function recordedCases(name: string, create: Create, bars: Bars, recorded = RECORDED): void {
  const withEngine = user(create);

  describe(`${name} against recorded runs of microgpt.py`, () => {
    for (const which of (['l2', 'wide'] as const).filter((one) => recorded.includes(one))) {
      test(`${which}: losses, first gradients, final parameters, samples`, async () => {
        const golden = loadGolden(which);
        const { spec, tokenizer, random } = prepareGolden(golden);
        await withEngine(spec, async (engine) => {
          const first = await engine.gradients();
          expectTensors(spec, first.gradients, golden.firstGradients, bars.gradient);
          const losses = await engine.advance(golden.losses.length);
          expect(largestDifference(losses, golden.losses)).toBeLessThanOrEqual(bars.loss);
          expect(first.losses).toEqual(losses.slice(0, 1));
          // 30 steps of Adam carry a gradient's rounding into the parameters about as it is.
          expectTensors(spec, await engine.parameters(), golden.finalParameters, bars.gradient);
          expect(await sampleNames(engine, { tokenizer, spec, random }, golden.temperature)).toEqual(
            golden.samples,
          );
        });
      });
    }

    const runs = [
      ['names', 'all 1,000 losses and the 20 names'],
      ['clip', '60 steps, every second one clipped: losses and the 20 names'],
    ] as const;
    test.each(runs.filter(([which]) => recorded.includes(which)))('%s: %s', async (which) => {
      const golden = loadGolden(which);
      const { spec, tokenizer, random } = prepareGolden(golden);
      await withEngine(spec, async (engine) => {
        const losses = await engine.advance(golden.losses.length);
        expect(largestDifference(losses, golden.losses)).toBeLessThanOrEqual(bars.loss);
        expect(await sampleNames(engine, { tokenizer, spec, random }, golden.temperature)).toEqual(
          golden.samples,
        );
      });
    });
  });
}

/** Makes an engine for the length of a function. */
function user(create: Create) {
  return async <T>(spec: EngineSpec, use: (engine: Engine) => Promise<T>): Promise<T> => {
    const engine = await create(spec);
    try {
      return await use(engine);
    } finally {
      engine.dispose();
    }
  };
}

/** The oracle is slow, so these take few steps; the recorded runs take many. Configurations that share no factor with any tile, in scripts of one, two and four UTF-8 bytes. */
const CONFIGS = [
  {
    title: '3 layers, 20 wide, 5 heads, block 7, batch 4, Greek, Chinese and emoji',
    documents: ['ἀλφάβητος', '你好世界', '🦊🐍🦊', 'ж', 'данные и текст', 'a', 'ΩΩΩΩΩΩΩΩΩΩΩΩΩΩΩ'],
    model: { nLayer: 3, nEmbd: 20, nHead: 5, blockSize: 7 },
    batchSize: 4,
    steps: 8,
  },
  {
    title: '1 layer, 33 wide, 1 head, block 70, batch 2, sentences',
    documents: [
      'the quick brown fox jumps over the lazy dog and runs into the woods, where it is dark and quiet',
      'pack my box with five dozen liquor jugs',
      'how vexingly quick daft zebras jump!',
    ],
    model: { nLayer: 1, nEmbd: 33, nHead: 1, blockSize: 70 },
    batchSize: 2,
    steps: 2,
  },
  {
    title: '4 layers, 12 wide, 6 heads, block 3, batch 9 of 5 documents',
    documents: ['ab', 'ba', 'abba', 'b', 'aaaa'],
    model: { nLayer: 4, nEmbd: 12, nHead: 6, blockSize: 3 },
    batchSize: 9,
    steps: 8,
  },
];

/** First gradients and losses of a configuration by the oracle; made once. */
function oracleRun(config: Config): Promise<OracleRun> {
  const made = oracleRuns.get(config) ?? makeOracleRun(config);
  oracleRuns.set(config, made);
  return made;
}

type Config = (typeof CONFIGS)[number];
interface OracleRun {
  readonly spec: EngineSpec;
  readonly reference: { readonly losses: Float64Array; readonly gradients: FloatArray };
  readonly losses: Float64Array;
}
const oracleRuns = new Map<Config, Promise<OracleRun>>();

async function makeOracleRun({ documents, model, batchSize, steps }: Config): Promise<OracleRun> {
  const training = { ...DEFAULT_TRAINING, batchSize, steps: steps + 5, seed: 11 };
  const { spec } = prepareRun({ documents, model, training });
  const oracle = createOracleEngine(spec);
  return { spec, reference: await oracle.gradients(), losses: await oracle.advance(steps) };
}

/** 60 steps of the oracle with a clip that every second gradient is longer than; made once. */
async function clippedRun(): Promise<ClippedRun> {
  clipped ??= makeClippedRun();
  return clipped;
}

interface ClippedRun {
  readonly spec: EngineSpec;
  readonly losses: Float64Array;
  /** After the last step. */
  readonly parameters: FloatArray;
}
let clipped: Promise<ClippedRun> | undefined;

async function makeClippedRun(): Promise<ClippedRun> {
  const { spec } = prepareRun({
    documents: ['ab', 'bab', 'abcab', 'b', 'aacaba', 'cabac', 'bbbbb'],
    model: { nLayer: 2, nEmbd: 9, nHead: 3, blockSize: 6 },
    training: { ...DEFAULT_TRAINING, batchSize: 2, steps: 70, clip: 2.1 },
  });
  const oracle = createOracleEngine(spec);
  const losses = new Float64Array(60);
  let bitten = 0;
  for (let step = 0; step < losses.length; step++) {
    if (Math.hypot(...(await oracle.gradients()).gradients) > spec.training.clip) bitten++;
    losses[step] = (await oracle.advance(1))[0];
  }
  expect(bitten).toBeGreaterThan(20);
  expect(bitten).toBeLessThan(40);
  return { spec, losses, parameters: await oracle.parameters() };
}

function tensorsOf(spec: EngineSpec, flat: ArrayLike<number>): Map<string, Float64Array> {
  return new Map(
    parameterSpecs(spec.model).map(({ name, offset, size }) => {
      return [name, Float64Array.from({ length: size }, (_, i) => flat[offset + i])];
    }),
  );
}

function expectTensors(
  spec: EngineSpec,
  got: ArrayLike<number>,
  reference: ReadonlyMap<string, Float64Array>,
  bar: number,
): void {
  for (const [name, values] of tensorsOf(spec, got)) {
    expect(relativeError(values, reference.get(name)!), name).toBeLessThanOrEqual(bar);
  }
}

async function sampleNames(engine: Engine, run: PreparedRun, temperature: number): Promise<string[]> {
  const names: string[] = [];
  // A copy: other engines' tests go on from the same place of the stream.
  const random = new PythonRandom(0);
  random.setState(run.random.getState());
  const options = { temperature, blockSize: run.spec.model.blockSize };
  while (names.length < 20) names.push(await sampleDocument(engine, run.tokenizer, random, options));
  return names;
}
