import { expect, it } from 'vitest';
import { clipGradients } from '../../src/oracle/adam.ts';
import { Value } from '../../src/oracle/value.ts';

function clipped(gradients: readonly number[], clip: number): number[] {
  const params = gradients.map((grad) => Object.assign(new Value(1), { grad }));
  clipGradients(params, clip);
  return params.map((p) => p.grad);
}

it('a gradient that is longer than the clip becomes as long, in its direction', () => {
  expect(clipped([3, -4], 10)).toEqual([3, -4]);
  expect(clipped([3, -4], 5)).toEqual([3, -4]);
  expect(clipped([3, -4], 1)).toEqual([3 * 0.2, -4 * 0.2]);
  expect(clipped([0, 0], 1)).toEqual([0, 0]);
});

it.each([Infinity, -Infinity, NaN, 1e200])(
  'a gradient of %s, whose norm is no number, is not hidden',
  (grad) => {
    expect(clipped([1, grad], 1)).toEqual([NaN, NaN]);
  },
);
