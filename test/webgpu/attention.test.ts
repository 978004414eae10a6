// Attention where its kernels differ from each other: documents that end at, before and after a tile's edge, heads of every
// width, scores whose exponentials f32 cannot hold. With the limits every WebGPU device has.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Op, OpCase } from '../../src/graph/op.ts';
import { runReference } from '../../src/graph/reference.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/model/config.ts';
import { trainingPlan } from '../../src/model/gpt.ts';
import { parameterLayout } from '../../src/model/parameters.ts';
import { attentionGradStats } from '../../src/ops/attention-grad.ts';
import { attentionQkv, attentionQkvGrad } from '../../src/ops/attention-qkv.ts';
import {
  attentionGradTiledKv,
  attentionGradTiledQ,
  attentionQkvGradTiled,
  attentionQkvTiled,
  attentionTiled,
} from '../../src/ops/attention-tiled.ts';
import { attention } from '../../src/ops/attention.ts';
import { FUSED, LARGE_SIZES } from '../../src/ops/index.ts';
import { exampleStep } from '../../src/ops/support.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { KERNEL_BAR, relativeError } from '../../src/verify/check.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { runOnDevice } from '../../src/webgpu/run-op.ts';
import { noAdapter, testDevice } from '../support/device.ts';

let gpu: GpuDevice;
beforeAll(async () => {
  if (noAdapter === '') gpu = await testDevice({ limits: 'default' });
});
afterAll(() => gpu?.destroy());

/** q, k, v and dout of packed documents, and what the forward pass makes of them, in f64. */
interface Problem {
  readonly R: number;
  readonly C: number;
  readonly attrs: { readonly heads: number; readonly block: number };
  readonly step: OpCase['step'];
  readonly spans: Uint32Array;
  readonly q: Float64Array;
  readonly k: Float64Array;
  readonly v: Float64Array;
  readonly dout: Float64Array;
}

/** `unused` rows follow those in use; `size` is that of an element of q and k. */
function problem(lengths: readonly number[], heads: number, D: number, unused = 3, size = 1): Problem {
  const random = new PythonRandom(12);
  const rows = lengths.reduce((sum, n) => sum + n);
  const [R, C] = [rows + unused, heads * D];
  const spans = new Uint32Array(2 * R);
  let row = 0;
  for (const length of lengths) {
    for (let t = 0; t < length; t++) spans.set([row, row + length], 2 * (row + t));
    row += length;
  }
  // Quarters: products of them, and with D a power of 4 the scores, are exact in f32, however large.
  const quarters = () =>
    Float64Array.from({ length: R * C }, () => (size * Math.round(random.gauss(0, 4))) / 4);
  const normal = () => Float64Array.from({ length: R * C }, () => random.gauss(0, 1));
  const attrs = { heads, block: Math.max(...lengths) };
  return {
    R,
    C,
    attrs,
    step: exampleStep(rows),
    spans,
    q: quarters(),
    k: quarters(),
    v: normal(),
    dout: normal(),
  };
}

/** The rows of q, k and v side by side. */
function sideBySide({ R, C, q, k, v }: Problem): Float64Array {
  const qkv = new Float64Array(R * 3 * C);
  for (let r = 0; r < R; r++)
    [q, k, v].forEach((x, i) => qkv.set(x.subarray(r * C, (r + 1) * C), (3 * r + i) * C));
  return qkv;
}

/** Forward and backward of both families, the tiled kernels or those of one workgroup per row. */
function casesOf(p: Problem, tiled: boolean): [Op, OpCase][] {
  const { R, C, attrs, step, spans, q, k, v, dout } = p;
  const H = attrs.heads;
  const forward: OpCase = { shapes: [[R, C], [R, C], [R, C], [R, 2]], attrs, inputs: [q, k, v, spans], step }; // prettier-ignore
  const { tensors } = runReference(attention, forward);
  const [out, lse] = [tensors.get('out') as Float64Array, tensors.get('lse') as Float64Array];
  const statsCase: OpCase = { shapes: [[R, H], [R, C], [R, C]], attrs, inputs: [lse, out, dout], step }; // prettier-ignore
  const stats = runReference(attentionGradStats, statsCase).tensors.get('stats') as Float64Array;
  const grad: OpCase = {
    shapes: [[R, C], [R, C], [R, C], [R, C], [R, H, 2], [R, 2]], // prettier-ignore
    attrs,
    inputs: [q, k, v, dout, stats, spans],
    step,
  };
  const qkv = sideBySide(p);
  const qkvForward: OpCase = { shapes: [[R, 3 * C], [R, 2]], attrs, inputs: [qkv, spans], step }; // prettier-ignore
  if (!tiled) {
    const shapes = [[R, 3 * C], [R, C], [R, H], [R, C], [R, 2]]; // prettier-ignore
    return [
      [attention, forward],
      [attentionQkv, qkvForward],
      [attentionQkvGrad, { shapes, attrs, inputs: [qkv, out, lse, dout, spans], step }],
    ];
  }
  const shapes = [[R, 3 * C], [R, C], [R, H, 2], [R, 2]]; // prettier-ignore
  return [
    [attentionTiled, forward],
    [attentionGradTiledQ, grad],
    [attentionGradTiledKv, grad],
    [attentionQkvTiled, qkvForward],
    [attentionQkvGradTiled, { shapes, attrs, inputs: [qkv, dout, stats, spans], step }],
  ];
}

/** `zero`: tensors that are 0 but for rounding, as dq where each row sees itself alone. */
async function expectParity(cases: [Op, OpCase][], zero: readonly string[] = []): Promise<void> {
  for (const [op, example] of cases) {
    const got = await runOnDevice(gpu, op, example);
    for (const [name, expected] of runReference(op, example).tensors) {
      const values = got.tensors.get(name)!;
      const error = zero.includes(name) ? Math.hypot(...values) : relativeError(values, expected);
      expect(error, `${op.name}.${name}`).toBeLessThanOrEqual(KERNEL_BAR);
    }
  }
}

describe.skipIf(noAdapter !== '')('attention against f64', () => {
  test.each([1, 70])('tiled: %s documents of one row each', async (count) => {
    const lengths = Array.from({ length: count }, () => 1);
    await expectParity(casesOf(problem(lengths, 2, 4), true), ['dq', 'dk']);
  });

  test.each([
    ['a tile exactly', problem([64], 1, 16, 0)],
    ['one row less and one more', problem([63, 65, 1, 31, 33], 2, 12)],
    ['documents of odd lengths over several tiles', problem([5, 131, 1, 77, 17], 2, 36, 70)],
    ['heads of 64', problem([97, 40], 2, 64)],
    ['heads of 100', problem([70, 30], 1, 100)],
    ['heads of 128', problem([70, 33], 2, 128)],
  ])('tiled: %s', async (_title, p) => {
    await expectParity(casesOf(p, true));
  });

  test('a context of 1,024 in a head of 64', async () => {
    await expectParity(casesOf(problem([1024], 1, 64, 0), true).slice(0, 3));
  });

  // Scores reach some 300 either way; exp overflows f32 from 89 on.
  test.each([true, false])('scores that exp cannot hold, tiled: %s', async (tiled) => {
    const p = problem([70, 9, 45], 2, 16, 2, 8);
    const { tensors } = runReference(...casesOf(p, false)[0]);
    expect(Math.max(...(tensors.get('lse') as Float64Array))).toBeGreaterThan(200);
    await expectParity(casesOf(p, tiled));
  });
});

test('tiles are taken for contexts over 32 and heads of up to 128 channels in fours', () => {
  const cases: [C: number, heads: number, block: number, tiled: boolean][] = [
    [768, 12, 1024, true],
    [512, 4, 33, true],
    [16, 4, 33, true],
    [16, 4, 32, false],
    [528, 4, 1024, false],
    [10, 2, 1024, false],
  ];
  for (const [C, heads, block, tiled] of cases) {
    const model = { ...DEFAULT_MODEL, nEmbd: C, nHead: heads, blockSize: block, vocabSize: 27 };
    for (const [rules, op, other] of [
      [LARGE_SIZES, attention, attentionTiled],
      [FUSED, attentionQkv, attentionQkvTiled],
    ] as const) {
      const layout = parameterLayout(model);
      const plan = trainingPlan(model, DEFAULT_TRAINING, layout, { length: 100, documents: 10 }, rules);
      const ops = plan.dispatches.map(({ node }) => node.op);
      expect(ops.includes(tiled ? other : op)).toBe(true);
      expect(ops.includes(tiled ? op : other)).toBe(false);
    }
  }
});
