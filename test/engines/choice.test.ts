// createEngine: which engine is taken, and what is said about it.

import '../support/software-vulkan.mjs'; // before `webgpu` is loaded
import { describe, expect, it } from 'vitest';
import { createEngine, stepFlops, type EngineChoice } from '../../src/engines.ts';
import type { EngineSpec } from '../../src/engine.ts';
import {
  DEFAULT_MODEL,
  DEFAULT_TRAINING,
  type ModelConfig,
  type TrainingConfig,
} from '../../src/model/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError, DeviceError } from '../../src/util/errors.ts';
import { adapterInfo } from '../../src/webgpu/adapter.ts';
import { nodeGpu } from '../../src/webgpu/node-gpu.ts';
import { noAdapter } from '../support/device.ts';

const noGpu = async (): Promise<GPU | undefined> => {
  throw new DeviceError('No WebGPU adapter was found: WebGPU needs a GPU. Buy one.');
};

function specOf(model: Partial<ModelConfig> = {}, training: Partial<TrainingConfig> = {}): EngineSpec {
  return prepareRun({
    documents: ['anna', 'bob', 'christopher-robin'],
    model: { ...DEFAULT_MODEL, ...model },
    training: { ...DEFAULT_TRAINING, steps: 2, ...training },
  }).spec;
}

/** The adapter of this machine under another name, so that a software one passes for a GPU. */
async function renamedGpu(): Promise<GPU> {
  const gpu = await nodeGpu();
  const requestAdapter: GPU['requestAdapter'] = async (options) => {
    const adapter = await gpu.requestAdapter(options);
    if (adapter === null) return null;
    return new Proxy(adapter, {
      get(target, name) {
        if (name === 'info')
          return { vendor: 'acme', architecture: 'x1', device: 'Acme X1', description: '' };
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  };
  return Object.assign(Object.create(gpu) as GPU, { requestAdapter });
}

describe('createEngine', () => {
  it.each(['oracle', 'cpu'] as const)('makes the %s engine without asking for a GPU', async (engine) => {
    const chosen = await createEngine({ engine, launch: 'auto', gpu: noGpu }, specOf());
    expect(chosen.engine.info.engine).toBe(engine);
    expect(chosen.reason).toBe(chosen.engine.info.description);
    expect(await chosen.engine.advance(2)).toHaveLength(2);
    chosen.close();
    chosen.close();
    await expect(chosen.engine.parameters()).rejects.toThrow('dispose');
  });

  it('refuses a launch strategy for an engine that launches nothing', async () => {
    const choice: EngineChoice = { engine: 'cpu', launch: 'eager', gpu: noGpu };
    await expect(createEngine(choice, specOf())).rejects.toThrow(ConfigError);
  });

  it('hands the number of threads to the CPU engine, and refuses it for others', async () => {
    const choice = { launch: 'auto', threads: 2, gpu: noGpu } as const;
    for (const engine of ['cpu', 'auto'] as const) {
      const chosen = await createEngine({ ...choice, engine }, specOf());
      expect(chosen.engine.info.description).toMatch(/, 2 threads\)$/);
      chosen.close();
    }
    for (const engine of ['oracle', 'webgpu'] as const) {
      const refused = createEngine({ ...choice, engine }, specOf());
      await expect(refused).rejects.toThrow(ConfigError);
    }
  });

  it('says why there is no WebGPU where it was asked for', async () => {
    const choice: EngineChoice = { engine: 'webgpu', launch: 'auto', gpu: noGpu };
    await expect(createEngine(choice, specOf())).rejects.toThrow(DeviceError);
    const browser: EngineChoice = { ...choice, gpu: () => Promise.resolve(undefined) };
    await expect(createEngine(browser, specOf())).rejects.toThrow(DeviceError);
  });
});

describe('auto', () => {
  it('takes the CPU where there is no adapter', async () => {
    const chosen = await createEngine({ engine: 'auto', launch: 'auto', gpu: noGpu }, specOf());
    expect(chosen.reason).toBe(`${chosen.engine.info.description}: No WebGPU adapter was found`);
    expect(chosen.engine.info.engine).toBe('cpu');
    expect(chosen.measured).toEqual([]);
    chosen.close();
  });
});

describe.skipIf(noAdapter)('createEngine with an adapter', () => {
  it('makes a WebGPU engine', async () => {
    const chosen = await createEngine({ engine: 'webgpu', launch: 'eager', gpu: nodeGpu }, specOf());
    expect(chosen.engine.info).toMatchObject({ engine: 'webgpu', launch: 'eager' });
    expect(await chosen.engine.advance(2)).toHaveLength(2);
    chosen.close();
    chosen.close();
  });

  it('takes the CPU where the adapter is software, and names it', async () => {
    const adapter = await (await nodeGpu()).requestAdapter();
    const { software } = adapterInfo(adapter!.info);
    const chosen = await createEngine({ engine: 'auto', launch: 'auto', gpu: nodeGpu }, specOf());
    if (software) {
      expect(chosen.engine.info.engine).toBe('cpu');
      expect(chosen.reason).toMatch(/: the WebGPU adapter is software: .*software, not a GPU/);
      expect(chosen.measured).toEqual([]);
    } else {
      expect(chosen.measured.map(({ engine }) => engine)).toEqual(['webgpu', 'cpu']);
    }
    chosen.close();
  });

  it('times both where the adapter is a GPU, takes the faster, and starts that one afresh', async () => {
    const spec = specOf();
    const chosen = await createEngine({ engine: 'auto', launch: 'auto', gpu: renamedGpu }, spec);
    const [gpu, cpu] = chosen.measured;
    expect([gpu.engine, cpu.engine]).toEqual(['webgpu', 'cpu']);
    const faster = gpu.milliseconds < cpu.milliseconds ? 'webgpu' : 'cpu';
    expect(chosen.engine.info.engine).toBe(faster);
    expect(chosen.reason).toMatch(
      faster === 'cpu' ? / ms a step, on Acme X1 [\d.]+ ms$/ : / ms a step, on the CPU [\d.]+ ms$/,
    );
    expect(chosen.engine.info.launch).toBe(faster === 'webgpu' ? 'graph' : undefined);
    expect((await chosen.engine.state()).step).toBe(0);
    expect(await chosen.engine.parameters()).toEqual(Float32Array.from(spec.parameters));
    expect(await chosen.engine.advance(2)).toHaveLength(2);
    chosen.close();
  });
});

describe('stepFlops', () => {
  it('counts 6 for each parameter and predicted token', () => {
    // Documents of 5, 4 and 18 predicted tokens: 9 a document on average.
    expect(stepFlops(specOf({ blockSize: 32 }))).toBeCloseTo(6 * 4032 * 9, 6);
    expect(stepFlops(specOf({ blockSize: 4 }, { batchSize: 5 }))).toBeCloseTo(5 * 6 * 3584 * 4, 6);
  });
});
