// Models far from the defaults in one dimension each, with the limits every WebGPU device has. The oracle would take
// minutes for them: the CPU engine in f64, which is held to the oracle elsewhere, is the reference here.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import type { EngineSpec } from '../../src/engine/engine.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { initParameters, parameterSpecs } from '../../src/model/parameters.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { relativeError } from '../../src/verify/check.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { whyNotResident } from '../../src/webgpu/resident/step.ts';
import { noAdapter, testDevice } from '../support/device.ts';

/**
 * A model on random tokens, with documents of `length` tokens, or of each of several lengths in turn. `std` is that of the
 * initial values.
 */
export function specOf(
  model: EngineSpec['model'],
  batchSize: number,
  length: number | number[],
  std?: number,
): EngineSpec {
  const random = new PythonRandom(6);
  const count = batchSize + 1;
  const lengths = [length].flat();
  const offsets = new Uint32Array(count + 1);
  for (let i = 0; i < count; i++) offsets[i + 1] = offsets[i] + lengths[i % lengths.length];
  const tokens = Uint32Array.from({ length: offsets[count] }, () =>
    Math.floor(random.random() * model.vocabSize),
  );
  const training = { ...DEFAULT_TRAINING, batchSize, steps: 10 };
  return {
    model,
    training,
    parameters: initParameters(model, random, std),
    documents: { count, tokens, offsets },
  };
}

export const MODEL = { ...DEFAULT_MODEL, nLayer: 1, nEmbd: 16, nHead: 4, blockSize: 8, vocabSize: 27 };
/** Loss, gradients and two steps at each size, for every strategy that takes it. */
export function sizeCases(sizes: readonly (readonly [title: string, spec: EngineSpec])[]): void {
  describe.skipIf(noAdapter !== '')('webgpu at sizes', () => {
    let gpu: GpuDevice;
    beforeAll(async () => {
      gpu = await testDevice({ limits: 'default' });
    });
    afterAll(() => gpu?.destroy());

    const fits = (spec: EngineSpec) => whyNotResident(spec.model, spec.training) === undefined;
    const cases = (['graph', 'fused', 'resident'] as const).flatMap((launch) =>
      sizes
        .filter(([, spec]) => launch !== 'resident' || fits(spec))
        .map(([title, spec]) => ({
          launch,
          title,
          spec,
        })),
    );
    test.each(cases)('$launch, $title: loss, gradients, two steps', async ({ launch, spec }) => {
      const { expected, two } = await referenceOf(spec);
      const engine = await createWebGpuEngine(spec, { gpu, launch });
      expect(engine.info.launch).toBe(launch);
      const got = await engine.gradients();
      expect(Math.abs(got.losses[0] - expected.losses[0])).toBeLessThanOrEqual(1e-5);
      for (const { name, offset, size } of parameterSpecs(spec.model)) {
        const part = (x: typeof got) => x.gradients.subarray(offset, offset + size);
        expect(relativeError(part(got), part(expected)), name).toBeLessThanOrEqual(1e-5);
      }
      const losses = await engine.advance(2);
      // Wide models start with losses of some hundred nats: f32 has its 1e-5 relative to that.
      two.forEach((loss, i) => {
        expect(Math.abs(losses[i] - loss)).toBeLessThanOrEqual(1e-5 * Math.max(1, loss));
      });
      engine.dispose();
    });
  });
}

/** Its first gradients, and the losses of two steps, in f64; computed once. */
function referenceOf(spec: EngineSpec): Reference {
  let made = references.get(spec);
  if (made === undefined) references.set(spec, (made = computeReference(spec)));
  return made;
}

type Reference = ReturnType<typeof computeReference>;
const references = new Map<EngineSpec, Reference>();

async function computeReference(spec: EngineSpec) {
  const engine = createCpuEngine(spec, { precision: 'f64' });
  const expected = await engine.gradients();
  return { expected, two: await engine.advance(2) };
}
