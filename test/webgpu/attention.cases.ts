// Attention where its kernels differ from each other: documents that end at, before and after a tile's edge, heads of every
// width, scores whose exponentials f32 cannot hold. With the limits every WebGPU device has.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Op, OpCase } from '../../src/graph/op.ts';
import { runReference } from '../../src/graph/reference.ts';
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
export interface Problem {
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
export function problem(lengths: readonly number[], heads: number, D: number, unused = 3, size = 1): Problem {
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
export function casesOf(p: Problem, tiled: boolean): [Op, OpCase][] {
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
export async function expectParity(cases: [Op, OpCase][], zero: readonly string[] = []): Promise<void> {
  for (const [op, example] of cases) {
    const got = await runOnDevice(gpu, op, example);
    for (const [name, expected] of runReference(op, example).tensors) {
      const values = got.tensors.get(name)!;
      const error = zero.includes(name) ? Math.hypot(...values) : relativeError(values, expected);
      expect(error, `${op.name}.${name}`).toBeLessThanOrEqual(KERNEL_BAR);
    }
  }
}

/** The tiled kernels on each problem. */
export function tiledCases(problems: readonly (readonly [title: string, p: Problem])[]): void {
  test.skipIf(noAdapter !== '').each(problems)('tiled: %s', async (_title, p) => {
    await expectParity(casesOf(p, true));
  });
}
