// Adam in f32 where its constants are hard to hold: β1 next to 1, ε that f32 rounds away.

import { expect, test } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { BUILTIN_DOCUMENTS } from '../../src/data/builtin-names.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { largestDifference } from '../../src/verify/check.ts';

test.each([
  { beta1: 0.999, clip: 0 },
  { beta1: 0.9999999, clip: 0 },
  { beta1: 0.9999999, clip: 2 },
  { eps: 1e-45 },
  { eps: 1e-300 },
  { eps: 1e40 },
])('trains as f64 does: %o', async (unusual) => {
  const steps = 200;
  const { spec } = prepareRun({
    documents: BUILTIN_DOCUMENTS,
    model: DEFAULT_MODEL,
    training: { ...DEFAULT_TRAINING, steps, ...unusual },
  });
  const losses = async (options: Parameters<typeof createCpuEngine>[1]) => {
    const engine = createCpuEngine(spec, options);
    const got = await engine.advance(steps);
    engine.dispose();
    return got;
  };
  const difference = largestDifference(await losses({ variant: 'simd' }), await losses({ precision: 'f64' }));
  expect(difference).toBeLessThan(1e-5);
});
