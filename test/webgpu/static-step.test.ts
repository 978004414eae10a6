// A step in steady state makes nothing on the device and costs one submit at most: counted, not believed.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareRun } from '../../src/train/prepare.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { train } from '../../src/train/trainer.ts';
import { countCalls, CREATIONS } from '../support/device-calls.ts';
import { noAdapter, testDevice } from '../support/device.ts';
import { namesDocuments } from '../support/golden.ts';
import { withLateAnswers } from '../support/late-answers.ts';

let gpu: GpuDevice;
beforeAll(async () => {
  if (noAdapter === '') gpu = await testDevice({ limits: 'default' });
});
afterAll(() => gpu?.destroy());

describe.skipIf(noAdapter !== '')('a steady step', () => {
  const documents = noAdapter === '' ? namesDocuments().slice(0, 50) : [];
  const { spec } = prepareRun({
    documents: ['anna', ...documents],
    model: DEFAULT_MODEL,
    training: DEFAULT_TRAINING,
  });
  const made = (calls: Record<string, number>) => CREATIONS.reduce((sum, method) => sum + calls[method], 0);

  test.each(['graph', 'fused'] as const)(
    '%s: makes nothing and submits once, alone or in a row',
    async (launch) => {
      const engine = await createWebGpuEngine(spec, { gpu, launch });
      await engine.advance(3);
      const alone = await countCalls(() => engine.advance(1));
      expect([made(alone), alone.submit, alone.writeBuffer]).toEqual([0, 1, 0]);
      const row = await countCalls(() => engine.advance(40));
      expect([made(row), row.writeBuffer]).toEqual([0, 0]);
      expect(row.submit).toBeLessThanOrEqual(40);
      engine.dispose();
    },
  );

  test('eager: makes nothing and submits once per kernel', async () => {
    const engine = await createWebGpuEngine(spec, { gpu, launch: 'eager' });
    await engine.advance(1);
    const calls = await countCalls(() => engine.advance(1));
    expect([made(calls), calls.submit, calls.writeBuffer]).toEqual([0, 47, 0]);
    engine.dispose();
  });

  test('resident: makes nothing and submits once for many steps', async () => {
    const engine = await createWebGpuEngine(spec, { gpu, launch: 'resident' });
    await engine.advance(1);
    const alone = await countCalls(() => engine.advance(1));
    expect([made(alone), alone.submit, alone.writeBuffer]).toEqual([0, 1, 0]);
    // How many steps go into one dispatch follows the time that they take; the host writes their number when it changes.
    await engine.advance(200);
    const row = await countCalls(() => engine.advance(50));
    expect(made(row)).toBe(0);
    expect(row.submit).toBeLessThan(50);
    expect(row.writeBuffer).toBeLessThanOrEqual(row.submit);
    engine.dispose();
  });

  test.each(['graph', 'resident'] as const)(
    '%s: where answers come every 100 ms, trains to the same losses in few readbacks, and makes nothing',
    async (launch) => {
      const [prompt, late] = [
        await createWebGpuEngine(spec, { gpu, launch }),
        await createWebGpuEngine(spec, { gpu, launch }),
      ];
      const expected = await prompt.advance(120);
      const losses: number[] = [];
      const calls = await countCalls(() =>
        withLateAnswers(100, async () => {
          // 50 ms: as the page asks for reports.
          for await (const chunk of train(late, { ...spec.training, steps: 120 }, { interval: 50 }))
            losses.push(...chunk.losses);
        }),
      );
      expect(losses).toEqual([...expected]);
      expect(await late.state()).toEqual(await prompt.state());
      expect(made(calls)).toBe(0);
      expect(calls.mapAsync).toBeLessThan(40);
      prompt.dispose();
      late.dispose();
    },
  );

  test('the counter counts', async () => {
    const calls = await countCalls(async () =>
      gpu.device.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE }).destroy(),
    );
    expect(calls.createBuffer).toBe(1);
  });

  test('a decoded token makes nothing and submits once', async () => {
    const engine = await createWebGpuEngine(spec, { gpu });
    await engine.prefill([0]);
    const calls = await countCalls(() => engine.decode(1));
    expect([made(calls), calls.submit, calls.writeBuffer]).toEqual([0, 1, 2]);
    engine.dispose();
  });
});
