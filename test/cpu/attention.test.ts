// Attention of heads of every width, against f64.

import { describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { relativeError } from '../../src/verify/check.ts';

/** Documents of one to more rows than the context has. */
const documents = [
  'a',
  'ba',
  'cab',
  'deface',
  'facade and decade',
  'abcdefghijklmnopqrstuvwxyz abcdefg',
  'egg',
];

const shapes = [4, 8].flatMap((heads) =>
  [1, 3, 4, 5, 8, 9, 16].map((channels) => [heads, channels] as const),
);

describe.each(shapes)('%d heads of %d channels', (nHead, channels) => {
  test.each([2, 21])('gradients with a context of %d', async (blockSize) => {
    const { spec } = prepareRun({
      documents,
      model: { ...DEFAULT_MODEL, nLayer: 2, nEmbd: nHead * channels, nHead, blockSize },
      // Softmax is to have something to tell apart, at any width.
      training: {
        ...DEFAULT_TRAINING,
        steps: 10,
        batchSize: documents.length,
        initScale: 1 / Math.sqrt(nHead * channels),
      },
    });
    const exact = createCpuEngine(spec, { precision: 'f64' });
    const simd = createCpuEngine(spec, { variant: 'simd' });
    const expected = await exact.gradients();
    const got = await simd.gradients();
    expect(Math.abs(got.losses[0] - expected.losses[0])).toBeLessThan(1e-5);
    for (const { name, offset, size } of parameterSpecs(spec.model)) {
      const part = (values: ArrayLike<number>) => Array.from(values).slice(offset, offset + size);
      const error = relativeError(part(got.gradients), part(expected.gradients));
      expect(error, name).toBeLessThan(1e-5);
    }
    exact.dispose();
    simd.dispose();
  });
});
