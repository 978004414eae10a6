// chooseEngines: where the models of a sweep train, and what is said about it.

import '../support/software-vulkan.mjs'; // before `webgpu` is loaded
import { describe, expect, it } from 'vitest';
import { DEFAULT_TRAINING, type ModelConfig } from '../../src/config/config.ts';
import { axesOf } from '../../src/train/sweep-grid.ts';
import { modelsAtOnce } from '../../src/cpu/workers.ts';
import { chooseEngines } from '../../src/engine/choose.ts';
import { sweepSource } from '../../src/train/sweep.ts';
import { ConfigError, DeviceError } from '../../src/util/errors.ts';
import { nodeGpu } from '../../src/webgpu/node-gpu.ts';
import { changedGpu, noAdapter, renamedGpu } from '../support/device.ts';

const noGpu = async (): Promise<GPU | undefined> => {
  throw new DeviceError('No WebGPU adapter was found: WebGPU needs a GPU. Buy one.');
};

function sourceOf(model: Partial<ModelConfig> = {}, batchSize = 1) {
  return sweepSource({
    documents: ['anna', 'bob', 'christopher'],
    model: { nLayer: 1, nEmbd: 8, nHead: 2, blockSize: 6, ...model },
    training: { steps: 4, batchSize, clip: 0 },
    axes: { ...axesOf(DEFAULT_TRAINING), seed: [1, 2, 3] },
  });
}

describe('chooseEngines', () => {
  it('takes the CPU without asking for a GPU', async () => {
    const source = sourceOf();
    const { create, capacity, reason, info, close } = await chooseEngines(
      { engine: 'cpu', gpu: noGpu },
      source,
    );
    expect(info.engine).toBe('cpu');
    const cores = Math.min(3, modelsAtOnce());
    expect(capacity).toBe(cores);
    expect(reason).toBe(cores === 1 ? info.description : `${info.description}; ${cores} models at a time`);
    const engine = await create([source.member(2)]);
    expect(await engine.advance(4)).toHaveLength(4);
    close();
  });

  it('says why there is no GPU', async () => {
    await expect(chooseEngines({ engine: 'webgpu', gpu: noGpu }, sourceOf())).rejects.toThrow(DeviceError);
    const { reason, info, close } = await chooseEngines({ engine: 'auto', gpu: noGpu }, sourceOf());
    expect(reason.startsWith(`${info.description}: No WebGPU adapter was found`)).toBe(true);
    expect(info.engine).toBe('cpu');
    close();
  });
});

describe.skipIf(noAdapter)('chooseEngines with an adapter', () => {
  it('takes the CPU where anything fails on the way to a device', async () => {
    const gpu = () => changedGpu({ requestDevice: undefined });
    const { reason, info, close } = await chooseEngines({ engine: 'auto', gpu }, sourceOf());
    expect(info.engine).toBe('cpu');
    expect(reason).toMatch(/ refused to open a device(;|$)/);
    close();
  });

  it('takes it where it is asked for', async () => {
    const source = sourceOf();
    const chosen = await chooseEngines({ engine: 'webgpu', gpu: nodeGpu }, source);
    expect(chosen.info).toMatchObject({ engine: 'webgpu', launch: 'resident' });
    expect(chosen.capacity).toBe(3);
    const engine = await chosen.create([source.member(0), source.member(1)]);
    expect(await engine.advance(2)).toHaveLength(4);
    chosen.close();
    await expect(engine.advance(1)).rejects.toThrow(DeviceError);
  });

  it('takes the CPU for models that are too large for a workgroup', async () => {
    const source = sourceOf({ nEmbd: 512 }, 2);
    await expect(chooseEngines({ engine: 'webgpu', gpu: nodeGpu }, source)).rejects.toThrow(ConfigError);
    const { reason } = await chooseEngines({ engine: 'auto', gpu: nodeGpu }, source);
    expect(reason).toMatch(/^cpu \(f32, .*\): a step of \d+ MFLOP is too much for one workgroup/);
  });

  it('times both where the adapter is a GPU, and takes the one that trains more models in a second', async () => {
    const { info, reason, close } = await chooseEngines({ engine: 'auto', gpu: renamedGpu }, sourceOf());
    expect(reason.startsWith(info.description)).toBe(true);
    expect(reason).toMatch(
      info.engine === 'cpu'
        ? /: [\d,.]+ model-steps\/s, on Acme X1 [\d,.]+(; \d+ models at a time)?$/
        : /model-steps\/s, on the CPU [\d,.]+$/,
    );
    close();
  });
});
