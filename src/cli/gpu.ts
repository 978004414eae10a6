// The GPU object for the commands.

import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { DeviceError } from '../util/errors.ts';
import { noAdapterMessage } from '../webgpu/adapter.ts';
import { nodeGpu } from '../webgpu/node-gpu.ts';

/**
 * Dawn's. On Linux without Vulkan it would write two lines of its own to standard error before it says that there is no
 * adapter (webgpu 0.6.2), so this looks for Vulkan first. Throws DeviceError where there is none.
 */
export async function gpu(): Promise<GPU> {
  if (process.platform === 'linux' && !canLoad('libvulkan.so.1'))
    throw new DeviceError(noAdapterMessage('linux'));
  return Object.assign(await nodeGpu(), { build: `Dawn ${webgpuVersion()}` });
}

/** Of the npm package, which names Dawn's release. */
export function webgpuVersion(): string {
  try {
    const { version } = createRequire(import.meta.url)('webgpu/package.json') as { version: string };
    return version;
  } catch {
    return 'not installed';
  }
}

/** Whether the system finds a shared library. Node always throws, as it is no addon: the question is why. */
function canLoad(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_LAZY);
    return true;
  } catch (error) {
    return !(error instanceof Error && error.message.includes('cannot open shared object file'));
  }
}
