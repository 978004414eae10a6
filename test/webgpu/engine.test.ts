import { afterAll, beforeAll, describe } from 'vitest';
import type { LaunchStrategy } from '../../src/engine/engine.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import type { Create } from '../engines/cases.ts';
import { engineCases } from '../engines/common.cases.ts';
import { oneOf } from '../engines/one-of.ts';
import { recordedCases } from '../engines/recorded.cases.ts';
import { severalCases } from '../engines/several.cases.ts';
import { noAdapter, testDevice } from '../support/device.ts';
import { expectSameBits } from '../support/same-bits.ts';
import { useOneThread } from '../support/one-thread.ts';

useOneThread();

// f32, as the CPU engine; WGSL's exp and division may be off by some units in the last place more.
const BARS = { loss: 1e-5, gradient: 1e-5 };

// What runs with the limits that every WebGPU device has runs anywhere. The 1,000 steps of `names` for strategies that launch
// 20 to 50 kernels a step are in engine.large.test.ts, and all cases for `eager`, which runs the kernels of `graph`.
describe.skipIf(noAdapter !== '')('default limits', () => {
  let gpu: GpuDevice;
  beforeAll(async () => {
    gpu = await testDevice({ limits: 'default' });
  });
  afterAll(() => gpu.destroy());
  const create = (launch: LaunchStrategy) => (spec: Parameters<typeof createWebGpuEngine>[0]) =>
    createWebGpuEngine(spec, { gpu, launch });

  recordedCases('webgpu eager', create('eager'), BARS, ['l2', 'clip']);
  engineCases('webgpu graph', create('graph'), BARS, ['l2', 'wide', 'clip']);
  engineCases('webgpu fused', create('fused'), BARS, ['l2', 'wide', 'clip']);
  engineCases('webgpu resident', create('resident'), BARS);
  engineCases('webgpu resident, one of 3 models', oneOf(create('resident')), BARS, ['l2', 'clip']);
  // Several models may be fastest at another width. 1e-4: f32 rounding, carried on by 30 steps of Adam.
  const tried = { workers: [8, 32] };
  const several: Create = (spec) => createWebGpuEngine(spec, { gpu, launch: 'resident', resident: tried });
  severalCases('webgpu resident', several, (got, expected, what) =>
    expectSameBits(gpu, got, expected, 1e-4, what),
  );
});
