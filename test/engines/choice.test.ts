// createEngine: which engine is taken, and what is said about it.

import '../support/software-vulkan.mjs'; // before `webgpu` is loaded
import { describe, expect, it } from 'vitest';
import type { EngineChoice } from '../../src/engine/choice.ts';
import { createEngine, stepFlops } from '../../src/engine/choose.ts';
import type { EngineSpec } from '../../src/engine/engine.ts';
import {
  DEFAULT_MODEL,
  DEFAULT_TRAINING,
  type ModelConfig,
  type TrainingConfig,
} from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError, DeviceError } from '../../src/util/errors.ts';
import { adapterInfo } from '../../src/webgpu/adapter.ts';
import { nodeGpu } from '../../src/webgpu/node-gpu.ts';
import { chooseLaunch } from '../../src/engine/choose-launch.ts';
import { changedGpu, noAdapter, renamedGpu, testDevice } from '../support/device.ts';
import { frailGpu } from '../support/lose-device.ts';

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

  it('makes an engine of several models', async () => {
    const spec = specOf();
    const several = { ...spec, others: [spec, spec] };
    const chosen = await createEngine({ engine: 'auto', launch: 'auto', gpu: noGpu }, several);
    expect([chosen.engine.info.engine, chosen.engine.size]).toEqual(['cpu', 3]);
    const alone = await createEngine({ engine: 'cpu', launch: 'auto', gpu: noGpu }, spec);
    const losses = await alone.engine.advance(2);
    expect(await chosen.engine.advance(2)).toEqual(Float64Array.of(...losses, ...losses, ...losses));
    alone.close();
    chosen.close();
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

  it('trains several models in a workgroup each', async () => {
    const spec = specOf();
    const several = { ...spec, others: [spec] };
    const chosen = await createEngine({ engine: 'webgpu', launch: 'auto', gpu: nodeGpu }, several);
    expect(chosen.reason).toMatch(/^webgpu \(resident, a workgroup per model\) on /);
    expect(await chosen.engine.advance(2)).toHaveLength(4);
    chosen.close();
    const large = specOf({ nEmbd: 256 }, { batchSize: 8 });
    const refused = { ...large, others: [large] };
    await expect(createEngine({ engine: 'webgpu', launch: 'auto', gpu: nodeGpu }, refused)).rejects.toThrow(
      /too much for one workgroup/,
    );
  });

  it('takes the CPU where the adapter is software, and names it', async () => {
    const adapter = await (await nodeGpu()).requestAdapter();
    const { software } = await adapterInfo(adapter!);
    const chosen = await createEngine({ engine: 'auto', launch: 'auto', gpu: nodeGpu }, specOf());
    if (software) {
      expect(chosen.engine.info.engine).toBe('cpu');
      expect(chosen.reason).toMatch(/: the WebGPU adapter is software: .*software, not a GPU/);
      expect(chosen.measured).toEqual([]);
    } else {
      expect(new Set(chosen.measured.map(({ engine }) => engine))).toEqual(new Set(['webgpu', 'cpu']));
    }
    chosen.close();
  });

  it('trains on an adapter without info, as on an unnamed GPU', async () => {
    const gpu = () => changedGpu({ info: undefined });
    const chosen = await createEngine({ engine: 'webgpu', launch: 'graph', gpu }, specOf());
    expect(chosen.reason).toBe('webgpu (graph) on unnamed adapter');
    expect(await chosen.engine.advance(2)).toHaveLength(2);
    chosen.close();
  });

  it('takes the CPU where anything fails on the way to a device, and says so', async () => {
    const requestDevice = () => {
      throw new TypeError('not a function');
    };
    const gpu = () => changedGpu({ requestDevice });
    const chosen = await createEngine({ engine: 'auto', launch: 'auto', gpu }, specOf());
    expect(chosen.reason).toMatch(/^cpu .* refused to open a device$/);
    chosen.close();
    await expect(createEngine({ engine: 'webgpu', launch: 'auto', gpu }, specOf())).rejects.toThrow(
      DeviceError,
    );
  });

  it('times both where the adapter is a GPU, takes the faster, and starts that one afresh', async () => {
    const spec = specOf();
    const chosen = await createEngine({ engine: 'auto', launch: 'auto', gpu: renamedGpu }, spec);
    const { measured } = chosen;
    expect(measured.map(({ launch }) => launch ?? 'cpu').toSorted()).toEqual([
      'cpu',
      'fused',
      'graph',
      'resident',
    ]);
    const fastest = measured.reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a));
    const { engine, launch } = chosen.engine.info;
    expect([engine, launch]).toEqual([fastest.engine, fastest.launch]);
    const strategies = /(fused|graph|resident) [\d.]+ ms a step(, (fused|graph|resident) [\d.]+ ms){2}/
      .source;
    const expected =
      engine === 'cpu'
        ? `: [\\d.]+ ms a step; on Acme X1 ${strategies}$`
        : `: ${strategies}; on the CPU [\\d.]+ ms$`;
    expect(chosen.reason).toMatch(new RegExp(expected));
    expect((await chosen.engine.state()).step).toBe(0);
    expect(await chosen.engine.parameters()).toEqual(Float32Array.from(spec.parameters));
    expect(await chosen.engine.advance(2)).toHaveLength(2);
    chosen.close();
  });

  it('measures the one strategy that was asked for against the CPU', async () => {
    const chosen = await createEngine({ engine: 'auto', launch: 'graph', gpu: renamedGpu }, specOf());
    expect(chosen.measured.map(({ launch }) => launch ?? 'cpu')).toEqual(['graph', 'cpu']);
    chosen.close();
  });
});

describe.skipIf(noAdapter)('launch auto', () => {
  it('opens the device again where a trial lost it, and takes what was measured before', async () => {
    const frail = frailGpu();
    frail.onOpen = (device) => {
      const create = device.createComputePipelineAsync.bind(device);
      device.createComputePipelineAsync = (descriptor) => {
        if (descriptor.label?.startsWith('resident')) device.destroy();
        return create(descriptor);
      };
    };
    const chosen = await createEngine({ engine: 'webgpu', launch: 'auto', gpu: frail.gpu }, specOf());
    expect(frail.opened).toBe(2);
    expect(chosen.reason).toMatch(
      /: (fused|graph) [\d.]+ ms a step, .*; not resident: The GPU device was lost/,
    );
    expect(await chosen.engine.advance(2)).toHaveLength(2);
    chosen.close();
  });

  const choose = (launch: EngineChoice['launch'], spec: EngineSpec) =>
    createEngine({ engine: 'webgpu', launch, gpu: nodeGpu }, spec);

  it('takes the fastest of what it measured, and gives the losses of that strategy', async () => {
    const spec = specOf({}, { steps: 30 });
    const chosen = await choose('auto', spec);
    const times = chosen.measured.map(({ milliseconds }) => milliseconds);
    expect(times).toHaveLength(3);
    expect(times[0]).toBe(Math.min(...times));
    const { launch, description } = chosen.engine.info;
    expect(chosen.measured[0]).toMatchObject({ engine: 'webgpu', launch });
    expect(chosen.reason.startsWith(`${description}: ${launch} `)).toBe(true);
    const named = await choose(launch!, spec);
    expect(named.measured).toEqual([]);
    expect(await chosen.engine.advance(30)).toEqual(await named.engine.advance(30));
    expect(await chosen.engine.state()).toEqual(await named.engine.state());
    chosen.close();
    named.close();
  });

  it('says why it did not try resident', async () => {
    // 256 channels: too much for one workgroup, and on a software adapter for a trial.
    const chosen = await choose('auto', specOf({ nEmbd: 256 }, { batchSize: 2 }));
    expect(chosen.measured.map(({ launch }) => launch)).not.toContain('resident');
    expect(chosen.reason).toMatch(/; not resident: a step of \d+ MFLOP is too much for one workgroup/);
    expect(await chosen.engine.advance(1)).toHaveLength(1);
    chosen.close();
  });

  it('tries nothing where a step takes long, and says so', async () => {
    const { gpu, spec } = { gpu: await testDevice({ limits: 'adapter' }), spec: specOf() };
    const large = { ...spec.model, nEmbd: 768, nLayer: 12, blockSize: 1024, vocabSize: 50_257 };
    // Decided before anything of that size is made: the parameters may be missing.
    const choice = await chooseLaunch({ ...spec, model: large }, gpu);
    expect(choice).toMatchObject({ launch: 'fused', measured: [] });
    expect(choice.why).toMatch(/^a step of 817 GFLOP is too large to try launch strategies; not resident: /);
    expect(await chooseLaunch({ ...spec, model: large }, gpu, ['graph'])).toMatchObject({ launch: 'graph' });
    gpu.destroy();
  });
});

describe('stepFlops', () => {
  it('counts 6 for each parameter and predicted token', () => {
    // Documents of 5, 4 and 18 predicted tokens: 9 a document on average.
    expect(stepFlops(specOf({ blockSize: 32 }))).toBeCloseTo(6 * 4032 * 9, 6);
    expect(stepFlops(specOf({ blockSize: 4 }, { batchSize: 5 }))).toBeCloseTo(5 * 6 * 3584 * 4, 6);
  });
});
