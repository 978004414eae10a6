import { afterAll, beforeAll, describe } from 'vitest';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { engineCases } from '../engines/common.cases.ts';
import { noAdapter, testDevice } from '../support/device.ts';

let gpu: GpuDevice;
beforeAll(async () => {
  // The limits that every WebGPU device has: what runs with these runs anywhere.
  if (noAdapter === '') gpu = await testDevice({ limits: 'default' });
});
afterAll(() => gpu?.destroy());

describe.skipIf(noAdapter !== '').each(['graph', 'eager', 'fused', 'resident'] as const)(
  'webgpu %s',
  (launch) => {
    // f32, as the CPU engine; WGSL's exp and division may be off by some units in the last place more.
    engineCases(`webgpu ${launch}`, (spec) => createWebGpuEngine(spec, { gpu, launch }), {
      loss: 1e-5,
      gradient: 1e-5,
    });
  },
);
