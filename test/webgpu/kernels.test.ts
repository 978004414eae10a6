// Every kernel on the device against the op's CPU code in f64, with the limits that every WebGPU device has and with the adapter's own.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPS } from '../../src/ops/index.ts';
import { verifyKernels } from '../../src/verify/kernels.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { runOnDevice } from '../../src/webgpu/run-op.ts';
import { noAdapter, testDevice } from '../support/device.ts';

/** Each has cases of its own: a case compiles for up to half a second where a processor imitates a GPU. */
const LIMITS = [
  { limits: 'default', seed: 3, cases: 16 },
  { limits: 'adapter', seed: 5, cases: 8 },
] as const;

describe.skipIf(noAdapter !== '').each(LIMITS)('kernels, $limits limits', ({ limits, seed, cases }) => {
  let gpu: GpuDevice;
  beforeAll(async () => {
    gpu = await testDevice({ limits });
  });
  afterAll(() => gpu.destroy());

  test.each(OPS.map((op) => [op.name, op] as const))('%s against f64', async (_name, op) => {
    for await (const check of verifyKernels('kernels', (...call) => runOnDevice(gpu, ...call), {
      ops: [op],
      cases,
      seed,
    })) {
      expect(check, `${check.name}: ${check.error} at ${check.detail}`).toMatchObject({ passed: true });
    }
  });

  test.each(OPS.map((op) => [op.name, op] as const))('%s gives the same bits again', async (_name, op) => {
    let first: Awaited<ReturnType<typeof runOnDevice>> | undefined;
    const run = async (
      ...call: Parameters<typeof runOnDevice> extends [unknown, ...infer Rest] ? Rest : never
    ) => {
      first = await runOnDevice(gpu, ...call);
      const second = await runOnDevice(gpu, ...call);
      expect(second).toEqual(first);
      return second;
    };
    for await (const check of verifyKernels('kernels', run, { ops: [op], cases: 3, seed: 4 })) {
      expect(check.passed).toBe(true);
    }
  });
});
