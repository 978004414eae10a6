// Every variant of every kernel that has several, against f64, and against each other: the order of the sums is the
// same, so the bits are. A software adapter takes most of a second to compile a large tile.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runReference } from '../../src/graph/reference.ts';
import { DEFAULT_KERNEL_LIMITS, sizeOf } from '../../src/graph/op.ts';
import type { Attrs, OpCase, Shape } from '../../src/graph/op.ts';
import { OPS } from '../../src/ops/index.ts';
import { exampleStep, randomNormal } from '../../src/ops/support.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { KERNEL_BAR, relativeError } from '../../src/verify/check.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { runOnDevice } from '../../src/webgpu/run-op.ts';
import { noAdapter, testDevice } from '../support/device.ts';
import { expectSameBits } from '../support/same-bits.ts';

type Dims = readonly [R: number, O: number, I: number];

/** The shapes of an op's inputs for R rows, O outputs and I inputs. */
export const SHAPES: Readonly<Record<string, (...dims: Dims) => Shape[]>> = {
  linear: (R, O, I) => [[R, I], [O, I]], // prettier-ignore
  linear_grad_x: (R, O, I) => [[R, O], [O, I]], // prettier-ignore
  linear_grad_w: (R, O, I) => [[R, O], [R, I]], // prettier-ignore
  linear_add: (R, O, I) => [[R, I], [O, I], [R, O]], // prettier-ignore
  linear_grad: (R, O, I) => [[R, O], [R, I], [O, I]], // prettier-ignore
  norm_linear_relu: (R, O, I) => [[R, I], [O, I]], // prettier-ignore
  linear_relu_grad: (R, O, I) => [[R, O], [R, O], [R, I], [O, I]], // prettier-ignore
  norm_qkv: (R, C) => [[R, C], [C, C], [C, C], [C, C]], // prettier-ignore
  qkv_grad_x: (R, C) => [[R, 3 * C], [C, C], [C, C], [C, C]], // prettier-ignore
  qkv_grad_w: (R, C) => [[R, 3 * C], [R, C]], // prettier-ignore
};

/** Beyond one tile of the largest, whole vec4 or not, with a last slab that is not full. */
export const DIMS: readonly Dims[] = [
  [150, 132, 76],
  [139, 66, 133],
  [140, 131, 68],
];
const SUMMED_IN_PARTS = new Set(['linear_grad_w', 'linear_grad', 'linear_relu_grad', 'qkv_grad_w']);

export function caseOf(op: string, [R, O, I]: Dims, attrs: Attrs): OpCase {
  const random = new PythonRandom(11);
  const shapes = SHAPES[op](R, O, I);
  const inputs = shapes.map((shape) => randomNormal(random, sizeOf(shape)));
  return { shapes, attrs, inputs, step: exampleStep(R - 7) };
}

export const withVariants = OPS.filter((op) => op.kernel.variants !== undefined);

/** Runs each op with one in `of` of its variants, each op with others; a GPU runs all. */
export function variantCases(of: number): void {
  describe.skipIf(noAdapter !== '')('variants against f64, with the limits every device has', () => {
    let gpu: GpuDevice;
    beforeAll(async () => {
      gpu = await testDevice({ limits: 'default' });
    });
    afterAll(() => gpu?.destroy());

    test.each(withVariants.map((op, i) => [op.name, op, i] as const))('%s', async (name, op, turn) => {
      const parts: Attrs[] = SUMMED_IN_PARTS.has(name) ? [{}, { parts: 3 }] : [{}];
      const cases = DIMS.map((dims, i) => caseOf(name, dims, parts[(i + turn) % parts.length]));
      const references = cases.map((example) => runReference(op, example));
      const first: Awaited<ReturnType<typeof runOnDevice>>[] = [];
      const count = op.kernel.variants!(cases[0].shapes, {}, DEFAULT_KERNEL_LIMITS).length;
      const share = gpu.info.software ? of : 1;
      const others = Array.from({ length: count - 1 }, (_, i) => i + 1).filter(
        (v) => (v + turn) % share === 0,
      );
      // All cases with the smallest tile, then one of them in turn with each of the others.
      const runs = [
        ...cases.map((_, i) => [0, i]),
        ...others.map((v) => [v, Math.floor((v + turn) / share) % cases.length]),
      ];
      for (const [v, i] of runs) {
        const launch = op.kernel.variants!(cases[i].shapes, cases[i].attrs, DEFAULT_KERNEL_LIMITS)[v];
        const got = await runOnDevice(gpu, op, cases[i], launch);
        const what = `${launch.variant} at ${JSON.stringify(cases[i].shapes)}`;
        for (const [tensor, expected] of references[i].tensors) {
          const error = relativeError(got.tensors.get(tensor)!, expected);
          expect(error, `${tensor} of ${what}`).toBeLessThanOrEqual(KERNEL_BAR);
        }
        first[i] ??= got;
        expectSameBits(gpu, got.tensors, first[i].tensors, KERNEL_BAR, `bits of ${what}`);
      }
    });
  });
}
