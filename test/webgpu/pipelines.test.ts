// Pipelines that a device refuses: said with the shader and the reason, and the device goes on with others.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeviceError } from '../../src/util/errors.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { pipelineFor } from '../../src/webgpu/pipelines.ts';
import { noAdapter, testDevice } from '../support/device.ts';

let gpu: GpuDevice;
beforeAll(async () => {
  if (noAdapter === '') gpu = await testDevice({ limits: 'default' });
});
afterAll(() => gpu?.destroy());

describe.skipIf(noAdapter !== '')('pipelineFor', () => {
  const pipeline = (name: string, source: string, constants: Record<string, number> = {}, variant?: string) =>
    pipelineFor(gpu, { name, kernel: { source, entry: 'f' } }, { constants, ...(variant && { variant }) });
  const RIGHT = 'override WIDTH: u32; @compute @workgroup_size(WIDTH) fn f() {}';

  test.each([
    ['that is no WGSL', 'fn f( {', {}, undefined, /^wrong, .*: .* run its shader with \{\}: .*expected '\)'/],
    ['of a variant', 'fn f( {', {}, 'wide', /^wrong, .*: .* run its shader wide with \{\}: /],
    [
      'that is too wide',
      RIGHT,
      { WIDTH: 4096 },
      undefined,
      /^wrong, .*: .* run its shader with \{"WIDTH":4096\}: .*4096/,
    ],
    ['without a constant', RIGHT, {}, undefined, /^wrong, .*: .*WIDTH/],
  ] as const)(
    'refuses a shader %s, and the device goes on',
    async (what, source, constants, variant, message) => {
      const refused = pipeline(`wrong, ${what}`, source, constants, variant);
      await expect(refused).rejects.toThrow(DeviceError);
      await expect(refused).rejects.toThrow(message);
      await new Promise((resolve) => setTimeout(resolve, 10)); // an uncaptured error would come by then
      expect(gpu.firstError()).toBeUndefined();
      await pipeline(`right after ${what}`, RIGHT, { WIDTH: 8 });
    },
  );

  test('says that the device was lost where it was', async () => {
    const lost = await testDevice({ limits: 'default' });
    lost.device.destroy(); // behind the back of GpuDevice
    await lost.device.lost;
    const op = { name: 'late', kernel: { source: RIGHT, entry: 'f' } };
    await expect(pipelineFor(lost, op, { constants: { WIDTH: 4 } })).rejects.toThrow('device was lost');
    lost.destroy();
  });
});
