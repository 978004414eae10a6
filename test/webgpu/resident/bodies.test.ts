// What one workgroup does for an op inside `resident`, against the op's CPU code in f64.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OpCase } from '../../../src/graph/op.ts';
import { NEIGHBOURS, OPS } from '../../../src/ops/index.ts';
import type { PythonRandom } from '../../../src/util/python-random.ts';
import { verifyKernels } from '../../../src/verify/kernels.ts';
import type { GpuDevice } from '../../../src/webgpu/adapter.ts';
import { noAdapter, testDevice } from '../../support/device.ts';
import { runBody } from '../../support/run-body.ts';

const WITH_BODY = OPS.filter(({ body }) => body !== undefined);

test('all ops have a body but those of other strategies', () => {
  const without = OPS.filter(({ body }) => body === undefined).map(({ name }) => name);
  expect(without).toEqual(['token_order', 'sum_parts', 'attention_decode', 'attention_qkv_grad_tiled']);
  expect(NEIGHBOURS.length).toBeGreaterThan(0);
});

/** `resident` sums the gradients of weights in one part. */
function inOnePart(example: OpCase): OpCase {
  const { parts: _parts, ...attrs } = example.attrs;
  return { ...example, attrs };
}

describe.skipIf(noAdapter !== '')('bodies', () => {
  let gpu: GpuDevice;
  beforeAll(async () => {
    gpu = await testDevice();
  });
  afterAll(() => gpu.destroy());

  test.each(WITH_BODY.map((op) => [op.name, op] as const))(
    '%s against f64, the same bits at another width',
    async (_name, op) => {
      let calls = 0;
      const run = async (example: OpCase) => {
        const result = await runBody(gpu, op, example);
        if (calls++ === 0) expect(await runBody(gpu, op, example, 5)).toEqual(result);
        return result;
      };
      const ops = [{ ...op, example: (random: PythonRandom) => inOnePart(op.example(random)) }];
      const checks = verifyKernels('bodies', (_op, example) => run(example), { ops, cases: 4, seed: 5 });
      for await (const check of checks) {
        expect(check, `${check.name}: ${check.error} at ${check.detail}`).toMatchObject({ passed: true });
      }
    },
  );
});
