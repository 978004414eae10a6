import { afterAll, beforeAll, describe } from 'vitest';
import type { LaunchStrategy } from '../../src/engine/engine.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { engineCases } from '../engines/common.cases.ts';
import { recordedCases } from '../engines/recorded.cases.ts';
import { noAdapter, testDevice } from '../support/device.ts';
import { useOneThread } from '../support/one-thread.ts';

useOneThread();

const BARS = { loss: 1e-5, gradient: 1e-5 };

// Of the strategies only `resident` asks what an adapter has beyond the limits of every device, to lay its memory out: the bits
// are the same in every place (resident.test.ts), so the recorded runs are enough. What else may be chosen of the other kernels
// there is held to f64 in variants.test.ts.
describe.skipIf(noAdapter !== '').each(['default', 'adapter'] as const)('%s limits', (limits) => {
  let gpu: GpuDevice;
  beforeAll(async () => {
    gpu = await testDevice({ limits });
  });
  afterAll(() => gpu.destroy());
  const create = (launch: LaunchStrategy) => (spec: Parameters<typeof createWebGpuEngine>[0]) =>
    createWebGpuEngine(spec, { gpu, launch });

  if (limits === 'adapter') {
    recordedCases('webgpu resident', create('resident'), BARS);
  } else {
    engineCases('webgpu eager', create('eager'), BARS);
    recordedCases('webgpu graph', create('graph'), BARS, ['names']);
    recordedCases('webgpu fused', create('fused'), BARS, ['names']);
  }
});
