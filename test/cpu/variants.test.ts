// What the variants of the CPU engine promise beside the cases of every engine.

import { describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError } from '../../src/util/errors.ts';
import { relativeError } from '../../src/verify/check.ts';
import { namesDocuments } from '../support/golden.ts';

const NAMES = namesDocuments().slice(0, 300);

function specOf(
  model: { nLayer: number; nEmbd: number; nHead: number; blockSize: number },
  batchSize: number,
  steps = 100,
  documents: readonly string[] = NAMES,
) {
  return prepareRun({ documents, model, training: { ...DEFAULT_TRAINING, batchSize, steps } }).spec;
}

const SMALL = { nLayer: 1, nEmbd: 16, nHead: 4, blockSize: 16 };

describe('variants of the CPU engine', () => {
  test('say what they are', () => {
    const spec = specOf(SMALL, 1);
    expect(createCpuEngine(spec).info.description).toMatch(/^cpu \(f32, WASM (SIMD128|relaxed SIMD)\)$/);
    const plain = createCpuEngine(spec, { variant: 'plain' });
    expect(plain.info.description).toBe('cpu (f32, plain typed arrays)');
    const exact = createCpuEngine(spec, { precision: 'f64' });
    expect(exact.info.description).toBe('cpu (f64, plain typed arrays)');
    expect(() => createCpuEngine(spec, { variant: 'simd', precision: 'f64' })).toThrow(ConfigError);
  });

  // 1e-5: f32 sums of a few thousand terms.
  test.each([
    [
      'rows a multiple of 512 bytes apart, 37 documents of 20 tokens',
      { nLayer: 2, nEmbd: 128, nHead: 2, blockSize: 20 },
      37,
    ],
    ['heads of 3 and 150 rows of context', { nLayer: 1, nEmbd: 9, nHead: 3, blockSize: 150 }, 2],
    ['more documents in a batch than there are', { nLayer: 1, nEmbd: 10, nHead: 2, blockSize: 140 }, 7],
  ])('simd has the gradients of f64: %s', async (_title, model, batchSize) => {
    const documents = [0, 1, 2, 3, 4].map((i) => NAMES.slice(30 * i, 30 * i + 20 + i).join(' '));
    const spec = specOf(model, batchSize, 100, documents);
    const exact = await createCpuEngine(spec, { precision: 'f64' }).gradients();
    const {
      losses: [loss],
      gradients,
    } = await createCpuEngine(spec, { variant: 'simd' }).gradients();
    expect(Math.abs(loss - exact.losses[0])).toBeLessThan(1e-6);
    for (const { name, offset, size } of parameterSpecs(spec.model)) {
      const [got, expected] = [gradients, exact.gradients].map((list) =>
        list.subarray(offset, offset + size),
      );
      expect(relativeError(got, expected), name).toBeLessThan(1e-5);
    }
  });

  test('an eps that f32 cannot hold gives no NaN', async () => {
    const spec = specOf(SMALL, 1);
    const engine = createCpuEngine(
      { ...spec, training: { ...spec.training, eps: 1e-60 } },
      { variant: 'simd' },
    );
    await engine.advance(20);
    expect((await engine.parameters()).every(Number.isFinite)).toBe(true);
  });
});

describe('a long advance', () => {
  test('lets timers run', async () => {
    const engine = createCpuEngine(specOf({ ...SMALL, nEmbd: 64 }, 16, 2000), { variant: 'simd' });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await engine.advance(600); // most of a second
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  test('is not mixed up with the calls that follow it', async () => {
    const spec = specOf(SMALL, 4, 20_000);
    const [together, apart] = [createCpuEngine(spec), createCpuEngine(spec)];
    const [first, state, second] = await Promise.all([
      together.advance(5000),
      together.state(),
      together.advance(3000),
    ]);
    expect(first).toEqual(await apart.advance(5000));
    expect(state.step).toBe(5000);
    expect(second).toEqual(await apart.advance(3000));
  });

  test('ends where the engine is disposed of meanwhile', async () => {
    const engine = createCpuEngine(specOf({ ...SMALL, nEmbd: 64 }, 16, 2000), { variant: 'simd' });
    const steps = engine.advance(2000);
    setTimeout(() => engine.dispose(), 5);
    await expect(steps).rejects.toThrow(/dispose/);
  });
});
