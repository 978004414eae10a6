// Finding a GPU adapter and opening a device on it, in browsers and in Node alike: everything here
// works on the `GPU` object that it is given (navigator.gpu, or nodeGpu() of node-gpu.ts).

import type { AdapterInfo } from '../engine/engine.ts';
import { DeviceError } from '../util/errors.ts';
import { runtimeName } from '../util/runtime.ts';
import { nudged } from './nudge.ts';
import type { TuningOptions } from './tuning.ts';

/**
 * `default`: the limits every WebGPU device has (16 KiB of workgroup memory, 256 invocations,
 * 8 storage buffers, 128 MiB bindings). `adapter`: all that the adapter has of `USED_LIMITS`.
 */
export type LimitsChoice = 'default' | 'adapter';

export interface DeviceOptions {
  /** `adapter` unless told. */
  readonly limits?: LimitsChoice;
  /** Wanted features; those the adapter lacks are left out. `OPTIONAL_FEATURES` unless told. */
  readonly features?: readonly GPUFeatureName[];
  /** How to find the fastest kernels; without it each shape has its default. */
  readonly tuning?: TuningOptions;
}

/** An open device and what has gone wrong on it. */
export interface GpuDevice {
  readonly device: GPUDevice;
  readonly info: AdapterInfo;
  /** What compiles its shaders: `Dawn 0.6.2`, `Chrome 147`. */
  readonly build: string;
  readonly tuning?: TuningOptions;

  /** The first error since the device was opened: its loss, or an error outside every error scope. */
  firstError(): DeviceError | undefined;

  /** Throws `firstError()`, if there is one. Costs a read of a variable, so a hot loop may call it. */
  check(): void;

  /**
   * Waits for a promise of the device, such as mapAsync's. Throws the device's first error instead
   * of the promise's own, which after a loss or a validation error says only that it was aborted.
   */
  settle<T>(promise: Promise<T>): Promise<T>;

  /** Frees the device and all its memory; a second call does nothing. */
  destroy(): void;
}

/** Requested where the adapter has them; nothing here may be required. */
export const OPTIONAL_FEATURES: readonly GPUFeatureName[] = ['timestamp-query', 'subgroups', 'shader-f16'];

/** The limits that decide which models fit and how large a tile may be. */
export const USED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;

// Open devices. The references matter: dawn.node destroys a device whose wrapper is collected, and
// work that is under way on it fails with an AbortError that says nothing.
const open = new Set<GpuDevice>();

/**
 * The adapter with the highest performance.
 * @throws DeviceError where there is none or the browser refuses, or where it has no WebGPU (`gpu` is undefined).
 */
export async function requestAdapter(gpu: GPU | undefined): Promise<GPUAdapter> {
  if (gpu === undefined) {
    throw new DeviceError(
      'This browser offers no WebGPU here. Use Chrome or Edge 113, Safari 26 or Firefox 141 or newer, and ' +
        'open the page over https or from localhost: WebGPU exists in secure contexts only.',
    );
  }
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  } catch (cause) {
    // As Firefox does where it has the interface and not the rest: `not yet available in Release builds`.
    throw new DeviceError(`No WebGPU adapter was found: ${firstLine(cause)}.`, { cause });
  }
  if (adapter === null) throw new DeviceError(noAdapterMessage(hostPlatform()));
  return adapter;
}

/** A GPUAdapter as browsers have had it: Chrome and Edge 113 to 126 give what `info` holds when asked for it. */
interface AnyAdapter {
  readonly info?: Partial<GPUAdapterInfo>;
  readonly isFallbackAdapter?: boolean;
  requestAdapterInfo?(): Promise<Partial<GPUAdapterInfo>>;
}

/** Rejects where the browser fails to say: a name is not worth a training. */
async function namesOf(adapter: AnyAdapter): Promise<Partial<GPUAdapterInfo> | undefined> {
  return adapter.info ?? (await adapter.requestAdapterInfo?.());
}

/** What is known of an adapter, in plain strings, which are empty where the browser does not say. */
export async function adapterInfo(adapter: AnyAdapter): Promise<AdapterInfo> {
  const info = (await namesOf(adapter).catch(() => undefined)) ?? {};
  const { vendor = '', architecture = '', device = '', description = '' } = info;
  const fallback = info.isFallbackAdapter ?? adapter.isFallbackAdapter ?? false;
  const named = SOFTWARE.test([vendor, architecture, device, description].join(' '));
  return { vendor, architecture, device, description, software: named || fallback };
}

/** One line for a person: `nvidia-h200 (NVIDIA: 570.86.15)`; says so where it is a software adapter. */
export function adapterName(info: AdapterInfo): string {
  const name = info.device || [info.vendor, info.architecture].filter(Boolean).join(' ') || 'unnamed adapter';
  const details = [info.description, info.software ? 'software, not a GPU' : ''].filter(Boolean);
  return details.length === 0 ? name : `${name} (${details.join('; ')})`;
}

/**
 * Opens a device on the fastest adapter. Close it with `destroy()`.
 * @throws DeviceError, and nothing else: where there is no adapter, and where it cannot be opened for whatever reason.
 */
export async function openDevice(gpu: GPU | undefined, options: DeviceOptions = {}): Promise<GpuDevice> {
  const adapter = await requestAdapter(gpu);
  const info = await adapterInfo(adapter);
  const { limits = 'adapter', features = OPTIONAL_FEATURES } = options;
  try {
    const device = await adapter.requestDevice({
      requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
      requiredLimits: limits === 'adapter' ? usedLimits(adapter) : {},
    });
    const { build = runtimeName() } = gpu as { build?: string };
    return watch(device, info, build, options.tuning);
  } catch (cause) {
    throw new DeviceError(
      `${adapterName(info)} refused to open a device: ${firstLine(cause)}. ` +
        'Another program may hold the GPU; close it, or use the CPU engine.',
      { cause },
    );
  }
}

/** Destroys every open device. */
export function closeDevices(): void {
  for (const gpuDevice of open) gpuDevice.destroy();
}

/** Those of `USED_LIMITS` that the adapter knows: a device must not be asked for others. */
export function usedLimits({ limits }: GPUAdapter): Record<string, number> {
  const known = USED_LIMITS.filter((name) => limits[name] !== undefined);
  return Object.fromEntries(known.map((name) => [name, limits[name]]));
}

/** Records the first thing that goes wrong on `device`. */
function watch(
  device: GPUDevice,
  info: AdapterInfo,
  build: string,
  tuning: TuningOptions | undefined,
): GpuDevice {
  let first: DeviceError | undefined;
  let destroyed = false;
  const where = adapterName(info);

  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault(); // check() reports it: no second report on the browser's console
    first ??= uncapturedError(event.error, where);
  });
  const lost = device.lost.then(({ reason, message }) => {
    open.delete(gpuDevice);
    if (destroyed) return;
    first ??= new DeviceError(
      `The GPU device was lost (${reason}) on ${where}: ${firstLine(message)}.\n` +
        'The driver was reset or took too long over one submit: run again, with a smaller model or batch if it recurs.',
    );
  });

  const gpuDevice: GpuDevice = {
    device,
    info,
    build,
    ...(tuning && { tuning }),
    firstError: () => first,
    check() {
      if (first !== undefined) throw first;
    },
    async settle(promise) {
      try {
        const value = await nudged(device, promise);
        gpuDevice.check();
        return value;
      } catch (cause) {
        // A loss rejects the promises under way and resolves `lost` in either order.
        if (first === undefined)
          await Promise.race([lost, new Promise((resolve) => setTimeout(resolve, 20))]);
        gpuDevice.check();
        throw new DeviceError(`WebGPU failed on ${where}: ${firstLine(cause)}.`, { cause });
      }
    },
    destroy() {
      if (destroyed) return;
      destroyed = true;
      open.delete(gpuDevice);
      device.destroy();
    },
  };
  open.add(gpuDevice);
  return gpuDevice;
}

function uncapturedError(error: GPUError, where: string): DeviceError {
  const kind = error.constructor.name;
  const message = `${kind} on ${where}: ${firstLine(error.message)}.`;
  const advice =
    kind === 'GPUOutOfMemoryError' ? 'The model does not fit: use a smaller model, block or batch.' : '';
  return new DeviceError([message, advice].filter(Boolean).join('\n'), { cause: error });
}

/** The first line of an error's text, without its full stop. Dawn appends the stack of API calls. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return (text.trim().split('\n', 1)[0] ?? '').replace(/[.\s]+$/, '') || 'no reason given';
}

type Platform = 'browser' | 'linux' | 'darwin' | 'win32' | 'other';

function hostPlatform(): Platform {
  if (typeof process === 'undefined') return 'browser';
  const platform = process.platform;
  return platform === 'linux' || platform === 'darwin' || platform === 'win32' ? platform : 'other';
}

/** Why there may be no adapter on a platform, and what to do about it. */
export function noAdapterMessage(platform: Platform): string {
  const missing = 'No WebGPU adapter was found';
  switch (platform) {
    case 'browser':
      return (
        `${missing}: the browser has WebGPU but no GPU to use. Turn on hardware acceleration in its settings ` +
        '(Chrome on Linux also wants chrome://flags/#enable-unsafe-webgpu); chrome://gpu gives its reasons.'
      );
    case 'linux':
      return (
        `${missing}: WebGPU needs Vulkan on Linux. Install its loader and the GPU's driver (Debian, Ubuntu: apt install ` +
        'libvulkan1 mesa-vulkan-drivers, or the NVIDIA driver), check with vulkaninfo, or use --engine cpu.'
      );
    case 'darwin':
      return `${missing}: WebGPU needs a Mac with Metal (macOS 11 or newer, not a virtual machine without a GPU). Use --engine cpu.`;
    case 'win32':
      return `${missing}: WebGPU needs Windows 10 or newer with a Direct3D 12 driver. Update the GPU's driver, or use --engine cpu.`;
    case 'other':
      return `${missing} on this system. Use --engine cpu.`;
  }
}
