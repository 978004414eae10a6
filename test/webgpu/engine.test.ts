import { afterAll, beforeAll, describe } from 'vitest';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { engineCases, recordedCases } from '../engines/common.cases.ts';
import { noAdapter, testDevice } from '../support/device.ts';
import { useOneThread } from '../support/one-thread.ts';

useOneThread();

// f32, as the CPU engine; WGSL's exp and division may be off by some units in the last place more.
const BARS = { loss: 1e-5, gradient: 1e-5 };

// What runs with the limits that every WebGPU device has runs anywhere. Of the strategies only `resident` asks what an adapter has
// beyond them, to lay its memory out: the bits are the same in every place (resident.test.ts), so the recorded runs are enough.
// What else may be chosen of the other kernels there is held to f64 in variants.test.ts.
const CASES = [
  { limits: 'default', launches: ['graph', 'eager', 'fused', 'resident'], cases: engineCases },
  { limits: 'adapter', launches: ['resident'], cases: recordedCases },
] as const;

describe.skipIf(noAdapter !== '').each(CASES)('$limits limits', ({ limits, launches, cases }) => {
  let gpu: GpuDevice;
  beforeAll(async () => {
    gpu = await testDevice({ limits });
  });
  afterAll(() => gpu.destroy());

  describe.each(launches)('webgpu %s', (launch) => {
    cases(`webgpu ${launch}`, (spec) => createWebGpuEngine(spec, { gpu, launch }), BARS);
  });
});
