// Training must not fill the memory: the JavaScript heap after many steps is what it was after the warm-up.

import { describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { deviceForTest, noAdapter } from '../support/device.ts';
import { heapGrowth } from '../support/heap.ts';
import { useOneThread } from '../support/one-thread.ts';

useOneThread();

const run = {
  documents: ['emma', 'olivia', 'ava', 'isabella', 'sophia'],
  training: { ...DEFAULT_TRAINING, steps: 70_000 },
};
const { spec } = prepareRun({ ...run, model: DEFAULT_MODEL });
/** As many calls a step, and less work in each. */
const { spec: small } = prepareRun({ ...run, model: { nLayer: 1, nEmbd: 4, nHead: 1, blockSize: 4 } });

/** What the runtime itself moves by. */
const NOISE = 100_000;

describe('the JavaScript heap', () => {
  test('is flat over 20,000 steps on the CPU', async () => {
    expect(await heapGrowth(createCpuEngine(spec), 2_000, 20_000, 10)).toBeLessThan(NOISE);
  });

  test('the measurement sees 100 bytes kept at each of 2,000 calls', async () => {
    const kept: Float64Array[] = [];
    const engine = createCpuEngine(spec);
    const leaky: Engine = {
      ...engine,
      advance: (k) => {
        kept.push(Float64Array.of(k));
        return engine.advance(k);
      },
    };
    expect(await heapGrowth(leaky, 500, 2_000, 1)).toBeGreaterThan(NOISE);
    expect(kept).toHaveLength(6_500);
  });

  // SwiftShader takes some milliseconds a step, of a small model too: 500 calls here, 20,000 steps in `npm run bench -- heap`.
  test.skipIf(noAdapter !== '')('is flat over 500 calls on WebGPU, three times', async () => {
    const engine = await createWebGpuEngine(small, { gpu: await deviceForTest(), launch: 'fused' });
    expect(await heapGrowth(engine, 200, 500, 1)).toBeLessThan(NOISE);
  });
});
