// WebGPU in Node: Dawn, from the npm package `webgpu`, which is loaded here and nowhere else.
// Pages never load this module: they have navigator.gpu.

import { DeviceError } from '../util/errors.ts';
import { closeDevices, firstLine } from './adapter.ts';

// Dawn rounds timestamps to 65,536 ns unless told not to: longer than most kernels of a small model.
const DAWN_FLAGS = ['disable-dawn-features=timestamp_quantization'];

// More flags for Dawn, separated by spaces; for development.
const FLAGS_VARIABLE = 'MICROGPT_DAWN_FLAGS';

// The one GPU of the process hangs on globalThis, for two reasons. When the object is collected while
// its devices live, dawn.node crashes the process (webgpu 0.6.2: segmentation fault). And this module
// may be loaded twice, by a test runner for instance.
const KEY = Symbol.for('microgpt-webgpu.gpu');
const registry = globalThis as { [KEY]?: Promise<GPU> };

/** The flags that Dawn is given. */
export function dawnFlags(): string[] {
  return [...DAWN_FLAGS, ...(process.env[FLAGS_VARIABLE]?.split(' ').filter(Boolean) ?? [])];
}

/**
 * The GPU object of this process, created by the first call. Also defines the globals that browsers
 * have (GPUBufferUsage and the like), and destroys every open device when the process ends.
 * @throws DeviceError where Dawn does not load; where it loads but finds no adapter, requestAdapter tells.
 */
export function nodeGpu(): Promise<GPU> {
  return (registry[KEY] ??= createGpu());
}

async function createGpu(): Promise<GPU> {
  try {
    const dawn = await import('webgpu');
    Object.assign(globalThis, dawn.globals);
    const gpu = dawn.create(dawnFlags());
    // process.exit() or an uncaught error while a mapAsync is pending crashes dawn.node now and then
    // (Node 22: 16 of 40 runs, exit status 139); with the devices destroyed first, 0 of 240.
    process.once('exit', closeDevices);
    return gpu;
  } catch (cause) {
    throw new DeviceError(
      `Dawn (npm package webgpu) does not load on ${process.platform}-${process.arch}: ${firstLine(cause)}.\n` +
        'It needs Linux with glibc, macOS or Windows on x64 or arm64: run npm install there again, or use --engine cpu.',
      { cause },
    );
  }
}
