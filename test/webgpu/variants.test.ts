import { expect, test } from 'vitest';
import { DEFAULT_KERNEL_LIMITS } from '../../src/graph/op.ts';
import { caseOf, DIMS, SHAPES, variantCases, withVariants } from './variants.cases.ts';

test('every op with variants has its shapes here', () => {
  expect(withVariants.map((op) => op.name).toSorted()).toEqual(Object.keys(SHAPES).toSorted());
});

test.each(withVariants.map((op) => [op.name, op] as const))(
  '%s: the default is one of the variants',
  (name, op) => {
    const { shapes, attrs } = caseOf(name, DIMS[0], {});
    const variants = op.kernel.variants!(shapes, attrs, DEFAULT_KERNEL_LIMITS);
    expect(variants).toContainEqual(op.kernel.launch(shapes, attrs));
    expect(new Set(variants.map(({ variant }) => variant)).size).toBe(variants.length);
  },
);

variantCases(6);
