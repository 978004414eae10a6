// Gradients that are clipped, on every engine.

import { describe, expect, test } from 'vitest';
import type { EngineSpec, FloatArray } from '../../src/engine/engine.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { largestDifference } from '../../src/verify/check.ts';
import { expectTensors, tensorsOf, user, type Bars, type Create } from './cases.ts';

export function clipCases(name: string, create: Create, bars: Bars): void {
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
