// How vite.config.ts runs the tests. `npm test` leaves out test/all and what is named *.large.test.ts; `npm run test:all`
// (mode `all`) runs just those.

import { availableParallelism } from 'node:os';
import type { Plugin } from 'vite';
import type { TestProjectInlineConfiguration } from 'vitest/config';
import { LongestFirst } from './support/longest-first.ts';
import { SkipReasons } from './support/skip-reasons.ts';

/** Suites that look at pages in a browser. A process runs many of them, one after the other, and keeps its browser. */
const PAGE = [
  'web/**/',
  'cpu/page',
  'report/render/render-browser',
  'support/chromium',
  'torture/browser',
  'train/sweep-plot',
];
/**
 * Suites that leave their process as they found it: one process runs many, which saves starting it and loading the sources. All
 * others have a process each: Dawn keeps state in it, and some count its threads, measure its memory or change its directory.
 */
const SHARED = [
  'cli/**/',
  'data/**/',
  'graph/**/',
  'model/**/',
  'oracle/**/',
  'report/judge/**/',
  'report/render/render',
  'report/read',
  'report/planted',
  'util/**/',
  'layers',
];

export function testConfig(mode: string, plugins: () => Plugin[]) {
  const all = mode === 'all';
  /** The suites of a place: all in a directory, or one file. */
  const suites = (place: string) => {
    const file = place.endsWith('/') ? `${place}*` : place;
    return `test/${file}${all ? '.large' : ''}.test.ts`;
  };
  const large = all ? ['test/all/**'] : ['test/all/**', 'test/**/*.large.test.ts'];
  const page = PAGE.map(suites);
  const shared = SHARED.map(suites);

  // One fewer than cores is the default; but many tests wait for a browser, a process or a driver, which leaves two cores idle for
  // a third of the time.
  const maxWorkers = Math.max(3, availableParallelism() - 1);
  const project = (own: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration => ({
    mode,
    plugins: plugins(),
    test: {
      // With the clamps that swiftshader.mjs leaves out of the others' shaders.
      ...(all && { env: { MICROGPT_DAWN_FLAGS: 'enable-dawn-features=disable_workgroup_init' } }),
      // Its package.json names a CommonJS file as the main one of an ES module.
      alias: { wgsl_reflect: 'wgsl_reflect/wgsl_reflect.module.js' },
      css: true, // the report's style is a part of it, so the tests need the real one
      pool: 'forks',
      maxWorkers,
      setupFiles: ['test/support/software-vulkan.mjs', 'test/support/cpu-kernels.ts'],
      // SwiftShader on two shared cores: kernels that a GPU runs in a millisecond take seconds.
      testTimeout: 240_000,
      hookTimeout: 240_000,
      ...own,
    },
  });
  /** What runs in other browsers and under Deno. */
  const elsewhere = project({
    name: 'elsewhere',
    include: ['test/all/**/*.test.ts'],
    globalSetup: ['test/build-page.ts', 'test/all/support/setup.ts'],
    testTimeout: 600_000, // wgpu clears workgroup memory in every shader, which makes SwiftShader compile for seconds
  });
  return {
    maxWorkers,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new SkipReasons()],
    slowTestThreshold: 10_000, // milliseconds: only what is slower has a line of its own
    globalSetup: ['test/global-setup.ts'],
    teardownTimeout: 10_000,
    projects: [
      project({
        name: 'alone',
        include: [suites('**/')],
        exclude: [...page, ...shared, ...large],
      }),
      project({
        name: 'page',
        include: page,
        exclude: large,
        isolate: false,
        globalSetup: ['test/build-page.ts'],
      }),
      project({ name: 'shared', include: shared, exclude: [...page, ...large], isolate: false }),
      ...(all ? [elsewhere] : []),
    ],
  };
}
