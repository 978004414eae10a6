// What the page tells about matrices.

import { describe, expect, it } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { largestDifference } from '../../src/verify/check.ts';
import { norm } from '../../src/util/arrays.ts';
import { lastChange, picture, principalComponents } from '../../src/web/picture.ts';

describe('what the last step changed', () => {
  const training = { ...DEFAULT_TRAINING, steps: 20 };
  const { spec } = prepareRun({ documents: ['anna', 'bob', 'zoe'], model: DEFAULT_MODEL, training });

  // f64: only the rounding of p itself. f32: half a unit in the last place of p, which is below 2, on either side.
  it.each([
    ['oracle', createOracleEngine, 1e-15],
    ['cpu', createCpuEngine, 2 ** -23],
  ] as const)('is the difference of two states of the %s', async (_name, create, tolerance) => {
    const engine = create(spec);
    expect(norm(lastChange(await engine.state(), training))).toBe(0);
    for (const steps of [2, 6, 12]) {
      await engine.advance(steps - 1);
      const before = await engine.parameters();
      await engine.advance(1);
      const state = await engine.state();
      const difference = Float64Array.from(state.parameters, (p, i) => p - before[i]);
      expect(norm(difference)).toBeGreaterThan(1e-3);
      expect(largestDifference(lastChange(state, training), difference)).toBeLessThan(tolerance);
    }
    engine.dispose();
  });
});

describe('a picture', () => {
  it('is the matrix itself where that is small', () => {
    const values = Float32Array.of(1, -2, 3, 4, 5, -6);
    const small = picture(values, 2, 3);
    expect(small).toEqual({ rows: 2, cols: 3, tall: 1, wide: 1, values: Float64Array.from(values) });
  });

  it('shows of each block what is farthest from 0', () => {
    const values = Float32Array.of(1, -2, 3, 4, 5, -6, 0, 0, 7);
    expect(picture(values, 3, 3, 2)).toEqual({
      rows: 2,
      cols: 2,
      tall: 2,
      wide: 2,
      values: Float64Array.of(5, -6, 0, 7),
    });
  });
});

describe('principal components', () => {
  it('find the plane that points lie in', () => {
    // a·(2, 2, 1)/3·8 + b·(−2, 1, 2)/3: 8 and 1 along two orthogonal directions, and somewhere else than 0.
    const random = new PythonRandom(1);
    const [n, C] = [40, 3];
    const [a, b] = [0, 1].map(() => Float64Array.from({ length: n }, () => random.gauss(0, 1)));
    const values = new Float64Array(n * C);
    const [u, w] = [
      [2 / 3, 2 / 3, 1 / 3],
      [-2 / 3, 1 / 3, 2 / 3],
    ];
    for (let i = 0; i < n; i++)
      for (let c = 0; c < C; c++) values[i * C + c] = 5 + 8 * a[i] * u[c] + b[i] * w[c];
    const { points, share } = principalComponents(values, n, C);
    expect(share).toBeCloseTo(1, 10);
    // Distances between points are those in space.
    for (let i = 1; i < n; i++) {
      const flat = Math.hypot(points[2 * i] - points[0], points[2 * i + 1] - points[1]);
      const apart = Math.hypot(...[0, 1, 2].map((c) => values[i * C + c] - values[c]));
      expect(flat).toBeCloseTo(apart, 8);
    }
    const along = (k: number) => norm(Float64Array.from({ length: n }, (_, i) => points[2 * i + k]));
    expect(along(0)).toBeGreaterThan(4 * along(1));
  });

  it('of equal points, or of one channel, are no trouble', () => {
    expect(principalComponents(new Float64Array(6).fill(3), 3, 2)).toEqual({
      points: new Float64Array(6),
      share: 0,
    });
    const { points, share } = principalComponents(Float64Array.of(1, 2, 6), 3, 1);
    expect([share, points[1], points[3]]).toEqual([1, 0, 0]);
    expect(points[4] - points[0]).toBeCloseTo(5, 12);
  });
});
