// A step in steady state makes nothing on the device and costs one submit at most: counted, not believed.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareRun } from '../../src/train/prepare.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/model/config.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { noAdapter, testDevice } from '../support/device.ts';
import { namesDocuments } from '../support/golden.ts';

const CREATIONS = [
  'createBuffer',
  'createBindGroup',
  'createBindGroupLayout',
  'createPipelineLayout',
  'createShaderModule',
  'createComputePipeline',
  'createComputePipelineAsync',
] as const;

let gpu: GpuDevice;
beforeAll(async () => {
  if (noAdapter === '') gpu = await testDevice({ limits: 'default' });
});
afterAll(() => gpu?.destroy());

/** Counts calls while `work` runs; the calls still happen. */
async function countCalls(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const calls: Record<string, number> = {};
  const restore: (() => void)[] = [];
  const count = (object: object, method: string) => {
    const original = Reflect.get(object, method) as (...args: unknown[]) => unknown;
    calls[method] = 0;
    Object.defineProperty(object, method, {
      configurable: true,
      value: (...args: unknown[]) => {
        calls[method]++;
        return Reflect.apply(original, object, args);
      },
    });
    restore.push(() => Reflect.deleteProperty(object, method));
  };
  const { device } = gpu;
  for (const method of CREATIONS) count(device, method);
  count(device.queue, 'submit');
  count(device.queue, 'writeBuffer');
  try {
    await work();
  } finally {
    for (const undo of restore) undo();
  }
  return calls;
}

describe.skipIf(noAdapter !== '')('a steady step', () => {
  const documents = noAdapter === '' ? namesDocuments().slice(0, 50) : [];
  const { spec } = prepareRun({
    documents: ['anna', ...documents],
    model: DEFAULT_MODEL,
    training: DEFAULT_TRAINING,
  });
  const nothing = Object.fromEntries([...CREATIONS, 'writeBuffer'].map((method) => [method, 0]));

  test.each(['graph', 'fused'] as const)(
    '%s: makes nothing and submits once, alone or in a row',
    async (launch) => {
      const engine = await createWebGpuEngine(spec, { gpu, launch });
      await engine.advance(3);
      expect(await countCalls(() => engine.advance(1))).toEqual({ ...nothing, submit: 1 });
      const { submit, ...made } = await countCalls(() => engine.advance(40));
      expect(made).toEqual(nothing);
      expect(submit).toBeLessThanOrEqual(40);
      engine.dispose();
    },
  );

  test('eager: makes nothing and submits once per kernel', async () => {
    const engine = await createWebGpuEngine(spec, { gpu, launch: 'eager' });
    await engine.advance(1);
    expect(await countCalls(() => engine.advance(1))).toEqual({ ...nothing, submit: 47 });
    engine.dispose();
  });

  test('resident: makes nothing and submits once for many steps', async () => {
    const engine = await createWebGpuEngine(spec, { gpu, launch: 'resident' });
    await engine.advance(1);
    expect(await countCalls(() => engine.advance(1))).toEqual({ ...nothing, submit: 1 });
    // How many steps go into one dispatch follows the time that they take; the host writes their number when it changes.
    await engine.advance(200);
    const { submit, writeBuffer, ...made } = await countCalls(() => engine.advance(50));
    expect(Object.values(made).every((n) => n === 0)).toBe(true);
    expect(submit).toBeLessThan(50);
    expect(writeBuffer).toBeLessThanOrEqual(submit);
    engine.dispose();
  });

  test('the counter counts', async () => {
    const calls = await countCalls(async () =>
      gpu.device.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE }).destroy(),
    );
    expect(calls.createBuffer).toBe(1);
  });

  test('a decoded token makes nothing and submits once', async () => {
    const engine = await createWebGpuEngine(spec, { gpu });
    await engine.prefill([0]);
    const { writeBuffer, submit, ...made } = await countCalls(() => engine.decode(1));
    expect(submit).toBe(1);
    expect(writeBuffer).toBe(2);
    expect(Object.values(made).every((n) => n === 0)).toBe(true);
    engine.dispose();
  });
});
