// The GPU device that tests run on: the real adapter where there is one, else SwiftShader.

import './software-vulkan.mjs'; // before `webgpu` is loaded
import { onTestFinished } from 'vitest';
import type { DeviceOptions, GpuDevice } from '../../src/webgpu/adapter.ts';
import { openDevice } from '../../src/webgpu/adapter.ts';
import { nodeGpu } from '../../src/webgpu/node-gpu.ts';

/**
 * Why the tests that need an adapter cannot run, or '' where they can. test/global-setup.ts looks for
 * one and prints what it found. Use: `describe.skipIf(noAdapter)('…', …)`.
 */
export const noAdapter: string = process.env['MICROGPT_TEST_NO_ADAPTER'] ?? '';

/** Opens a device with the `default` limits, or with all that the adapter has. The caller destroys it. */
export async function testDevice(options: DeviceOptions = { limits: 'default' }): Promise<GpuDevice> {
  return openDevice(await nodeGpu(), options);
}

/** `testDevice` for the length of one test. */
export async function deviceForTest(options?: DeviceOptions): Promise<GpuDevice> {
  const gpu = await testDevice(options);
  onTestFinished(() => gpu.destroy());
  return gpu;
}

/** The adapter of this machine under another name, so that a software one passes for a GPU. */
export async function renamedGpu(): Promise<GPU> {
  return changedGpu({ info: { vendor: 'acme', architecture: 'x1', device: 'Acme X1', description: '' } });
}

/** The GPU of this machine, whose adapter has some properties of its `own`. */
export async function changedGpu(own: Record<string, unknown>): Promise<GPU> {
  const gpu = await nodeGpu();
  const requestAdapter: GPU['requestAdapter'] = async (options) => {
    const adapter = await gpu.requestAdapter(options);
    return adapter && changed(adapter, own);
  };
  return Object.assign(Object.create(gpu) as GPU, { requestAdapter });
}

/** `adapter` with some of its properties replaced; its others are the native object's, and work on nothing else. */
export function changed(adapter: GPUAdapter, own: Record<string, unknown>): GPUAdapter {
  return new Proxy(adapter, {
    get(target, name) {
      if (typeof name === 'string' && name in own) return own[name];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
