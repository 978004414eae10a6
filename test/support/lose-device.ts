// A GPU whose devices can be lost at will: destroyed behind the back of the program, which is what a driver's reset looks like.

import { nodeGpu } from '../../src/webgpu/node-gpu.ts';
import { changed } from './device.ts';

export interface FrailGpu {
  readonly gpu: () => Promise<GPU>;
  /** Devices that were opened so far. */
  readonly opened: number;
  /** Loses the device that was opened last. */
  lose(): void;
  /** Told of every device that is opened. */
  onOpen: (device: GPUDevice) => void;
  /** What requestAdapter gives: the adapter, or what stands for it from now on. */
  adapter: (real: GPUAdapter) => GPUAdapter | null;
}

export function frailGpu(): FrailGpu {
  const devices: GPUDevice[] = [];
  const frail: FrailGpu = {
    get opened() {
      return devices.length;
    },
    lose: () => devices.at(-1)!.destroy(),
    onOpen: () => undefined,
    adapter: (real) => real,
    async gpu() {
      const real = await nodeGpu();
      const requestAdapter: GPU['requestAdapter'] = async (options) => {
        const adapter = await real.requestAdapter(options);
        return adapter && frail.adapter(watched(adapter));
      };
      return Object.assign(Object.create(real) as GPU, { requestAdapter });
    },
  };
  const watched = (adapter: GPUAdapter) =>
    changed(adapter, {
      requestDevice: async (...args: Parameters<GPUAdapter['requestDevice']>) => {
        const device = await adapter.requestDevice(...args);
        devices.push(device);
        frail.onOpen(device);
        return device;
      },
    });
  return frail;
}
