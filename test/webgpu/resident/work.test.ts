// The arithmetic of a resident step, as its plan counts it, against what no step can do without.

import { describe, expect, test } from 'vitest';
import { DEFAULT_MODEL, DEFAULT_TRAINING, type ModelConfig } from '../../../src/config/config.ts';
import { countParameters } from '../../../src/model/parameters.ts';
import { modelFlops } from '../../../src/webgpu/cost.ts';
import { residentStep } from '../../../src/webgpu/resident/step.ts';

const model = { ...DEFAULT_MODEL, vocabSize: 27 };
/** Of a step whose documents are as long as can be. */
const workOf = (own: ModelConfig, batchSize: number, workers: number) => {
  const rows = { rows: batchSize * own.blockSize, seen: (own.blockSize + 1) / 2 };
  return residentStep(own, { ...DEFAULT_TRAINING, batchSize }).work(rows, workers);
};

describe('the work of a step', () => {
  test('is what a step cannot do without, and what it computes again or spends on Adam', () => {
    for (const [own, batch] of [
      [model, 1],
      [{ ...model, nLayer: 3, nEmbd: 32 }, 4],
    ] as const) {
      const { nLayer: L, nEmbd: C, blockSize: T, vocabSize: V } = own;
      const R = batch * T;
      const pairs = (R * (T + 1)) / 2;
      const adam = 7 * countParameters(own);
      // Forth: squares for each output of a matrix, or pack of the embedding; back: products for each pack.
      const norms = R * C * (C / 4 + L * (3 * C + 4 * C + (2 * C) / 4) + C / 4);
      const scores = 2 * pairs * C * L; // of the probabilities, and of delta
      const softmax = R * (8 * 8 + 1); // sums of the lanes in each of them; the loss
      const tables = R * (V + T) * C; // a look at each row for each element
      const again = adam + norms + scores + softmax + tables;
      const { multiplyAdds } = workOf(own, batch, 64);
      expect(multiplyAdds).toBeCloseTo(modelFlops(own, batch) / 2 + again, 4);
    }
  });

  test('the busiest invocation makes all of it alone, or its share of each phase', () => {
    const alone = workOf(model, 1, 1);
    // Pairs that a row does not attend to are passed over, but count for the longest chain.
    expect(alone.longest).toBeGreaterThan(alone.multiplyAdds);
    expect(alone.longest).toBeLessThan(1.1 * alone.multiplyAdds);
    const many = workOf(model, 1, 512);
    expect(many.multiplyAdds).toBe(alone.multiplyAdds);
    expect(many.longest).toBeGreaterThan(alone.multiplyAdds / 512);
    expect(many.longest).toBeLessThan(alone.multiplyAdds / 64);
  });
});
