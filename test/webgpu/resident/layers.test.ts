// Layers in a loop: as many as there are, they train as the plan in f64 does.

import { describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../../src/cpu/engine.ts';
import { DEFAULT_TRAINING } from '../../../src/config/config.ts';
import { prepareRun } from '../../../src/train/prepare.ts';
import { relativeError } from '../../../src/verify/check.ts';
import { createWebGpuEngine } from '../../../src/webgpu/engine.ts';
import { deviceForTest, noAdapter } from '../../support/device.ts';
import { namesDocuments } from '../../support/golden.ts';

describe.skipIf(noAdapter !== '')('resident', () => {
  test.each([1, 2, 3, 12])('%d layers', async (nLayer) => {
    const gpu = await deviceForTest();
    const { spec } = prepareRun({
      documents: namesDocuments().slice(0, 30),
      model: { nLayer, nEmbd: 8, nHead: 2, blockSize: 6 },
      training: { ...DEFAULT_TRAINING, batchSize: 2, steps: 20 },
    });
    const reference = createCpuEngine(spec, { precision: 'f64' });
    const engine = await createWebGpuEngine(spec, { gpu, launch: 'resident' });
    expect(engine.info.launch).toBe('resident');
    const [got, expected] = [await engine.gradients(), await reference.gradients()];
    expect(relativeError(got.gradients, expected.gradients)).toBeLessThanOrEqual(1e-5); // f32
    const losses = await engine.advance(8);
    (await reference.advance(8)).forEach((loss, i) => {
      expect(Math.abs(losses[i] - loss)).toBeLessThanOrEqual(1e-5);
    });
    engine.dispose();
  });
});
