// Every kernel on the device against the op's CPU code in f64.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OpCase } from '../../src/graph/op.ts';
import { OPS } from '../../src/ops/index.ts';
import { verifyKernels } from '../../src/verify/kernels.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { runOnDevice } from '../../src/webgpu/run-op.ts';
import { noAdapter, testDevice } from '../support/device.ts';

/** Cases of each kernel that are run again. */
const TWICE = 2;

/**
 * With these limits, which change nothing in `launch`, only what else may be chosen: that is in variants.test.ts. A case compiles for
 * up to half a second where a processor imitates a GPU.
 */
export function kernelCases(limits: 'default' | 'adapter', seed: number, cases: number): void {
  describe.skipIf(noAdapter !== '')(`kernels, ${limits} limits`, () => {
    let gpu: GpuDevice;
    beforeAll(async () => {
      gpu = await testDevice({ limits });
    });
    afterAll(() => gpu.destroy());

    test.each(OPS.map((op) => [op.name, op] as const))(
      '%s against f64, the same bits again',
      async (_name, op) => {
        let calls = 0;
        const run = async (example: OpCase) => {
          const result = await runOnDevice(gpu, op, example);
          if (calls++ < TWICE) expect(await runOnDevice(gpu, op, example)).toEqual(result);
          return result;
        };
        const options = { ops: [op], cases, seed };
        for await (const check of verifyKernels('kernels', (_op, example) => run(example), options)) {
          expect(check, `${check.name}: ${check.error} at ${check.detail}`).toMatchObject({ passed: true });
        }
      },
    );
  });
}
