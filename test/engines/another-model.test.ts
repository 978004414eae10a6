// A model that no other file knows, on the graph: weights under other names, attention and MLP side by side, and a third MLP
// matrix. Every engine and every launch strategy trains it as plain loops in f64 do.

import { describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { createPlainEngine } from '../../src/cpu/plain.ts';
import type { Engine, EngineSpec, LaunchStrategy } from '../../src/engine/engine.ts';
import type { Architecture } from '../../src/model/architecture.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { initParameters, parameterSpecs } from '../../src/model/parameters.ts';
import { add } from '../../src/ops/add.ts';
import { embedding } from '../../src/ops/embedding.ts';
import { linear } from '../../src/ops/linear.ts';
import { relu } from '../../src/ops/relu.ts';
import { rmsnorm } from '../../src/ops/rmsnorm.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { GRADIENT_BAR, largestDifference, LOSS_BAR, relativeError } from '../../src/verify/check.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { namesDocuments } from '../support/golden.ts';
import { deviceForTest, noAdapter } from '../support/device.ts';

const parallel: Architecture = {
  parameters({ nLayer, nEmbd: C, blockSize: T, vocabSize: V }) {
    const block = (i: number) => [
      { name: `block${i}.look`, shape: [C, C] as const },
      { name: `block${i}.offer`, shape: [C, C] as const },
      { name: `block${i}.give`, shape: [C, C] as const },
      { name: `block${i}.gather`, shape: [C, C] as const },
      { name: `block${i}.widen`, shape: [2 * C, C] as const },
      { name: `block${i}.turn`, shape: [3 * C, 2 * C] as const },
      { name: `block${i}.narrow`, shape: [C, 3 * C] as const },
    ];
    return [
      { name: 'letters', shape: [V, C] },
      { name: 'places', shape: [T, C] },
      ...Array.from({ length: nLayer }, (_, i) => block(i)).flat(),
      { name: 'guess', shape: [V, C] },
    ];
  },

  forward(graph, { nLayer }, weight, tokens, positions, attend) {
    const apply = (op: typeof linear, ...inputs: Parameters<typeof graph.apply>[1]) =>
      graph.apply(op, inputs)[0];
    let x = apply(embedding, weight('letters'), weight('places'), tokens, positions); // (R, C)
    for (let i = 0; i < nLayer; i++) {
      graph.where = `block${i}`;
      const through = (input: typeof x, name: string) => apply(linear, input, weight(`block${i}.${name}`));
      const normed = apply(rmsnorm, x);
      const mixed = attend(i, through(normed, 'look'), through(normed, 'offer'), through(normed, 'give'));
      const wide = apply(relu, through(normed, 'widen')); // (R, 2C)
      const turned = apply(relu, through(wide, 'turn')); // (R, 3C)
      x = apply(add, apply(add, x, through(mixed, 'gather')), through(turned, 'narrow')); // (R, C)
    }
    graph.where = 'head';
    return apply(linear, apply(rmsnorm, x), weight('guess')); // (R, V)
  },
};

const STEPS = 20;

/** `clip`: about half of the steps' gradients are longer than 0.5. */
function specOf(sizes: { nLayer: number; nEmbd: number; nHead: number }, clip: number): EngineSpec {
  const { spec } = prepareRun({
    documents: namesDocuments().slice(0, 50),
    model: { ...sizes, blockSize: 8 },
    training: { ...DEFAULT_TRAINING, batchSize: 3, steps: STEPS, clip },
  });
  const model = { ...spec.model, architecture: parallel };
  return { ...spec, model, parameters: initParameters(model, new PythonRandom(7), 0.2) };
}

const SPECS = [
  { title: '2 layers, heads of 4 channels', spec: specOf({ nLayer: 2, nEmbd: 16, nHead: 4 }, 0) },
  {
    title: '1 layer, heads of 3 channels, clipped gradients',
    spec: specOf({ nLayer: 1, nEmbd: 9, nHead: 3 }, 0.5),
  },
];

interface Trained {
  readonly loss: number;
  readonly gradients: ArrayLike<number>;
  readonly logits: ArrayLike<number>;
  readonly losses: ArrayLike<number>;
  readonly parameters: ArrayLike<number>;
  readonly evaluated: ArrayLike<number>;
}

/** Everything that an engine can do. */
async function everything(engine: Engine, spec: EngineSpec): Promise<Trained> {
  const {
    losses: [loss],
    gradients,
  } = await engine.gradients();
  await engine.prefill([1, 2]);
  const logits = await engine.decode(3);
  const losses = await engine.advance(STEPS);
  const evaluated = await engine.evaluate(spec.documents);
  const parameters = await engine.parameters();
  engine.dispose();
  return { loss, gradients, logits, losses, parameters, evaluated };
}

function expectSame(spec: EngineSpec, got: Trained, reference: Trained): void {
  const parts = (flat: ArrayLike<number>, offset: number, size: number) =>
    Array.prototype.slice.call(flat, offset, offset + size) as number[];
  expect(Math.abs(got.loss - reference.loss)).toBeLessThanOrEqual(LOSS_BAR);
  for (const { name, offset, size } of parameterSpecs(spec.model)) {
    for (const key of ['gradients', 'parameters'] as const) {
      const error = relativeError(parts(got[key], offset, size), parts(reference[key], offset, size));
      expect(error, `${key} of ${name}`).toBeLessThanOrEqual(GRADIENT_BAR);
    }
  }
  expect(relativeError(got.logits, reference.logits)).toBeLessThanOrEqual(GRADIENT_BAR);
  expect(largestDifference(got.losses, reference.losses)).toBeLessThanOrEqual(LOSS_BAR);
  expect(largestDifference(got.evaluated, reference.evaluated)).toBeLessThanOrEqual(LOSS_BAR);
}

describe.each(SPECS)('another model: $title', ({ spec }) => {
  const reference = everything(createPlainEngine(spec, 'f64'), spec);

  test('it learns, and its gradients are the slopes of its loss', async () => {
    const { loss, losses, gradients } = await reference;
    expect(losses[STEPS - 1]).toBeLessThan(losses[0] - 0.1);
    for (const { offset, size } of parameterSpecs(spec.model)) {
      // Along the gradient of one matrix, where the slope is its length.
      const length = Math.hypot(...Array.prototype.slice.call(gradients, offset, offset + size));
      const moved = async (distance: number) => {
        const parameters = Float64Array.from(spec.parameters);
        for (let i = offset; i < offset + size; i++) parameters[i] += (distance * gradients[i]) / length;
        const engine = createPlainEngine({ ...spec, parameters }, 'f64');
        return (await engine.gradients()).losses[0];
      };
      const slope = ((await moved(1e-5)) - (await moved(-1e-5))) / 2e-5;
      expect(Math.abs(slope / length - 1)).toBeLessThan(1e-6);
    }
    expect(loss).toBe(losses[0]);
  });

  test.each([1, 2])('cpu, WASM on %i threads', async (threads) => {
    const engine = createCpuEngine(spec, { variant: 'simd', threads });
    expectSame(spec, await everything(engine, spec), await reference);
  });

  test('cpu, plain f32', async () => {
    expectSame(spec, await everything(createPlainEngine(spec, 'f32'), spec), await reference);
  });

  const launches: LaunchStrategy[] = ['eager', 'graph', 'fused', 'resident'];
  test.skipIf(noAdapter).each(launches)('webgpu, %s', async (launch) => {
    const gpu = await deviceForTest();
    expectSame(
      spec,
      await everything(await createWebGpuEngine(spec, { gpu, launch }), spec),
      await reference,
    );
  });
});
