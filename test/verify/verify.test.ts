// The checks behind `microgpt verify`: they pass for what is right and fail for what is not.

import { describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { runReference } from '../../src/graph/reference.ts';
import { OPS } from '../../src/ops/index.ts';
import { largestDifference, relativeError } from '../../src/verify/check.ts';
import type { Check } from '../../src/verify/check.ts';
import { verifyKernels } from '../../src/verify/kernels.ts';
import { OracleAnswers } from '../../src/verify/models.ts';
import { verifyOracle } from '../../src/verify/oracle.ts';
import { checkCount, verify } from '../../src/verify/verify.ts';

async function collect(checks: AsyncIterable<Check>): Promise<Check[]> {
  const all: Check[] = [];
  for await (const check of checks) all.push(check);
  return all;
}

describe('errors', () => {
  test('are what their names say, and a NaN never passes', () => {
    expect(relativeError([3, 4.5], [3, 4])).toBeCloseTo(0.1, 12);
    expect(relativeError([1e-3], [0])).toBe(1e-3);
    expect(relativeError([1], [1, 2])).toBeNaN();
    expect(relativeError([NaN], [1])).toBeNaN();
    expect(largestDifference([1, 5], [1, 2])).toBe(3);
    expect(largestDifference([1, NaN, 7], [1, 2, 3])).toBeNaN();
  });
});

describe('verifying kernels', () => {
  test('one wrong sign in one element fails, in whichever op', async () => {
    const checks = verifyKernels('kernels', (op, example) => {
      const result = runReference(op, example);
      for (const [name, values] of result.tensors) {
        if (name === 'step') continue;
        const at = values.findIndex((x: number) => x !== 0);
        if (at >= 0) values[at] = values instanceof Uint32Array ? values[at] + 1 : -values[at];
        break;
      }
      return result;
    });
    const all = await collect(checks);
    expect(all).toHaveLength(OPS.length);
    expect(all.filter((check) => check.passed).map((check) => check.name)).toEqual([]);
  });

  test('an op that throws is a failed check, and the others go on', async () => {
    const checks = await collect(
      verifyKernels('kernels', (op, example) => {
        if (op.name === 'relu') throw new Error('no such kernel');
        return runReference(op, example, Float32Array);
      }),
    );
    expect(checks.filter((check) => !check.passed)).toMatchObject([
      { name: 'relu', detail: 'no such kernel' },
    ]);
  });
});

describe('verifying engines', () => {
  test('an engine whose learning rate is 0.1% off fails the trajectory', async () => {
    const oracle = await OracleAnswers.compute({ configs: 1, steps: 30 });
    const off = await collect(
      oracle.verify('off', (spec) => {
        const { learningRate } = spec.training;
        return createCpuEngine({
          ...spec,
          training: { ...spec.training, learningRate: learningRate * 1.001 },
        });
      }),
    );
    expect(off.map(({ group, passed }) => [group, passed])).toEqual([
      ['gradients', true],
      ['trajectory', false],
      ['decode', false],
    ]);
  });

  test('an engine with one wrong gradient is named with its tensor', async () => {
    const oracle = await OracleAnswers.compute({ configs: 1, steps: 2 });
    const wrong = await collect(
      oracle.verify('wrong', (spec): Engine => {
        const engine = createCpuEngine(spec);
        return {
          ...engine,
          async gradients() {
            const { losses, gradients } = await engine.gradients();
            gradients[gradients.length - 1] *= -1;
            return { losses, gradients };
          },
        };
      }),
    );
    expect(wrong[0]).toMatchObject({ group: 'gradients', passed: false });
    expect(wrong[0].detail).toMatch(/^(layer\d\.mlp_fc2(\.bias)?|final_norm\.bias)$/); // the last parameter
  });

  test('without an adapter everything passes', async () => {
    const options = { engines: ['oracle', 'cpu'], configs: 1, steps: 20, cases: 1 } as const;
    const checks = await collect(verify(options));
    expect(checks.filter((check) => !check.passed)).toEqual([]);
    expect(checks.length).toBe(1 + OPS.length + 3);
    expect(checkCount(options)).toBe(checks.length);
  });

  test('the oracle gives the losses recorded from microgpt.py', async () => {
    expect(await collect(verifyOracle())).toMatchObject([{ passed: true }]);
  });
});
