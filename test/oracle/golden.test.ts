// The oracle against microgpt.py under CPython, number by number.

import { describe, expect, it } from 'vitest';
import type { FloatArray } from '../../src/engine/engine.ts';
import { parameterSpecs, type ParameterSpec } from '../../src/model/parameters.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { sampleDocument } from '../../src/train/sampler.ts';
import { loadGolden, prepareGolden, type Golden } from '../support/golden.ts';

/** 1e-12 relative: f64, same operations in the same order; only exp, log and pow may differ by a last bit. */
const LOSS_TOLERANCE = 1e-12;
/** 1e-11, norm of the difference over norm of the reference: sums of such differences over 30 steps. */
const TENSOR_TOLERANCE = 1e-11;

const SLOW = 120_000;

describe('names.json: 1,000 steps of the defaults', () => {
  it(
    'every loss and the 20 names',
    async () => {
      const golden = loadGolden('names');
      expect(golden.losses).toHaveLength(1000);
      const { losses, samples } = await repeat(golden);
      expectLosses(losses, golden.losses);
      expect(samples).toEqual(golden.samples);
    },
    SLOW,
  );
});

describe('clip.json: 60 steps of the defaults with clipped gradients', () => {
  it(
    'every loss and the 20 names',
    async () => {
      const golden = loadGolden('clip');
      const bitten = golden.norms.filter((norm) => norm > golden.training.clip).length;
      expect([bitten, golden.losses.length]).toEqual([35, 60]);
      const { losses, samples, gradients } = await repeat(golden);
      expectLosses(losses, golden.losses);
      expect(samples).toEqual(golden.samples);
      expect(Math.hypot(...gradients)).toBeCloseTo(golden.norms[0], 12);
    },
    SLOW,
  );
});

describe.each(['l2', 'wide'] as const)('%s.json: 30 steps', (name) => {
  it(
    'every loss, the first gradient, the final parameters and the 20 names',
    async () => {
      const golden = loadGolden(name);
      const { specs, losses, samples, gradients, parameters } = await repeat(golden);
      expect(specs.map((spec) => spec.name)).toEqual([...golden.firstGradients.keys()]);
      for (const spec of specs) {
        expectTensor(spec, gradients, golden.firstGradients);
        expectTensor(spec, parameters, golden.finalParameters);
      }
      expectLosses(losses, golden.losses);
      expect(samples).toEqual(golden.samples);
    },
    SLOW,
  );
});

async function repeat(golden: Golden) {
  const { spec, tokenizer, random } = prepareGolden(golden);
  const engine = createOracleEngine(spec);
  const { gradients } = await engine.gradients();
  const losses = await engine.advance(golden.training.steps);
  const parameters = await engine.parameters();
  const samples: string[] = [];
  while (samples.length < golden.samples.length) {
    const { temperature } = golden;
    const { blockSize } = golden.model;
    samples.push(await sampleDocument(engine, tokenizer, random, { temperature, blockSize }));
  }
  return { specs: parameterSpecs(spec.model), gradients, losses, parameters, samples };
}

function expectLosses(losses: Float64Array, expected: readonly number[]): void {
  expect(losses).toHaveLength(expected.length);
  const errors = expected.map((loss, step) => Math.abs(losses[step] - loss) / loss);
  const worst = errors.indexOf(Math.max(...errors));
  expect(errors[worst], `step ${worst + 1}`).toBeLessThanOrEqual(LOSS_TOLERANCE);
}

function expectTensor(
  { name, offset, size }: ParameterSpec,
  got: FloatArray,
  references: ReadonlyMap<string, Float64Array>,
): void {
  const reference = references.get(name)!;
  expect(reference).toHaveLength(size);
  const norm = Math.hypot(...reference);
  expect(norm).toBeGreaterThan(0);
  const difference = Math.hypot(...reference.map((x, i) => got[offset + i] - x));
  expect(difference / norm, name).toBeLessThanOrEqual(TENSOR_TOLERANCE);
}
