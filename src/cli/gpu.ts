// The GPU object for the commands.

import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { pathToFileURL } from 'node:url';
import { DeviceError } from '../util/errors.ts';
import { adapterInfo, adapterName, noAdapterMessage } from '../webgpu/adapter.ts';
import { dawnFlags, nodeGpu } from '../webgpu/node-gpu.ts';

const require = createRequire(import.meta.url);

let looked: Promise<void> | undefined;

/**
 * Dawn's GPU object. On Linux the drivers, the Vulkan loader and Dawn print complaints to standard error that are of no use to
 * somebody without a GPU, and Node cannot silence native code. So this checks for Vulkan first, and then looks for an adapter in
 * another process, unless --verbose asks for the complaints. Throws DeviceError where there is no adapter.
 */
export async function gpu(): Promise<GPU> {
  if (process.platform === 'linux') await (looked ??= lookForAdapter());
  return Object.assign(await nodeGpu(), { build: `Dawn ${webgpuVersion()}` });
}

/** Begins to look for an adapter, which takes about as long as to read the data: for a command that will ask for one. */
export function expectGpu(): void {
  if (process.platform !== 'linux') return;
  looked ??= lookForAdapter();
  looked.catch(() => undefined); // `gpu` says it
}

async function lookForAdapter(): Promise<void> {
  if (!canLoad('libvulkan.so.1')) throw new DeviceError(noAdapterMessage('linux'));
  if (!outspoken()) await lookElsewhere();
}

/** Version of the npm package `webgpu`, which contains Dawn. */
export function webgpuVersion(): string {
  try {
    const { version } = require('webgpu/package.json') as { version: string };
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

/** Whether to let the drivers print: with --verbose, and where the user chose them by an environment variable. */
function outspoken(): boolean {
  const { VK_ICD_FILENAMES, VK_DRIVER_FILES } = process.env;
  return process.argv.includes('--verbose') || Boolean(VK_ICD_FILENAMES || VK_DRIVER_FILES);
}

/** A driver that has not found its adapter by then hangs; in milliseconds. */
const LOOK_MS = 30_000;

const LOOK = `
const [webgpu, ...flags] = process.argv.slice(1);
const { create } = await import(webgpu);
const adapter = await create(flags).requestAdapter({ powerPreference: 'high-performance' });
const { vendor, architecture, device, description, isFallbackAdapter } = adapter?.info ?? {};
const info = adapter && { vendor, architecture, device, description, isFallbackAdapter };
process.stdout.write(JSON.stringify(info), () => process.exit());
`;

/** Looks for an adapter in a process whose standard error is dropped; if it finds one, silences the drivers in this process. */
async function lookElsewhere(): Promise<void> {
  const webgpu = pathToFileURL(require.resolve('webgpu')).href;
  const args = ['--input-type=module', '-e', LOOK, '--', webgpu, ...dawnFlags()];
  const { found, signal } = await new Promise<{ found: string; signal?: string }>((resolve) => {
    execFile(process.execPath, args, { timeout: LOOK_MS }, (error, stdout) => {
      resolve({ found: stdout, ...(error?.signal ? { signal: error.signal } : {}) });
    });
  });
  if (signal !== undefined && found === '') {
    throw new DeviceError(
      `No WebGPU adapter was found: the Vulkan driver crashed while looking for one (${signal}). ` +
        '--verbose shows what it says. Update the driver, or use --engine cpu.',
    );
  }
  if (found === 'null')
    throw new DeviceError(`${noAdapterMessage('linux')} --verbose shows what the drivers say.`);
  if (found === '') return; // Dawn does not load, which is said when it is loaded here
  const { env } = process;
  // Mesa asks Wayland which GPU to prefer, and Wayland's library complains where XDG_RUNTIME_DIR is missing.
  if (!env['XDG_RUNTIME_DIR']?.startsWith('/')) env['WAYLAND_DISPLAY'] ??= '/dev/null';
  // Dawn complains about older versions of Mesa's software driver, which is not needed beside another driver.
  const name = adapterName(await adapterInfo({ info: JSON.parse(found) as Partial<GPUAdapterInfo> }));
  if (!/llvmpipe|lavapipe/i.test(name)) env['VK_LOADER_DRIVERS_DISABLE'] ??= '*lvp*';
}
