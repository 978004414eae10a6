// Every op against its shader, without a GPU: the WGSL is parsed, and what it declares must be what the op says.

import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ResourceType, WgslReflect } from 'wgsl_reflect';
import { dtypeOf, operandNames } from '../../src/graph/op.ts';
import type { Attrs, Launch, Op, Shape } from '../../src/graph/op.ts';
import { OPS } from '../../src/ops/index.ts';
import { PythonRandom } from '../../src/util/python-random.ts';

/** A binding as a shader should declare it. */
interface Binding {
  readonly binding: number;
  readonly name: string;
  readonly space: 'uniform' | 'read' | 'read_write';
  readonly element: 'Step' | 'f32' | 'u32';
}

function expectedBindings(op: Op): Binding[] {
  const operands = [...operandNames(op), ...op.outputs.filter((name) => !(op.writesStep && name === 'step'))];
  const wgslNames = op.kernel.bindings ?? operands;
  expect(wgslNames, 'bindings').toHaveLength(operands.length);
  return [
    { binding: 0, name: 'step', space: op.writesStep ? 'read_write' : 'uniform', element: 'Step' },
    ...operands.map((name, i): Binding => ({
      binding: i + 1,
      name: wgslNames[i],
      space: op.inputs.includes(name) ? 'read' : 'read_write',
      element: dtypeOf(op, name),
    })),
  ];
}

/** A shader that was parsed: once, for that takes tens of milliseconds. */
function reflected(source: string): WgslReflect {
  let reflect = reflections.get(source);
  if (reflect === undefined) reflections.set(source, (reflect = new WgslReflect(source)));
  return reflect;
}
const reflections = new Map<string, WgslReflect>();

function declaredBindings(op: Op, source: string): Binding[] {
  const { entry } = reflected(source);
  const found = entry.compute.find((f) => f.name === op.kernel.entry);
  expect(found, `entry point ${op.kernel.entry}`).toBeDefined();
  return found!.resources
    .map((resource): Binding => {
      const type = resource.type as { name: string; format?: { name: string; format?: { name: string } } };
      const element = (type.format?.format ?? type.format ?? type).name.replace(/^vec\d(f|u)$/, '$132');
      return {
        binding: resource.binding,
        name: resource.name,
        space:
          resource.resourceType === ResourceType.Uniform ? 'uniform' : (resource.access as Binding['space']),
        element: element as Binding['element'],
      };
    })
    .toSorted((a, b) => a.binding - b.binding);
}

/** The default way of launching an op, and all others. */
function launchesOf({ kernel }: Op, shapes: readonly Shape[], attrs: Attrs): readonly Launch[] {
  const limits = { maxComputeWorkgroupStorageSize: 2 ** 20 };
  return [kernel.launch(shapes, attrs), ...(kernel.variants?.(shapes, attrs, limits) ?? [])];
}

describe.each(OPS.map((op) => [op.name, op] as const))('%s', (name, op) => {
  test('has an entry point of its name and the bindings that the op says', () => {
    expect(op.kernel.entry).toBe(name);
    const { shapes, attrs } = op.example(new PythonRandom(6));
    const sources = new Set([op.kernel.source, ...launchesOf(op, shapes, attrs).map((l) => l.source)]);
    for (const source of sources) {
      if (source !== undefined) expect(declaredBindings(op, source)).toEqual(expectedBindings(op));
    }
  });

  test('binds at most the 8 storage buffers that every WebGPU device has', () => {
    const storage = expectedBindings(op).filter(({ space }) => space !== 'uniform');
    expect(storage.length).toBeLessThanOrEqual(8);
  });

  test('gives a value to every constant that its shader declares without one, and no others', () => {
    const random = new PythonRandom(5);
    for (let i = 0; i < 20; i++) {
      const { shapes, attrs } = op.example(random);
      const all = launchesOf(op, shapes, attrs);
      const { constants, workgroups, source = op.kernel.source } = all[i % all.length];
      const declared = new Map(reflected(source).overrides.map((o) => [o.name, o]));
      for (const [constant, value] of Object.entries(constants)) {
        expect(declared.has(constant), `override ${constant}`).toBe(true);
        expect(Number.isFinite(value), constant).toBe(true);
      }
      for (const constant of overridesUsedBy(op, source)) expect(Object.keys(constants)).toContain(constant);
      for (const n of workgroups) expect(n >= 1 && n <= 65_535 && Number.isInteger(n)).toBe(true);
    }
  });
});

/** Overrides without a default that the entry point's code mentions, in itself or in a function it calls. */
function overridesUsedBy(op: Op, source: string): string[] {
  const { functions } = reflected(source);
  const withoutDefault = [...source.matchAll(/override (\w+): \w+;/g)].map((match) => match[1]);
  const body = (name: string, seen: Set<string>): string => {
    if (seen.has(name)) return '';
    seen.add(name);
    const start = source.indexOf(`fn ${name}(`);
    const end = source.indexOf('\n}', start);
    const own = source.slice(start, end);
    const called = functions.map((f) => f.name).filter((f) => f !== name && own.includes(`${f}(`));
    return own + called.map((f) => body(f, seen)).join('');
  };
  const code = body(op.kernel.entry, new Set());
  return withoutDefault.filter((name) => new RegExp(`\\b${name}\\b`).test(code));
}

test('every shader belongs to an op', () => {
  const files = readdirSync(new URL('../../shaders', import.meta.url)).filter((file) =>
    file.endsWith('.wgsl'),
  );
  const entries = OPS.map((op) => op.kernel.entry);
  for (const file of files) {
    const stem = file.replace('.wgsl', '');
    expect(
      entries.some((entry) => entry.startsWith(stem)),
      file,
    ).toBe(true);
  }
});

test('names are unique', () => {
  const names = OPS.map((op) => op.name);
  expect(new Set(names).size).toBe(names.length);
});
