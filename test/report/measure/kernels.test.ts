// The clock of the kernels' section.

import { describe, expect, test } from 'vitest';
import { ceilingKernels } from '../../../src/report/measure/ceilings.ts';
import { workingTimer } from '../../../src/report/measure/kernels.ts';
import { PassTimer } from '../../../src/webgpu/timing.ts';
import { deviceForTest, noAdapter } from '../../support/device.ts';

describe.skipIf(noAdapter !== '')('workingTimer', () => {
  test('is a timer where stamps tell the time, and none where the driver leaves them out', async (task) => {
    const gpu = await deviceForTest({ limits: 'default' });
    if (!PassTimer.available(gpu)) task.skip('this adapter has no timestamps');
    const { arithmetic, destroy } = await ceilingKernels(gpu);
    const timer = await workingTimer(gpu, arithmetic);
    expect(timer).not.toBeNull();
    timer!.destroy();

    // As such a driver: passes are made, and no stamps.
    const create = gpu.device.createCommandEncoder.bind(gpu.device);
    gpu.device.createCommandEncoder = (descriptor) => {
      const encoder = create(descriptor);
      const begin = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = () => begin();
      return encoder;
    };
    expect(await workingTimer(gpu, arithmetic)).toBeNull();
    destroy();
  });
});
