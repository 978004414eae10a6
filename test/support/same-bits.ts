// Bits from different forms of one kernel: tiles, widths of a workgroup, places in memory. Every sum has one order in all of them, but
// WGSL lets an implementation fuse, contract and divide as it likes from one form to the next (docs/numbers.md).

import { expect } from 'vitest';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';

/**
 * The same bits on the software adapters, whose compilers do not choose. On a GPU the same numbers within `bar`, relative, as a norm
 * over each array; says so where the bits differ.
 */
export function expectSameBits(
  { info }: GpuDevice,
  got: unknown,
  expected: unknown,
  bar: number,
  what: string,
): void {
  if (info.software) return expect(got, what).toEqual(expected);
  const [found, wanted] = [arraysOf(got), arraysOf(expected)];
  expect(found.length, what).toBe(wanted.length);
  let most = 0;
  for (const [i, array] of found.entries()) {
    expect(array.length, what).toBe(wanted[i].length);
    const [off, size] = [norm(array.map((x, n) => x - wanted[i][n])), norm(wanted[i])];
    if (off > 0) most = Math.max(most, off / size);
    expect(off, what).toBeLessThanOrEqual(bar * size);
  }
  if (most > 0) console.info(`${what}: not the same bits on this GPU, off by ${most.toExponential(1)}`);
}

function norm(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
}

/** All numbers in `value`, array by array; a number alone is an array of one. */
function arraysOf(value: unknown): number[][] {
  if (typeof value === 'number') return [[value]];
  if (ArrayBuffer.isView(value)) return [[...(value as Float32Array)]];
  if (value instanceof Map) return [...value.values()].flatMap(arraysOf);
  return Object.values(value as object).flatMap(arraysOf);
}
