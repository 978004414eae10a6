import { describe, expect, test } from 'vitest';
import { runReference } from '../../src/graph/reference.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { trainingPlan } from '../../src/model/plans.ts';
import { parameterLayout } from '../../src/model/parameters.ts';
import { attentionQkv } from '../../src/ops/attention-qkv.ts';
import { attentionQkvTiled, attentionTiled } from '../../src/ops/attention-tiled.ts';
import { attention } from '../../src/ops/attention.ts';
import { FUSED, LARGE_SIZES } from '../../src/ops/index.ts';
import { noAdapter } from '../support/device.ts';
import { casesOf, expectParity, problem, tiledCases } from './attention.cases.ts';

describe.skipIf(noAdapter !== '')('attention against f64', () => {
  test.each([1, 70])('tiled: %s documents of one row each', async (count) => {
    const lengths = Array.from({ length: count }, () => 1);
    await expectParity(casesOf(problem(lengths, 2, 4), true), ['dq', 'dk']);
  });

  tiledCases([
    ['a tile exactly', problem([64], 1, 16, 0)],
    ['one row less and one more', problem([63, 65, 1, 31, 33], 2, 12)],
    ['documents of odd lengths over several tiles', problem([5, 131, 1, 77, 17], 2, 36, 70)],
    ['heads of 128', problem([70, 33], 2, 128)],
  ]);

  // Scores reach some 300 either way; exp overflows f32 from 89 on.
  test.each([true, false])('scores that exp cannot hold, tiled: %s', async (tiled) => {
    const p = problem([70, 9, 45], 2, 16, 2, 8);
    const { tensors } = runReference(...casesOf(p, false)[0]);
    expect(Math.max(...(tensors.get('lse') as Float64Array))).toBeGreaterThan(200);
    await expectParity(casesOf(p, tiled));
  });
});

test('tiles are taken for contexts over 32 and heads of up to 128 channels in fours', () => {
  const cases: [C: number, heads: number, block: number, tiled: boolean][] = [
    [768, 12, 1024, true],
    [512, 4, 33, true],
    [16, 4, 33, true],
    [16, 4, 32, false],
    [528, 4, 1024, false],
    [10, 2, 1024, false],
  ];
  for (const [C, heads, block, tiled] of cases) {
    const model = { ...DEFAULT_MODEL, nEmbd: C, nHead: heads, blockSize: block, vocabSize: 27 };
    for (const [rules, op, other] of [
      [LARGE_SIZES, attention, attentionTiled],
      [FUSED, attentionQkv, attentionQkvTiled],
    ] as const) {
      const layout = parameterLayout(model);
      const plan = trainingPlan(model, DEFAULT_TRAINING, layout, { length: 100, documents: 10 }, rules);
      const ops = plan.dispatches.map(({ node }) => node.op);
      expect(ops.includes(tiled ? other : op)).toBe(true);
      expect(ops.includes(tiled ? op : other)).toBe(false);
    }
  }
});
