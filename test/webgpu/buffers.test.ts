// Models that do not fit: said with sizes and what to do, with nothing left on the device, which is as good as before.

import { describe, expect, test } from 'vitest';
import type { Plan } from '../../src/graph/plan.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { DeviceError } from '../../src/util/errors.ts';
import { DeviceBuffers } from '../../src/webgpu/buffers.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { deviceForTest, noAdapter } from '../support/device.ts';

const { spec } = prepareRun({
  documents: ['anna', 'bea'],
  model: { ...DEFAULT_MODEL, nEmbd: 8 },
  training: { ...DEFAULT_TRAINING, steps: 5 },
});

const planOf = (lengths: readonly number[]): Plan => ({
  buffers: lengths.map((length, i) => ({ name: `region${i}`, kind: 'region', dtype: 'f32', length })),
  dispatches: [],
});

/** The buffers that exist of those that `work` makes on any device. */
async function buffersAlive(work: () => Promise<unknown>): Promise<number> {
  const { createBuffer } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  const alive = new Set<GPUBuffer>();
  GPUDevice.prototype.createBuffer = function (...args) {
    const buffer = Reflect.apply(createBuffer, this, args);
    alive.add(buffer);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    alive.delete(this);
    return Reflect.apply(destroy, this, []);
  };
  try {
    await work();
  } finally {
    GPUDevice.prototype.createBuffer = createBuffer;
    GPUBuffer.prototype.destroy = destroy;
  }
  return alive.size;
}

describe.skipIf(noAdapter !== '')('memory of the device', () => {
  test('that does not suffice is said with the size, and nothing stays', async ({ skip }) => {
    const gpu = await deviceForTest({ limits: 'adapter' });
    // SwiftShader refuses an allocation of 1 GiB, though its limits allow it: a real error of the driver.
    const software = process.env['MICROGPT_TEST_ADAPTER'] === 'software';
    if (!software) return skip('a GPU of many gigabytes would have to be filled');
    const plan = planOf([256, gpu.device.limits.maxBufferSize / 4]);
    const alive = await buffersAlive(() =>
      expect(DeviceBuffers.create(gpu, plan)).rejects.toThrow(
        /^The GPU is out of memory: this model needs 1024\.0 MiB on the device\.\nUse a smaller model/,
      ),
    );
    expect(alive).toBe(0);
    expect(gpu.firstError()).toBeUndefined();
    // The device is as good as before.
    const engine = await createWebGpuEngine(spec, { gpu, launch: 'resident' });
    expect(await engine.advance(2)).toHaveLength(2);
    engine.dispose();
  });

  test('is free again where a shader cannot be had', async () => {
    const gpu = await deviceForTest();
    gpu.device.createComputePipelineAsync = async () => {
      throw new Error('the driver gave up');
    };
    const alive = await buffersAlive(async () => {
      await expect(createWebGpuEngine(spec, { gpu, launch: 'fused' })).rejects.toThrow(DeviceError);
      await expect(createWebGpuEngine(spec, { gpu, launch: 'resident' })).rejects.toThrow(DeviceError);
    });
    expect(alive).toBe(0);
  });

  test('is free again after dispose', async () => {
    const gpu = await deviceForTest();
    const alive = await buffersAlive(async () => {
      const engine = await createWebGpuEngine(spec, { gpu, launch: 'resident' });
      await engine.advance(2);
      await engine.state();
      await engine.prefill([0]);
      engine.dispose();
    });
    expect(alive).toBe(0);
  });

  test('of a device that goes wrong without being lost gives no old losses', async () => {
    const gpu = await deviceForTest();
    const engine = await createWebGpuEngine(spec, { gpu, launch: 'resident' });
    await engine.advance(1);
    gpu.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE }); // refused
    await expect(engine.advance(1)).rejects.toThrow(/^GPUValidationError on /);
    await expect(engine.parameters()).rejects.toThrow(/^GPUValidationError on /);
    engine.dispose();
  });
});
