import { describe, expect, it } from 'vitest';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import {
  USED_LIMITS,
  adapterInfo,
  adapterName,
  closeDevices,
  noAdapterMessage,
  openDevice,
  requestAdapter,
} from '../../src/webgpu/adapter.ts';
import { nodeGpu } from '../../src/webgpu/node-gpu.ts';
import { DeviceError } from '../../src/util/errors.ts';
import { changedGpu, deviceForTest, noAdapter, testDevice } from '../support/device.ts';

// What every WebGPU device has: https://www.w3.org/TR/webgpu/#limits
const DEFAULT_LIMITS: Record<(typeof USED_LIMITS)[number], number> = {
  maxBufferSize: 268_435_456,
  maxStorageBufferBindingSize: 134_217_728,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupsPerDimension: 65_535,
};

const SQUARES = /* wgsl */ `
  @group(0) @binding(0) var<storage, read_write> out: array<f32>;
  @compute @workgroup_size(64) fn squares(@builtin(global_invocation_id) id: vec3u) {
    out[id.x] = f32(id.x) * f32(id.x);
  }`;

/** Runs SQUARES over n elements (a multiple of 64) and reads them back. */
async function squares({ device, settle }: GpuDevice, n: number): Promise<Float32Array> {
  const module = device.createShaderModule({ code: SQUARES });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const out = device.createBuffer({ size: 4 * n, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const back = device.createBuffer({ size: 4 * n, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: out } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(n / 64);
  pass.end();
  encoder.copyBufferToBuffer(out, 0, back, 0, 4 * n);
  device.queue.submit([encoder.finish()]);
  await settle(back.mapAsync(GPUMapMode.READ));
  return new Float32Array(back.getMappedRange().slice(0));
}

/** A call that every device refuses: a buffer for mapping has no other use than to be copied to. */
function validationError({ device }: GpuDevice): void {
  device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
}

describe.skipIf(noAdapter)('openDevice', () => {
  it('runs a compute shader', async () => {
    const values = await squares(await deviceForTest(), 256);
    expect(Array.from(values)).toEqual(Array.from({ length: 256 }, (_, i) => i * i));
  });

  it('takes the limits of every device with `default`', async () => {
    const { device } = await deviceForTest({ limits: 'default' });
    for (const name of USED_LIMITS) expect(device.limits[name], name).toBe(DEFAULT_LIMITS[name]);
  });

  it('takes what the adapter has with `adapter`', async () => {
    const adapter = await requestAdapter(await nodeGpu());
    const { device } = await deviceForTest({ limits: 'adapter' });
    for (const name of USED_LIMITS) {
      expect(device.limits[name], name).toBe(adapter.limits[name]);
      expect(device.limits[name], name).toBeGreaterThanOrEqual(DEFAULT_LIMITS[name]);
    }
  });

  it('takes the optional features that the adapter has, and none it was not asked for', async () => {
    const adapter = await requestAdapter(await nodeGpu());
    const all = await deviceForTest();
    for (const feature of ['timestamp-query', 'subgroups', 'shader-f16'] as const) {
      expect(all.device.features.has(feature), feature).toBe(adapter.features.has(feature));
    }
    const none = await deviceForTest({ features: [] });
    expect(none.device.features.has('timestamp-query')).toBe(false);
  });

  it('tells the adapter apart from a GPU where it is software', async () => {
    const { info } = await deviceForTest();
    const software = process.env['MICROGPT_TEST_ADAPTER'] === 'software';
    if (software)
      expect(info).toMatchObject({ vendor: 'google', architecture: 'swiftshader', software: true });
    expect(adapterName(info).includes('software, not a GPU')).toBe(info.software);
  });

  it('refuses limits and devices with a DeviceError', async () => {
    const gpu = await nodeGpu();
    await expect(requestAdapter(undefined)).rejects.toThrow(/^This browser offers no WebGPU here/);
    const refusing = { requestAdapter: () => Promise.reject(new DOMException('Not in this build.')) };
    const refused = requestAdapter(refusing as unknown as GPU);
    await expect(refused).rejects.toThrow(DeviceError);
    await expect(refused).rejects.toThrow(/^No WebGPU adapter was found: Not in this build\.$/);
    await expect(openDevice(undefined)).rejects.toBeInstanceOf(DeviceError);
    await expect(requestAdapter(gpu)).resolves.toBeDefined();
  });

  it.each(['features', 'limits', 'requestDevice'])(
    'gives a DeviceError where %s is missing',
    async (name) => {
      const opened = openDevice(await changedGpu({ [name]: undefined }));
      await expect(opened).rejects.toThrow(DeviceError);
      await expect(opened).rejects.toThrow(/ refused to open a device: .*(undefined|not a function)/);
    },
  );

  it('asks for no limit that the adapter does not know', async () => {
    const { limits } = await requestAdapter(await nodeGpu());
    const older = { maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup };
    const { device, destroy } = await openDevice(await changedGpu({ limits: older }));
    expect(device.limits.maxComputeInvocationsPerWorkgroup).toBe(limits.maxComputeInvocationsPerWorkgroup);
    expect(device.limits.maxBufferSize).toBe(DEFAULT_LIMITS.maxBufferSize);
    destroy();
  });
});

describe.skipIf(noAdapter)('errors of a device', () => {
  it('has none to begin with', async () => {
    const gpu = await deviceForTest();
    await squares(gpu, 64);
    expect(gpu.firstError()).toBeUndefined();
    gpu.check();
  });

  it('keeps the first one, names the adapter, and throws it from check and settle', async () => {
    const gpu = await deviceForTest();
    validationError(gpu);
    gpu.device.createBuffer({ size: 2 ** 40, usage: GPUBufferUsage.STORAGE });
    await expect(gpu.settle(gpu.device.queue.onSubmittedWorkDone())).rejects.toThrow(DeviceError);
    const first = gpu.firstError();
    expect(first?.message).toContain(`GPUValidationError on ${adapterName(gpu.info)}: Buffer usages`);
    expect(first?.message.split('\n').length).toBeLessThanOrEqual(2);
    expect(() => gpu.check()).toThrow(first);
  });

  it('leaves the errors of error scopes to the scopes', async () => {
    const gpu = await deviceForTest();
    gpu.device.pushErrorScope('validation');
    validationError(gpu);
    expect(await gpu.device.popErrorScope()).not.toBeNull();
    expect(gpu.firstError()).toBeUndefined();
  });

  it('reports a loss in place of what the loss interrupted', async () => {
    const gpu = await deviceForTest();
    const buffer = gpu.device.createBuffer({
      size: 16,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const mapped = gpu.settle(buffer.mapAsync(GPUMapMode.READ));
    gpu.device.destroy(); // behind GpuDevice's back: to it, the device is lost
    await expect(mapped).rejects.toThrow(/^The GPU device was lost \(destroyed\) on /);
    expect(() => gpu.check()).toThrow(DeviceError);
  });

  it('holds its own destroy for no error, and may be destroyed twice', async () => {
    const gpu = await testDevice();
    const other = await testDevice();
    gpu.destroy();
    gpu.destroy();
    await gpu.device.lost;
    expect(gpu.firstError()).toBeUndefined();
    closeDevices();
    expect((await other.device.lost).reason).toBe('destroyed');
    expect(other.firstError()).toBeUndefined();
  });
});

describe('adapterInfo', () => {
  const info = (...[vendor, architecture, device = '', description = '']: readonly string[]) =>
    adapterInfo({ info: { vendor, architecture, device, description } });

  it.each([
    ['google', 'swiftshader'],
    ['mesa', '', 'llvmpipe-llvm-15-0-6-256-bits-', 'llvmpipe: Mesa 22.3.6'],
    ['mesa', 'lavapipe'],
    ['microsoft', '', '', 'Microsoft Basic Render Driver'],
    ['microsoft', 'warp'],
  ])('knows a software adapter by name: %s %s %s', async (...names) => {
    expect((await info(...names)).software).toBe(true);
  });

  it.each([
    ['nvidia', 'hopper', 'nvidia-h200', 'NVIDIA: 570.86.15'],
    ['apple', 'metal-3'],
    ['intel', 'gen-12lp', '', 'Intel open-source Mesa driver'],
  ])('does not take a GPU for software: %s %s %s', async (...names) => {
    expect((await info(...names)).software).toBe(false);
  });

  it('believes isFallbackAdapter, of the info and in older browsers of the adapter', async () => {
    const vendor = 'x';
    expect((await adapterInfo({ info: { vendor, isFallbackAdapter: true } })).software).toBe(true);
    expect((await adapterInfo({ info: { vendor, isFallbackAdapter: false } })).software).toBe(false);
    expect((await adapterInfo({ info: { vendor }, isFallbackAdapter: true })).software).toBe(true);
  });

  it('asks an adapter without info, as those of Chrome and Edge 113 to 126 are', async () => {
    const requestAdapterInfo = async () => ({ vendor: 'google', architecture: 'swiftshader' });
    expect(await adapterInfo({ requestAdapterInfo })).toEqual(await info('google', 'swiftshader'));
    const refused = { requestAdapterInfo: () => Promise.reject(new DOMException('Not now.')) };
    expect(await adapterInfo(refused)).toEqual(await info('', ''));
    expect(await adapterInfo({})).toEqual(await info('', ''));
    const failing = {
      get info(): GPUAdapterInfo {
        throw new Error('no names');
      },
    };
    expect(await adapterInfo(failing)).toEqual(await info('', ''));
  });

  it('names adapters by what little a browser tells', async () => {
    expect(adapterName(await info('nvidia', 'ampere'))).toBe('nvidia ampere');
    expect(adapterName(await info('nvidia', 'hopper', 'nvidia-h200', 'NVIDIA: 570.86.15'))).toBe(
      'nvidia-h200 (NVIDIA: 570.86.15)',
    );
    expect(adapterName(await info('google', 'swiftshader'))).toBe('google swiftshader (software, not a GPU)');
    expect(adapterName(await info('', ''))).toBe('unnamed adapter');
  });
});

describe('noAdapterMessage', () => {
  it('says what to do, in at most two lines, on every platform', () => {
    expect(noAdapterMessage('linux')).toMatch(/libvulkan1/);
    expect(noAdapterMessage('browser')).toMatch(/enable-unsafe-webgpu/);
    for (const platform of ['browser', 'linux', 'darwin', 'win32', 'other'] as const) {
      const message = noAdapterMessage(platform);
      expect(message).toMatch(/^No WebGPU adapter was found/);
      expect(message.split('\n').length).toBeLessThanOrEqual(2);
      if (platform !== 'browser') expect(message).toContain('--engine cpu');
    }
  });
});
