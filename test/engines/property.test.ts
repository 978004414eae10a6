// Random models on random text: the CPU engine's gradients are the oracle's, whatever the configuration.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPTIONS } from '../../src/config/options.ts';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { prepareRun } from '../../src/train/prepare.ts';

const document = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => text.trim() !== '');

const run = fc.record({
  documents: fc.array(document, { minLength: 1, maxLength: 6 }),
  nLayer: fc.integer({ min: 1, max: 3 }),
  nHead: fc.integer({ min: 1, max: 4 }),
  headDim: fc.integer({ min: 1, max: 5 }),
  blockSize: fc.integer({ min: 1, max: 9 }),
  batchSize: fc.integer({ min: 1, max: 8 }),
  seed: fc.integer(),
  activation: fc.constantFrom(...OPTIONS.activation.choices),
  norm: fc.constantFrom(...OPTIONS.norm.choices),
  bias: fc.boolean(),
  tie: fc.boolean(),
});

test('gradients and losses of any configuration are those of the oracle', async () => {
  const property = fc.asyncProperty(
    run,
    async ({ documents, nLayer, nHead, headDim, blockSize, batchSize, seed, ...parts }) => {
      const { spec } = prepareRun({
        documents,
        model: { nLayer, nHead, nEmbd: nHead * headDim, blockSize, ...parts },
        training: { ...DEFAULT_TRAINING, batchSize, seed, steps: 3 },
      });
      if (parts.norm === 'layernorm' && spec.model.nEmbd === 1) return; // which is 0, and so is every gradient
      const oracle = createOracleEngine(spec);
      const expected = await oracle.gradients();
      const losses = await oracle.advance(3);
      const whole = Math.hypot(...expected.gradients);
      for (const precision of ['f64', 'f32'] as const) {
        // rmsnorm of one channel is its sign, layernorm of two that of their difference: the gradient through it is what
        // cancellation leaves, nothing in f32, and of few channels more little than much.
        if (precision === 'f32' && spec.model.nEmbd < (parts.norm === 'layernorm' ? 8 : 2)) continue;
        const engine = createCpuEngine(spec, { precision });
        const got = await engine.gradients();
        for (const { name, offset, size } of parameterSpecs(spec.model)) {
          const reference = expected.gradients.subarray(offset, offset + size);
          const difference = reference.map((x, i) => x - got.gradients[offset + i]);
          // Some tensors' gradient is what is left of terms that nearly cancel (queries and keys where attention hardly
          // prefers any row): their rounding is that of the terms, so a hundredth of the whole counts as well.
          const scale = Math.hypot(...reference) + whole / 100;
          expect(Math.hypot(...difference) / scale, name).toBeLessThan(precision === 'f64' ? 1e-13 : 1e-5);
        }
        if (precision === 'f64') {
          (await engine.advance(3)).forEach((loss, i) =>
            expect(Math.abs(loss - losses[i])).toBeLessThan(1e-6),
          );
        }
      }
    },
  );
  await fc.assert(property, { numRuns: 60 });
});
