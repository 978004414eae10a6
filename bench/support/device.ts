// The device of a bench, as the commands open it: with the fastest kernels for its adapter, measured or remembered.

import { gpu as openGpu } from '../../src/cli/gpu.ts';
import { readKernelChoices } from '../../src/cli/kernel-choices.ts';
import { adapterName, openDevice, type GpuDevice } from '../../src/webgpu/adapter.ts';

export interface TunedDevice {
  readonly gpu: GpuDevice;
  /** Keeps what was measured for the next time. */
  close(): Promise<void>;
}

/** Says which adapter it is. Undefined where there is none: the reason is printed. */
export async function tunedDevice(): Promise<TunedDevice | undefined> {
  const note = (text: string) => console.log(`  ${text}`);
  try {
    const cache = await readKernelChoices(note);
    const gpu = await openDevice(await openGpu(), { tuning: { cache, note } });
    console.log(`adapter: ${adapterName(gpu.info)}`);
    return {
      gpu,
      async close() {
        gpu.destroy();
        await cache.save();
      },
    };
  } catch (error) {
    console.log(`no rows of WebGPU: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
