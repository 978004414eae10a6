// What lookInside shows is what the oracle computes.

import { describe, expect, it } from 'vitest';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { documentGraph } from '../../src/model/plans.ts';
import { lookInside } from '../../src/model/inside.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError } from '../../src/util/errors.ts';

const SHAPES = [
  { nLayer: 1, nEmbd: 16, nHead: 4, blockSize: 16 },
  { nLayer: 3, nEmbd: 6, nHead: 2, blockSize: 5 },
  { nLayer: 1, nEmbd: 1, nHead: 1, blockSize: 1 },
];

/** f64 on both sides, sums in another order. */
const TOLERANCE = 1e-12;

describe.each(SHAPES)('inside $nLayer × $nEmbd', (model) => {
  const { spec, tokenizer } = prepareRun({
    documents: ['anna', 'bob', 'zoe'],
    model,
    training: { ...DEFAULT_TRAINING, steps: 5 },
  });
  const { bos } = tokenizer;
  const text = [...spec.documents.tokens.subarray(0, Math.min(model.blockSize, 4) + 1)];

  it('gives the logits of prefill', async () => {
    const oracle = createOracleEngine(spec);
    await oracle.advance(2);
    const parameters = await oracle.parameters();
    const tokens = [bos, ...tokenizer.encode('nab')].slice(0, model.blockSize);
    const { rows, logits, probabilities } = lookInside(spec.model, parameters, tokens);
    expect(rows).toBe(tokens.length);
    const { vocabSize: V } = spec.model;
    for (let r = 0; r < rows; r++) {
      const expected = await oracle.prefill(tokens.slice(0, r + 1));
      const got = logits.subarray(r * V, (r + 1) * V);
      expected.forEach((logit, i) => expect(Math.abs(got[i] - logit)).toBeLessThan(TOLERANCE));
      const sum = probabilities.subarray(r * V, (r + 1) * V).reduce((a, b) => a + b);
      expect(sum).toBeCloseTo(1, 12);
    }
  });

  it('gives the loss of a training step', async () => {
    const oracle = createOracleEngine(spec);
    const {
      losses: [loss],
    } = await oracle.gradients();
    const tokens = text.slice(0, -1);
    const { losses } = lookInside(spec.model, spec.parameters, tokens, text.at(-1));
    expect(Math.abs(losses.reduce((a, b) => a + b) / tokens.length - loss)).toBeLessThan(TOLERANCE);
    expect(lookInside(spec.model, spec.parameters, tokens).losses.at(-1)).toBeNaN();
  });

  it('shows attention that mixes to what the model goes on with', () => {
    const tokens = text.slice(0, -1);
    const n = tokens.length;
    const { layers, residual } = lookInside(spec.model, spec.parameters, tokens);
    expect(residual.map(({ name }) => name)).toEqual([
      'embedding',
      ...layers.flatMap((_, i) => [`layer${i}.attention`, `layer${i}.mlp`]),
    ]);
    const { nEmbd: C, nHead: H } = spec.model;
    // v of the first layer from the residual stream: x / √(mean x² + ε), times attn_wv.
    const weight = (name: string) => {
      const { parameters } = documentGraph(spec.model, n);
      let offset = 0;
      for (const [key, { shape }] of parameters) {
        if (key === name) return spec.parameters.subarray(offset, offset + shape[0] * shape[1]);
        offset += shape[0] * shape[1];
      }
      throw new Error(name);
    };
    const x = residual[0].x;
    const times = (w: ArrayLike<number>, row: ArrayLike<number>) =>
      Array.from({ length: C }, (_, o) =>
        Array.from(row, (r, i) => r * w[o * C + i]).reduce((a, b) => a + b),
      );
    const values = Array.from({ length: n }, (_, r) => {
      const row = x.subarray(r * C, (r + 1) * C);
      const scale = 1 / Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / C + 1e-5);
      return times(weight('layer0.attn_wv'), row.map((value) => value * scale)); // prettier-ignore
    });
    for (let r = 0; r < n; r++) {
      values[r].forEach((value, c) => {
        expect(Math.abs(layers[0].values[r * C + c] - value)).toBeLessThan(TOLERANCE);
      });
      const mixed = new Float64Array(C);
      for (let c = 0; c < C; c++) {
        const h = Math.floor(c / (C / H));
        let total = 0;
        for (let t = 0; t < n; t++) {
          const p = layers[0].attention[(h * n + r) * n + t];
          total += p;
          if (t > r) expect(p).toBe(0);
          mixed[c] += p * values[t][c];
        }
        expect(total).toBeCloseTo(1, 12);
      }
      const out = times(weight('layer0.attn_wo'), mixed);
      out.forEach((value, c) => {
        expect(Math.abs(x[r * C + c] + value - residual[1].x[r * C + c])).toBeLessThan(TOLERANCE);
      });
    }
  });
});

it('refuses tokens that do not fit', () => {
  const { spec } = prepareRun({ documents: ['ab'], model: SHAPES[1], training: DEFAULT_TRAINING });
  const { model, parameters } = spec;
  expect(() => lookInside(model, parameters, [])).toThrow(ConfigError);
  expect(() => lookInside(model, parameters, [0, 0, 0, 0, 0, 0])).toThrow(ConfigError);
  expect(() => lookInside(model, parameters, [99])).toThrow(ConfigError);
  expect(() => lookInside(model, parameters.subarray(1), [0])).toThrow(ConfigError);
});
