// The kernels run programs lowered from a model's plan: other models than microgpt.py's, against f64.

import { describe, expect, test } from 'vitest';
import { chooseBuild } from '../../src/cpu/kernels.ts';
import { createPlainEngine } from '../../src/cpu/plain.ts';
import { createSimdEngine } from '../../src/cpu/simd.ts';
import type { TokenizedDocuments } from '../../src/data/tokenizer.ts';
import { DEFAULT_TRAINING, type ModelOptions } from '../../src/config/config.ts';
import type { Engine, EngineSpec } from '../../src/engine/engine.ts';
import type { Tensor } from '../../src/graph/graph.ts';
import type { Op } from '../../src/graph/op.ts';
import type { Architecture, ParameterShape } from '../../src/model/architecture.ts';
import { initParameters } from '../../src/model/parameters.ts';
import { add } from '../../src/ops/add.ts';
import { embedding } from '../../src/ops/embedding.ts';
import { linear } from '../../src/ops/linear.ts';
import { relu } from '../../src/ops/relu.ts';
import { rmsnorm } from '../../src/ops/rmsnorm.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { sampleDocuments } from '../../src/train/sampler.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { largestDifference } from '../../src/verify/check.ts';
import { namesDocuments } from '../support/golden.ts';

type Shapes = Record<string, readonly [number, number]>;
type Apply = (op: Op, ...inputs: Tensor[]) => Tensor;

/** What a layer is made with: ops, its matrices by name, attention. */
interface Parts {
  readonly apply: Apply;
  w(name: string): Tensor;
  attend(q: Tensor, k: Tensor, v: Tensor): Tensor;
}

/** A model of layers with the matrices `shapes`, between tables and a head, or with a table for a head. */
function modelOf(
  shapes: (C: number) => Shapes,
  layer: (parts: Parts, x: Tensor) => Tensor,
  tied = false,
): Architecture {
  return {
    parameters({ nLayer, nEmbd: C, blockSize: T, vocabSize: V }) {
      const layers = Array.from({ length: nLayer }, (_, i) =>
        Object.entries(shapes(C)).map(([name, shape]): ParameterShape => ({ name: `${i}/${name}`, shape })),
      );
      return [
        ...(tied ? [] : [{ name: 'out', shape: [V, C] } as const]),
        ...layers.flat(),
        { name: 'place', shape: [T, C] },
        { name: 'letter', shape: [V, C] },
      ];
    },
    forward(graph, config, weight, tokens, positions, attend) {
      const apply: Apply = (op, ...inputs) => graph.apply(op, inputs)[0];
      let x = apply(embedding, weight('letter'), weight('place'), tokens, positions);
      for (let i = 0; i < config.nLayer; i++) {
        const w = (name: string) => weight(`${i}/${name}`);
        x = layer({ apply, w, attend: (q, k, v) => attend(i, q, k, v) }, x);
      }
      return apply(linear, apply(rmsnorm, x), weight(tied ? 'letter' : 'out'));
    },
  };
}

const attentionShapes = (C: number): Shapes => ({ o: [C, C], v: [C, C], k: [C, C], q: [C, C] });

const MODELS: Record<string, Architecture> = {
  'attention and MLP in parallel, a third matrix in the MLP': modelOf(
    (C) => ({ ...attentionShapes(C), up: [3 * C, C], across: [2 * C, 3 * C], down: [C, 2 * C] }),
    ({ apply, w, attend }, x) => {
      const normed = apply(rmsnorm, x);
      const [q, k, v] = ['q', 'k', 'v'].map((name) => apply(linear, normed, w(name)));
      const attended = apply(linear, attend(q, k, v), w('o'));
      const hidden = apply(relu, apply(linear, apply(relu, apply(linear, normed, w('up'))), w('across')));
      return apply(add, x, apply(add, attended, apply(linear, hidden, w('down'))));
    },
  ),
  'q, k and v from different rows, the same weights twice, heads straight into the sum': modelOf(
    (C) => ({ a: [C, C], b: [C, C] }),
    ({ apply, w, attend }, x) => {
      const normed = apply(rmsnorm, x);
      const k = apply(linear, normed, w('a'));
      const q = apply(rmsnorm, apply(linear, normed, w('b')));
      const v = apply(relu, apply(add, k, apply(linear, x, w('b'))));
      return apply(add, apply(add, attend(q, k, v), apply(relu, x)), apply(add, k, k));
    },
  ),
  'q, k and v of the same numbers': modelOf(
    (C) => ({ q: [C, C] }),
    ({ apply, w, attend }, x) => {
      const q = apply(linear, apply(rmsnorm, x), w('q'));
      return apply(add, apply(linear, attend(q, q, q), w('q')), x);
    },
  ),
  'no attention': modelOf(
    (C) => ({ in: [2 * C, C], out: [C, 2 * C] }),
    ({ apply, w }, x) =>
      apply(add, apply(linear, apply(relu, apply(linear, apply(rmsnorm, x), w('in'))), w('out')), x),
  ),
  'a table as the head': modelOf(
    attentionShapes,
    ({ apply, w, attend }, x) => {
      const normed = apply(rmsnorm, x);
      const [q, k, v] = ['q', 'k', 'v'].map((name) => apply(linear, normed, w(name)));
      return apply(add, apply(linear, attend(q, k, v), w('o')), x);
    },
    true,
  ),
};

const DOCUMENTS = namesDocuments().slice(0, 100);

function specOf(architecture: Architecture, config: Partial<ModelOptions>, clip: number): EngineSpec {
  const training = { ...DEFAULT_TRAINING, batchSize: 12, steps: 30, clip };
  const { spec } = prepareRun({ documents: DOCUMENTS, model: config, training });
  const model = { ...spec.model, architecture };
  return { ...spec, model, parameters: initParameters(model, new PythonRandom(5), 0.2) };
}

describe.each(Object.entries(MODELS))('%s', (_name, architecture) => {
  test.each([
    { nLayer: 1, nEmbd: 16, nHead: 4, blockSize: 16 },
    { nLayer: 2, nEmbd: 18, nHead: 3, blockSize: 9 },
    { nLayer: 3, nEmbd: 15, nHead: 5, blockSize: 16 },
  ])('trains and decodes as in f64: %o', async (config) => {
    for (const clip of [0, 1]) {
      const spec = specOf(architecture, config, clip);
      const exact = createPlainEngine(spec, 'f64');
      const engines = [1, 2].map((threads) => simd(spec, threads));
      const {
        losses: [loss],
        gradients,
      } = await exact.gradients();
      const losses = await exact.advance(20);
      const documents = firstOf(spec, 5);
      const evaluated = await exact.evaluate(documents);
      const logits = [await exact.prefill([3, 1, 2]), await exact.decode(0)];
      const states = [];
      for (const engine of engines) {
        const got = await engine.gradients();
        expect(Math.abs(got.losses[0] - loss)).toBeLessThan(1e-5);
        expect(largestDifference(got.gradients, gradients)).toBeLessThan(1e-5);
        expect(largestDifference(await engine.advance(20), losses)).toBeLessThan(1e-5);
        expect(largestDifference(await engine.evaluate(documents), evaluated)).toBeLessThan(1e-5);
        expect(largestDifference(await engine.prefill([3, 1, 2]), logits[0])).toBeLessThan(1e-4);
        expect(largestDifference(await engine.decode(0), logits[1])).toBeLessThan(1e-4);
        states.push(await engine.state());
        engine.dispose();
      }
      expect(states[1]).toEqual(states[0]);
    }
  });

  test('draws whole documents as token by token', async () => {
    const spec = specOf(architecture, { nLayer: 1, nEmbd: 12, nHead: 2, blockSize: 10 }, 0);
    const { tokenizer } = prepareRun({ documents: DOCUMENTS, model: spec.model, training: spec.training });
    const [together, apart] = [simd(spec, 1), simd(spec, 1)];
    for (const engine of [together, apart]) await engine.advance(30);
    const texts = async (engine: Engine) => {
      const all = [];
      const options = { temperature: 0.8, blockSize: 10 };
      for await (const text of sampleDocuments(engine, tokenizer, new PythonRandom(3), options, 50))
        all.push(text);
      return all;
    };
    const withoutGenerate = { ...apart, generate: undefined } as unknown as Engine;
    expect(await texts(together)).toEqual(await texts(withoutGenerate));
  });
});

function firstOf({ documents: { offsets, tokens } }: EngineSpec, count: number): TokenizedDocuments {
  return { count, offsets: offsets.slice(0, count + 1), tokens: tokens.slice(0, offsets[count]) };
}

function simd(spec: EngineSpec, threads: number): Engine {
  return createSimdEngine(spec, chooseBuild()!, { threads, always: true })!;
}
