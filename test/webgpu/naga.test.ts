// A second compiler's opinion: naga, which wgpu and Firefox use, must take every shader that Dawn takes. This one is old, and has no
// adapter; but it sees every variant in seconds, and writes what Windows and macOS run too. test/all/ runs the present one, on Vulkan.

import { describe, expect, test } from 'vitest';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { OPS } from '../../src/ops/index.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { PHASES, phaseConstants } from '../../src/report/measure/workgroup-runner.ts';
import { residentStep } from '../../src/webgpu/resident/step.ts';
import { compileWithNaga, withConstants } from '../support/naga.ts';

const TARGETS = ['wgsl', 'spirv', 'hlsl', 'metal'] as const;
const PLACES = ['workgroup', 'storage'] as const;

/** Room for every variant of a kernel. */
const LIMITS = { maxComputeWorkgroupStorageSize: 2 ** 16 };

/**
 * Compiles to everything that naga writes: some checks are those of a target. With its constants written in, a shader does not show
 * what wgpu does with overrides: an array whose length is an expression of one takes it down, a named one does not.
 */
function expectNagaTakes(source: string, constants: Readonly<Record<string, number>>): void {
  expect(lengthsByOverrides(source)).toEqual([]);
  for (const target of TARGETS)
    expect(compileWithNaga(withConstants(source, constants), target)).not.toBe('');
}

/** The lengths of arrays in `source` that are expressions of overrides. */
function lengthsByOverrides(source: string): string[] {
  const code = source.replaceAll(/\/\/.*$/gm, '');
  const overrides = [...code.matchAll(/\boverride (\w+)/g)].map(([, name]) => name);
  const lengths = [...code.matchAll(/, ([^<>,;]+)>+;/g)].map(([, length]) => length.trim());
  return lengths.filter(
    (length) => /\W/.test(length) && overrides.some((name) => new RegExp(`\\b${name}\\b`).test(length)),
  );
}

describe('naga takes', () => {
  test.each(OPS.map((op) => [op.name, op] as const))('%s', (_, op) => {
    const { shapes, attrs } = op.example(new PythonRandom(4));
    const { kernel } = op;
    const launches = [kernel.launch(shapes, attrs), ...(kernel.variants?.(shapes, attrs, LIMITS) ?? [])];
    for (const { source = kernel.source, constants } of launches) expectNagaTakes(source, constants);
  });

  // Heads of 4, 2 and 1 channels: packs of as many. Several layers: a loop, with places that move on unevenly.
  const shapes = [[1, 4], [3, 8], [12, 16]] as const; // prettier-ignore
  const kernels = PLACES.flatMap((weights) =>
    PLACES.flatMap((values) =>
      [0, 1].flatMap((clip) => shapes.map(([nLayer, nHead]) => ({ weights, values, clip, nLayer, nHead }))),
    ),
  );
  test.each(kernels)(
    'resident, weights in $weights, values in $values, clip $clip, $nLayer layers, $nHead heads',
    ({ clip, nLayer, nHead, ...memory }) => {
      const model = { ...DEFAULT_MODEL, vocabSize: 27, nLayer, nHead };
      const source = residentStep(model, { ...DEFAULT_TRAINING, clip }).source(memory);
      expectNagaTakes(source, { WORKERS: 32, DOCUMENTS: 10, ORDERS: 111, ORDER_LENGTH: 10 });
    },
  );

  test.each([0, 16, 64])('the phases of a workgroup, with %d multiply-adds', (multiplyAdds) => {
    expectNagaTakes(PHASES, phaseConstants(512, multiplyAdds));
  });
});

describe('naga', () => {
  const kernel = (access: string, statement: string) =>
    `@group(0) @binding(0) var<storage, ${access}> a: array<f32>;
     @compute @workgroup_size(4) fn f(@builtin(local_invocation_index) i: u32) { ${statement} }`;

  test('takes what is right and refuses what is wrong', () => {
    expect(compileWithNaga(kernel('read_write', 'a[i] = 1;'), 'wgsl')).toContain('fn f(');
    expect(() => compileWithNaga(kernel('read_write', 'a[i] = i;'), 'wgsl')).toThrow('automatic conversions');
    expect(() => compileWithNaga(kernel('read', 'a[i] = 1;'), 'wgsl')).toThrow('Validation failed');
    expect(() => compileWithNaga(kernel('read_write', 'a[i] = ;'), 'wgsl')).toThrow('expected expression');
  });

  test('finds lengths that are expressions of overrides', () => {
    const declared = 'override N: u32;\nconst P = 4u;\noverride LENGTH = N / P; // array<f32, N / P>;\n';
    const arrays = (length: string) => `${declared}var<workgroup> a: array<array<f32, P>, ${length}>;`;
    expect(lengthsByOverrides(arrays('N / P'))).toEqual(['N / P']);
    for (const length of ['LENGTH', 'N', '2 * P']) expect(lengthsByOverrides(arrays(length))).toEqual([]);
  });

  test('constants stand where the pipeline would put them', () => {
    const source = 'override A: u32;\noverride B: f32 = 2;\noverride C = A / 4;\noverride D: f32;\n';
    expect(withConstants(source, { A: 8 })).toBe(
      'const A: u32 = u32(8);\nconst B: f32 = 2;\nconst C = A / 4;\nconst D: f32 = f32(1);\n',
    );
  });
});
