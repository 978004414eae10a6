// Recorded runs of microgpt.py, on every engine.

import { describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import type { PreparedRun } from '../../src/train/prepare.ts';
import { sampleDocument } from '../../src/train/sampler.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { largestDifference } from '../../src/verify/check.ts';
import { loadGolden, prepareGolden } from '../support/golden.ts';
import { expectTensors, user, type Bars, type Create } from './cases.ts';

/** A recorded run: test/support/golden.ts. `names` has 1,000 steps. */
export type Recorded = 'l2' | 'wide' | 'clip' | 'names';
const RECORDED: readonly Recorded[] = ['l2', 'wide', 'clip', 'names'];

export function recordedCases(name: string, create: Create, bars: Bars, recorded = RECORDED): void {
  if (recorded.length === 0) return;
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

async function sampleNames(engine: Engine, run: PreparedRun, temperature: number): Promise<string[]> {
  const names: string[] = [];
  // A copy: other engines' tests go on from the same place of the stream.
  const random = new PythonRandom(0);
  random.setState(run.random.getState());
  const options = { temperature, blockSize: run.spec.model.blockSize };
  while (names.length < 20) names.push(await sampleDocument(engine, run.tokenizer, random, options));
  return names;
}
