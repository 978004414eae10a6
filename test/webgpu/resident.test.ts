// What is particular to the strategy `resident` and to several models; the common cases are in engine.test.ts.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ResourceType, WgslReflect } from 'wgsl_reflect';
import type { EngineSpec } from '../../src/engine/engine.ts';
import { specOf } from '../../src/engine/models.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { countParameters } from '../../src/model/parameters.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { DeviceError } from '../../src/util/errors.ts';
import { USED_LIMITS, type GpuDevice } from '../../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { modelCapacity } from '../../src/webgpu/capacity.ts';
import { residentStep, whyNotResident } from '../../src/webgpu/resident/step.ts';
import type { ResidentOptions } from '../../src/webgpu/resident.ts';
import { noAdapter, testDevice } from '../support/device.ts';
import { expectSameBits } from '../support/same-bits.ts';
import { namesDocuments } from '../support/golden.ts';

const PLACES = ['workgroup', 'storage'] as const;
const MEMORIES = PLACES.flatMap((weights) => PLACES.map((values) => ({ weights, values })));
/** Gradients are spent at once, or clipped. */
const CLIPS = [0, 1.5];
const model = { ...DEFAULT_MODEL, vocabSize: 27 };

describe('the resident kernel', () => {
  const KERNELS = MEMORIES.flatMap((memory) => CLIPS.map((clip) => ({ ...memory, clip })));
  test.each(KERNELS)(
    'weights in $weights, values in $values, clip $clip: bindings and constants',
    ({ clip, ...memory }) => {
      const source = residentStep(model, { ...DEFAULT_TRAINING, clip }).source(memory);
      const { resources } = new WgslReflect(source).entry.compute[0];
      const storage = resources.filter((resource) => resource.resourceType === ResourceType.Storage);
      expect(storage.length).toBeLessThanOrEqual(8);
      const constants = [...source.matchAll(/override (\w+)/g)].map(([, name]) => name);
      expect(constants).toEqual(['WORKERS', 'DOCUMENTS', 'ORDERS', 'ORDER_LENGTH']);
    },
  );

  test('takes workgroup memory for all, or the values, or the weights, or nothing', () => {
    const step = residentStep(model, DEFAULT_TRAINING);
    const memory = (bytes: number) => Object.values(step.memoryFor(bytes)).join(' ');
    expect(memory(48 * 1024)).toBe('workgroup workgroup');
    expect(memory(32 * 1024)).toBe('storage workgroup');
    expect(memory(20 * 1024)).toBe('workgroup storage');
    expect(memory(16 * 1024)).toBe('storage storage');
  });

  test('refuses what is too much for a workgroup', () => {
    expect(whyNotResident(model, DEFAULT_TRAINING)).toBeUndefined();
    expect(whyNotResident({ ...model, nEmbd: 512 }, DEFAULT_TRAINING)).toMatch(
      /a step of \d+ MFLOP is too much for one workgroup/,
    );
    // Few parameters, but 4 channels of 32 layers attend to a thousand rows: seconds on a slow device.
    const deep = { ...model, nLayer: 32, nEmbd: 4, nHead: 1, blockSize: 1024 };
    expect(whyNotResident(deep, DEFAULT_TRAINING)).toMatch(/too much for one workgroup/);
  });
});

let gpu: GpuDevice;
beforeAll(async () => {
  if (noAdapter === '') gpu = await testDevice({ limits: 'adapter' });
});
afterAll(() => gpu?.destroy());

describe.skipIf(noAdapter !== '')('resident', () => {
  const documents = noAdapter === '' ? namesDocuments().slice(0, 60) : [];
  const small = { nLayer: 2, nEmbd: 8, nHead: 2, blockSize: 6 };
  const training = { ...DEFAULT_TRAINING, batchSize: 2, steps: 40 };
  const { spec } = prepareRun({ documents: ['anna', ...documents], model: small, training });

  const train = async (options: ResidentOptions, of: EngineSpec = spec) => {
    const engine = await createWebGpuEngine(of, { gpu, launch: 'resident', resident: options });
    expect(engine.info.launch).toBe('resident');
    const result = {
      first: await engine.gradients(),
      losses: await engine.advance(20),
      state: await engine.state(),
    };
    engine.dispose();
    return result;
  };

  /** 1e-4 where the bits may differ: f32 rounding, carried on by 20 steps of Adam. */
  const sameBits = (got: unknown, expected: unknown, what: string) =>
    expectSameBits(gpu, got, expected, 1e-4, what);

  // Heads of 4, 2 and 1 channels: packs of as many.
  test.each([
    [0, 2, [1, [8, 64]]],
    [1.5, 2, [128]],
    [0, 4, [128]],
    [1.5, 8, [8]],
  ])(
    'gives the same bits at any width and place of weights and values, clip %d, %d heads',
    async (clip, nHead, widths) => {
      const { limits } = gpu.device;
      const own = { ...spec, model: { ...spec.model, nHead }, training: { ...training, clip } };
      const step = residentStep(own.model, own.training);
      const reference = await train({ workers: 32, workgroupMemory: 0 }, own);
      const seen = new Set<string>();
      for (const workgroupMemory of [
        4 * step.parameters * 1.2,
        4 * step.values + 64,
        limits.maxComputeWorkgroupStorageSize,
      ]) {
        seen.add(Object.values(step.memoryFor(workgroupMemory)).join(' '));
        sameBits(await train({ workers: 32, workgroupMemory }, own), reference, `${workgroupMemory} bytes`);
      }
      expect(seen).toContain('workgroup storage');
      expect(seen).toContain('workgroup workgroup');
      for (const workers of widths)
        sameBits(await train({ workers }, own), reference, `width ${String(workers)}`);
    },
  );

  test('falls back where the model is too large, and says why', async () => {
    const large = prepareRun({
      documents,
      model: { ...DEFAULT_MODEL, nEmbd: 256 },
      training: { ...training, batchSize: 16 },
    });
    const engine = await createWebGpuEngine(large.spec, { gpu, launch: 'resident' });
    expect(engine.info.launch).toBe('fused');
    expect(engine.info.description).toMatch(
      /^webgpu \(fused, not resident: a step of 1\d{3} MFLOP is too much .*\) on /,
    );
    engine.dispose();
  });

  test('leaves out widths that the device refuses', async () => {
    const widest = gpu.device.limits.maxComputeInvocationsPerWorkgroup;
    const { losses } = await train({ workers: [2 * widest, 8, 4 * widest] });
    sameBits(losses, (await train({ workers: 8 })).losses, 'widths that are left out');
    await expect(train({ workers: [2 * widest, 4 * widest] })).rejects.toThrow(/^resident .*cannot run/);
    expect(gpu.firstError()).toBeUndefined();
  });

  test('refuses several models that are too large, or with another strategy', async () => {
    const large = { ...spec, model: { ...spec.model, nEmbd: 512 } };
    const wide = { training, parameters: new Float32Array(countParameters(large.model)) };
    await expect(createWebGpuEngine(specOf(large, [wide, wide]), { gpu })).rejects.toThrow(
      /too much for one workgroup/,
    );
    const graph = createWebGpuEngine(specOf(spec, [spec, spec]), { gpu, launch: 'graph' });
    await expect(graph).rejects.toThrow('launch graph: expected 1 model, got 2');
  });

  test('takes as many models as the limits of the device let it', async () => {
    const limited = (limits: Partial<Record<keyof GPUSupportedLimits, number>>) => {
      const device = { limits: { ...limitsOf(gpu), ...limits } };
      return modelCapacity({ ...gpu, device } as unknown as GpuDevice, spec);
    };
    const { values, parameters } = residentStep(spec.model, training);
    const length = Math.max(values, parameters);
    expect(limited({ maxComputeWorkgroupsPerDimension: 7 })).toBe(7);
    expect(limited({ maxBufferSize: 4 * length * 5 + 3 })).toBe(5);
    expect(limited({ maxStorageBufferBindingSize: 4 * length * 6 })).toBe(6);
    expect(limited({ maxBufferSize: 4 * length - 1 })).toBe(0);
    expect(limited({})).toBeGreaterThanOrEqual(512);
    // A step of all of them is a dispatch, which must not take long.
    const slow = {
      ...spec,
      training: { ...training, batchSize: 12 },
      model: { ...spec.model, nLayer: 1, nEmbd: 64, nHead: 4, blockSize: 16 },
    };
    const step = 6 * countParameters(slow.model) * 16 * 12;
    const capacity = modelCapacity(gpu, slow);
    expect(whyNotResident(slow.model, slow.training)).toBeUndefined();
    expect(capacity * step).toBeLessThanOrEqual(1e10);
    expect(capacity).toBeGreaterThan(100);
    const many = Array.from({ length: limited({}) + 1 }, () => spec);
    await expect(createWebGpuEngine(specOf(spec, many), { gpu })).rejects.toThrow(DeviceError);
  });
});

/** The limits are accessors of a prototype, which `...` does not see. */
function limitsOf({ device }: GpuDevice): Record<string, number> {
  return Object.fromEntries(USED_LIMITS.map((name) => [name, device.limits[name]]));
}
