// The tuner's choices: measured, checked, remembered. Times mean nothing on a software adapter, where it is asked to
// measure all the same; which variant wins there is not looked at.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Graph } from '../../src/graph/graph.ts';
import type { Tensor } from '../../src/graph/graph.ts';
import type { Launch, Op } from '../../src/graph/op.ts';
import { planGraph } from '../../src/graph/plan.ts';
import type { Place, Plan } from '../../src/graph/plan.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { linear } from '../../src/ops/linear.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { DeviceBuffers } from '../../src/webgpu/buffers.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { tunePlan } from '../../src/webgpu/tuner.ts';
import type { TuningCache } from '../../src/webgpu/tuning.ts';
import { noAdapter, testDevice } from '../support/device.ts';
import { expectSameBits } from '../support/same-bits.ts';

let gpu: GpuDevice;
beforeAll(async () => {
  if (noAdapter === '') gpu = await testDevice({ limits: 'default' });
});
afterAll(() => gpu?.destroy());

/** x (96, 40) · w (72, 40), with `op` in place of linear. */
function planOf(op: Op): Plan {
  const graph = new Graph();
  const regions = ['x', 'w', 'out'].map((name) => ({ name, dtype: 'f32' as const, length: 96 * 72 }));
  const places = new Map<Tensor, Place>();
  const at = (region: string, tensor: Tensor) => {
    places.set(tensor, { region, offset: 0 });
    return tensor;
  };
  const inputs = [at('x', graph.source('x', [96, 40])), at('w', graph.source('w', [72, 40]))];
  at('out', graph.apply(op, inputs)[0]);
  return planGraph(graph, [...regions, { name: 'step', dtype: 'u32', length: 8 }], places);
}

/** linear with its default and the variants that `change` makes of it. */
function linearWith(change: (standard: Launch) => Launch[]): Op {
  const variants: NonNullable<Op['kernel']['variants']> = (shapes, attrs) => {
    const standard = linear.kernel.launch(shapes, attrs);
    return [standard, ...change(standard)];
  };
  return { ...linear, kernel: { ...linear.kernel, variants } };
}

function memory(): TuningCache & { readonly choices: Map<string, string> } {
  const choices = new Map<string, string>();
  return { choices, get: (key) => choices.get(key), set: (key, variant) => void choices.set(key, variant) };
}

async function tuned(op: Op, cache: TuningCache, notes: string[] = [], budget = 60_000): Promise<string> {
  const plan = planOf(op);
  const buffers = await DeviceBuffers.create(gpu, plan);
  const note = (text: string) => void notes.push(text);
  const result = await tunePlan(gpu, plan, buffers, { cache, software: true, leastFlops: 0, budget, note });
  for (const region of ['x', 'w', 'out', 'step']) {
    const left = new Uint8Array(await buffers.read(region));
    expect(left.every((byte) => byte === 0), `${region} is cleared`).toBe(true); // prettier-ignore
  }
  buffers.destroy();
  return result.dispatches[0].launch.variant!;
}

describe.skipIf(noAdapter !== '')('the tuner', () => {
  const standard = linear.kernel.launch([[96, 40], [72, 40]], {}); // prettier-ignore

  test('measures once, and then takes what it remembers', async () => {
    const op = linearWith((launch) => [{ ...launch, variant: 'the same again' }]);
    const cache = memory();
    const notes: string[] = [];
    const first = await tuned(op, cache, notes);
    expect(notes).toHaveLength(1);
    expect([...cache.choices.values()]).toEqual([first]);
    expect([...cache.choices.keys()][0]).toContain('"linear",[[96,40],[72,40]]');
    expect(await tuned(op, cache, notes)).toBe(first);
    expect(notes).toHaveLength(1);
    for (const key of cache.choices.keys()) cache.choices.set(key, 'the same again');
    expect(await tuned(op, cache, notes)).toBe('the same again');
    for (const key of cache.choices.keys()) cache.choices.set(key, 'a variant of another version');
    await tuned(op, cache, notes);
    expect(notes).toHaveLength(2);
  });

  test('leaves out what is fast and wrong, and what does not compile', async () => {
    const op = linearWith((launch) => [
      { ...launch, variant: 'writes nothing', workgroups: [0, 0, 0] },
      { ...launch, variant: 'leaves out a tile', workgroups: [1, 1, 1] },
      { ...launch, variant: 'takes k twice', source: launch.source!.replaceAll('[k + 1]', '[k]') },
      { ...launch, variant: 'no WGSL', source: `${launch.source} fn (` },
      { ...launch, variant: 'refused', constants: { ...launch.constants, NOTHING: 1 } },
    ]);
    expect(await tuned(op, memory())).toBe(standard.variant);
    expect(gpu.firstError()).toBeUndefined();
  });

  test('keeps the default when its time is over, and does not remember that', async () => {
    const cache = memory();
    expect(await tuned(linear, cache, [], -1)).toBe(standard.variant);
    expect(cache.choices.size).toBe(0);
  });

  test('does not measure on software adapters unless asked', async () => {
    const plan = planOf(linear);
    const buffers = await DeviceBuffers.create(gpu, plan);
    const result = await tunePlan(gpu, plan, buffers, { leastFlops: 0 });
    expect(result === plan).toBe(gpu.info.software);
    buffers.destroy();
  });

  test.each(['graph', 'fused'] as const)(
    '%s: an engine with other variants trains with the same bits',
    async (launch) => {
      const documents = ['anna', 'bob', 'caroline', 'dee'];
      const { spec } = prepareRun({ documents, model: DEFAULT_MODEL, training: DEFAULT_TRAINING });
      const plain = await createWebGpuEngine(spec, { gpu, launch });
      const asked: string[] = [];
      const cache: TuningCache = {
        get(key) {
          asked.push(key);
          return key.includes('"linear_add",') || key.includes('"linear_grad_w",')
            ? '64x64x8x2/8x8 vec4'
            : standard.variant;
        },
        set: () => expect.unreachable('nothing is measured'),
      };
      const tuning = { cache, software: true, leastFlops: 0, budget: -1 };
      const tunedGpu = await testDevice({ limits: 'default', tuning });
      const other = await createWebGpuEngine(spec, { gpu: tunedGpu, launch });
      expect(asked.length).toBeGreaterThan(4);
      const trained = async ({ advance, gradients }: Engine) => [await advance(3), await gradients()];
      expectSameBits(gpu, await trained(other), await trained(plain), 1e-5, 'other variants'); // f32 over 3 steps
      plain.dispose();
      other.dispose();
      tunedGpu.destroy();
    },
  );
});
