import { readFileSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { importsOf, layerViolations } from './support/layers.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};
const DEPENDENCIES = Object.keys(PACKAGE.dependencies);

const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => file.split(sep).join('/'))
  .filter((file) => /\.(ts|tsx|js|mjs)$/.test(file))
  .filter((file) => !file.startsWith('cpu/wasm/')); // AssemblyScript, which imports nothing but itself

describe('src/', () => {
  it('was found', () => {
    expect(sources).toContain('engine/engine.ts');
    expect(sources.length).toBeGreaterThan(20);
  });

  it('imports only downwards', () => {
    const violations = sources.flatMap((file) =>
      layerViolations(file, readFileSync(join(ROOT, 'src', file), 'utf8'), DEPENDENCIES),
    );
    expect(violations).toEqual([]);
  });
});

describe('the check itself', () => {
  const check = (file: string, source: string) => layerViolations(file, source, ['valibot', '@scope/used']);

  it('sees every kind of import', () => {
    const source = `
      import a from './a.ts';
      import type { B } from './b.ts';
      import * as c from './c.wgsl?raw';
      import './d.ts';
      export { e } from './e.ts';
      export * from './f.ts';
      const g = await import('./g.ts');
      type H = import('./h.ts').H;
      new Worker(new URL('./i.ts', import.meta.url), { type: 'module' });
      export const none = "import x from './x.ts'"; // import y from './y.ts'
    `;
    const names = [
      './a.ts',
      './b.ts',
      './c.wgsl?raw',
      './d.ts',
      './e.ts',
      './f.ts',
      './g.ts',
      './h.ts',
      './i.ts',
    ];
    expect(importsOf('x.ts', source).map(({ specifier }) => specifier)).toEqual(names);
    expect(importsOf('x.ts', source)[2]).toEqual({ specifier: './c.wgsl?raw', line: 4 });
  });

  it.each([
    ['engine/engine.ts', `import { ConfigError } from '../util/errors.ts';`],
    [
      'ops/linear.ts',
      `import shader from '../../shaders/linear.wgsl?raw'; import { node } from '../graph/node.ts';`,
    ],
    ['cpu/engine.ts', `import type { Engine } from '../engine/engine.ts'; import './kernels.ts';`],
    [
      'cli/main.ts',
      `import { readFileSync } from 'node:fs'; import { createEngine } from '../engine/choose.ts';`,
    ],
    ['cli/main.ts', `import { version } from '../../package.json';`],
    ['train/trainer.ts', `import * as v from 'valibot'; import '@scope/used/part';`],
    ['webgpu/node-gpu.ts', `await import('webgpu');`],
    ['report/render/page.ts', `import { verdict } from '../judge/verdict.ts'; import './svg.ts';`],
    ['report/measure/crossover.ts', `import type { Cell } from '../schema.ts'; import './grid.ts';`],
    ['web/bar.tsx', `import { useState } from 'preact/hooks'; const bar = <b>{1}</b>;`],
    ['web/page.ts', `new Worker(new URL('./worker.ts', import.meta.url)); new URL(path, location.href);`],
  ])('lets %s pass: %s', (file, source) => {
    expect(layerViolations(file, source, ['valibot', '@scope/used', 'webgpu'])).toEqual([]);
  });

  it.each([
    ['util/random.ts', `import { config } from '../model/config.ts';`, 'model is above it'],
    ['ops/add.ts', `import type { Engine } from '../engine/engine.ts';`, 'engine/engine.ts is above it'],
    ['data/tokenizer.ts', `import { Graph } from '../graph/node.ts';`, 'graph is beside it'],
    ['cpu/engine.ts', `export * from '../oracle/engine.ts';`, 'oracle is beside it'],
    ['oracle/engine.ts', `import { createEngine } from '../engine/choose.ts';`, 'engine is above it'],
    ['webgpu/engine.ts', `const cpu = await import('../cpu/engine.ts');`, 'cpu is beside it'],
    ['engine/choose.ts', `import { train } from '../train/trainer.ts';`, 'train is above it'],
    ['train/trainer.ts', `type Main = import('../cli/main.ts').Main;`, 'cli is above it'],
    [
      'report/measure/crossover.ts',
      `import { outcome } from '../judge/claims.ts';`,
      'report/judge is beside it',
    ],
    [
      'report/judge/claims.ts',
      `import { median } from '../measure/statistics.ts';`,
      'report/measure is beside it',
    ],
    [
      'report/judge/verdict.ts',
      `import type { Page } from '../render/page.ts';`,
      'report/render is above it',
    ],
    [
      'report/schema.ts',
      `import type { Session } from './measure/session.ts';`,
      'report/measure is above it',
    ],
    ['report/loose.ts', ``, 'belongs to no layer'],
    ['web/page.ts', `import { main } from '../cli/main.ts';`, 'cli is beside it'],
    ['web/page.ts', `new Worker(new URL('../cli/main.ts', import.meta.url));`, 'cli is beside it'],
    ['web/page.ts', `import { readFile } from 'node:fs/promises';`, `only cli/ may use Node's modules`],
    ['train/files.ts', `import fs from 'fs';`, 'not in package.json'],
    ['webgpu/engine.ts', `import { create } from 'webgpu';`, 'only webgpu/node-gpu.ts loads Dawn'],
    ['model/config.ts', `import { WgslReflect } from 'wgsl_reflect';`, 'not in package.json'],
    ['model/config.ts', `import { golden } from '../../test/support/golden.ts';`, 'outside src/'],
    ['model/config.ts', `import x from '../misc/x.ts';`, 'belongs to no layer'],
    ['misc/x.ts', ``, 'belongs to no layer'],
    ['cli/main.ts', `import { render } from 'preact';`, 'not in package.json'],
    ['web/page.ts', `const name = './a.ts'; await import(name);`, 'only run time knows'],
  ])('stops %s: %s', (file, source, problem) => {
    const violations = check(file, source);
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(problem);
    expect(violations[0]?.startsWith(file)).toBe(true);
  });
});
