import { afterAll, beforeAll, describe } from 'vitest';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { engineCases } from '../engines/common.cases.ts';
import { noAdapter, testDevice } from '../support/device.ts';

// What runs with the limits that every WebGPU device has runs anywhere. The adapter's own give other kernels their chance; `eager` has
// those of `graph`.
const CASES = [
  { limits: 'default', launches: ['graph', 'eager', 'fused', 'resident'] },
  { limits: 'adapter', launches: ['graph', 'fused', 'resident'] },
] as const;

describe.skipIf(noAdapter !== '').each(CASES)('$limits limits', ({ limits, launches }) => {
  let gpu: GpuDevice;
  beforeAll(async () => {
    gpu = await testDevice({ limits });
  });
  afterAll(() => gpu.destroy());

  describe.each(launches)('webgpu %s', (launch) => {
    // f32, as the CPU engine; WGSL's exp and division may be off by some units in the last place more.
    engineCases(`webgpu ${launch}`, (spec) => createWebGpuEngine(spec, { gpu, launch }), {
      loss: 1e-5,
      gradient: 1e-5,
    });
  });
});
