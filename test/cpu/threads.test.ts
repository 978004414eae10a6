// Threads of the CPU engine: the same bits for any number, an orderly end, and no hanging where a worker is lost.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { chooseBuild } from '../../src/cpu/kernels.ts';
import { createSimdMemory } from '../../src/cpu/simd-memory.ts';
import { WasmWorker } from '../../src/cpu/workers.ts';
import type { EngineSpec } from '../../src/engine/engine.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError, DeviceError } from '../../src/util/errors.ts';
import { namesDocuments } from '../support/golden.ts';

const NAMES = namesDocuments().slice(0, 300);
const SENTENCES = [0, 1, 2, 3, 4].map((i) => NAMES.slice(30 * i, 30 * i + 20 + i).join(' '));

function specOf(
  model: { nLayer: number; nEmbd: number; nHead: number; blockSize: number },
  batchSize: number,
  steps = 100,
  documents: readonly string[] = NAMES,
  clip = 0,
): EngineSpec {
  return prepareRun({ documents, model, training: { ...DEFAULT_TRAINING, batchSize, steps, clip } }).spec;
}

const SMALL = { nLayer: 1, nEmbd: 16, nHead: 4, blockSize: 16 };

// The workers that were made, so that tests can count and end them.
const threads = process.getBuiltinModule('node:worker_threads');
const RealWorker = threads.Worker;
const alive = new Set<InstanceType<typeof RealWorker>>();
let made = 0;
threads.Worker = class extends RealWorker {
  constructor(...args: ConstructorParameters<typeof RealWorker>) {
    super(...args);
    made++;
    alive.add(this);
    this.on('exit', () => alive.delete(this));
  }
};

/** Until the workers that were told to end have ended: that takes milliseconds, and longer on a loaded machine. */
async function ended(): Promise<void> {
  for (let i = 0; i < 2000 && alive.size > 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(alive.size).toBe(0);
}

afterEach(ended);

/** Of all bits: comparing long arrays number by number takes vitest minutes. */
function fingerprint(result: object): string {
  const hash = createHash('sha256');
  for (const part of ArrayBuffer.isView(result) ? [result] : Object.values(result)) {
    if (ArrayBuffer.isView(part)) hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    else hash.update(String(part));
  }
  return hash.digest('hex');
}

describe('any number of threads gives the same bits', () => {
  test.each<[string, typeof SMALL, number, readonly string[], number?]>([
    ['microgpt.py, batch 1: more threads than documents', SMALL, 1, NAMES],
    ['16 documents', SMALL, 16, NAMES],
    ['3 layers, 20 wide, 5 heads', { nLayer: 3, nEmbd: 20, nHead: 5, blockSize: 7 }, 5, NAMES],
    ['heads of 3, 150 rows', { nLayer: 1, nEmbd: 9, nHead: 3, blockSize: 150 }, 4, SENTENCES],
    ['800 rows, in turns', { nLayer: 1, nEmbd: 12, nHead: 2, blockSize: 16 }, 130, NAMES],
    ['rows 512 bytes apart', { nLayer: 2, nEmbd: 128, nHead: 2, blockSize: 20 }, 7, NAMES],
    ['more documents than there are', { nLayer: 1, nEmbd: 10, nHead: 2, blockSize: 140 }, 7, SENTENCES],
    ['clipped gradients', { nLayer: 3, nEmbd: 20, nHead: 5, blockSize: 7 }, 5, NAMES, 1],
  ])('%s', async (_title, model, batchSize, documents, clip = 0) => {
    const spec = specOf(model, batchSize, 40, documents, clip);
    const results = [];
    for (const count of [1, 2, 3, 4]) {
      const engine = createCpuEngine(spec, { threads: count });
      const losses = [...(await engine.advance(5)), ...(await engine.advance(20))];
      const gradients = await engine.gradients();
      const logits = await engine.prefill([1, 2]); // between steps
      const state = await engine.state();
      const more = await engine.advance(3);
      await engine.load(state);
      expect(await engine.advance(3)).toEqual(more);
      results.push([losses, gradients, logits, state, more, await engine.parameters()].map(fingerprint));
      engine.dispose();
    }
    for (const result of results.slice(1)) expect(result).toEqual(results[0]);
  });

  test('at random configurations', async () => {
    const config = fc.record({
      nLayer: fc.integer({ min: 1, max: 3 }),
      heads: fc.integer({ min: 1, max: 4 }),
      headSize: fc.integer({ min: 1, max: 9 }),
      blockSize: fc.integer({ min: 1, max: 40 }),
      batchSize: fc.integer({ min: 1, max: 9 }),
      count: fc.integer({ min: 2, max: 5 }),
      sentences: fc.boolean(),
      clip: fc.constantFrom(0, 1.5),
    });
    await fc.assert(
      fc.asyncProperty(
        config,
        async ({ nLayer, heads, headSize, blockSize, batchSize, count, sentences, clip }) => {
          const model = { nLayer, nEmbd: heads * headSize, nHead: heads, blockSize };
          const spec = specOf(model, batchSize, 12, sentences ? SENTENCES : NAMES, clip);
          const alone = createCpuEngine(spec, { threads: 1 });
          const shared = createCpuEngine(spec, { threads: count });
          expect(await shared.advance(12)).toEqual(await alone.advance(12));
          expect(fingerprint(await shared.state())).toBe(fingerprint(await alone.state()));
          shared.dispose();
          alone.dispose();
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('the number of threads', () => {
  test('stands in the description', async () => {
    const engine = createCpuEngine(specOf(SMALL, 4), { threads: 3 });
    expect(engine.info.description).toMatch(/^cpu \(f32, WASM .*, 3 threads\)$/);
    engine.dispose();
  });

  test.each([
    [{ threads: 0 }, /threads: expected auto or a whole number from 1 to 256, got 0/],
    [{ threads: 1.5 }, /got 1\.5/],
    [{ threads: 1000 }, /got 1000/],
    [{ threads: 2, variant: 'plain' }, /2 threads need variant simd/],
    [{ threads: 2, precision: 'f64' }, /2 threads compute in f32/],
  ] as const)('%o is refused', (options, message) => {
    expect(() => createCpuEngine(specOf(SMALL, 1), options)).toThrow(ConfigError);
    expect(() => createCpuEngine(specOf(SMALL, 1), options)).toThrow(message);
  });

  test('auto starts none for steps of microseconds', async () => {
    const before = made;
    const engine = createCpuEngine(specOf(SMALL, 1, 20_000));
    await engine.advance(20_000);
    expect(made).toBe(before);
    engine.dispose();
  });

  test('auto tries more than one for long steps, and all bits stay', async () => {
    const before = made;
    const spec = specOf({ ...SMALL, nEmbd: 64 }, 16, 4000);
    const engine = createCpuEngine(spec);
    const alone = createCpuEngine(spec, { threads: 1 });
    expect(await engine.advance(700)).toEqual(await alone.advance(700));
    expect(fingerprint(await engine.state())).toBe(fingerprint(await alone.state()));
    if (process.getBuiltinModule('node:os').availableParallelism() > 1) expect(made).toBeGreaterThan(before);
    engine.dispose();
    alone.dispose();
  });
});

describe('workers', () => {
  test('end with their engine: 50 engines leave none', async () => {
    for (let i = 0; i < 50; i++) {
      const engine = createCpuEngine(specOf(SMALL, 2), { threads: 2 });
      await engine.advance(3);
      engine.dispose();
    }
    await ended();
    expect(made).toBeGreaterThanOrEqual(50);
  });

  test('end where the engine is disposed of during a long advance', async () => {
    const engine = createCpuEngine(specOf({ ...SMALL, nEmbd: 64 }, 16, 2000), { threads: 2 });
    const steps = engine.advance(2000);
    setTimeout(() => engine.dispose(), 150);
    await expect(steps).rejects.toThrow(/dispose/);
  });

  test('end where the engine is disposed of while they start', async () => {
    const engine = createCpuEngine(specOf(SMALL, 2), { threads: 2 });
    const steps = engine.advance(10);
    setTimeout(() => engine.dispose(), 0);
    await expect(steps).rejects.toThrow(/dispose/);
  });

  test('one that is lost gives an error, now and ever after', async () => {
    const engine = createCpuEngine(specOf(SMALL, 4), { threads: 3 });
    await engine.advance(5);
    const [worker] = alive;
    await worker.terminate();
    await expect(engine.advance(5)).rejects.toThrow(DeviceError);
    await expect(engine.advance(5)).rejects.toThrow(/cpu: worker thread [12]: it ended with status 1/);
    engine.dispose();
  });

  test('one that does not come is given up', () => {
    const spec = specOf(SMALL, 4);
    const { kernels } = createSimdMemory(spec, chooseBuild()!, 2)!;
    kernels.setPatience(0.2);
    const start = performance.now();
    expect(kernels.train(0, 1, 0, 2)).toBe(0);
    expect(performance.now() - start).toBeGreaterThan(150);
  });

  test('report what goes wrong in them', async () => {
    const worker = new WasmWorker('a worker');
    const { module, memory, prepare } = createSimdMemory(specOf(SMALL, 1), chooseBuild()!, 2)!;
    await worker.open(0, module, memory, prepare(1));
    await expect(worker.call(0, 'missing')).rejects.toThrow(/^a worker: TypeError: .* is not a function/);
    await expect(worker.call(0, 'decode', 2 ** 25, 0)).rejects.toThrow(/^a worker: RuntimeError/);
    expect(await worker.call(0, 'usedNumbers')).toBe(0);
    worker.end();
    await expect(worker.call(0, 'usedNumbers')).rejects.toThrow(/^a worker: it was ended/);
  });
});
