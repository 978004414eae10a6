// Before the tests of the page: builds it as it is published, into dist/page, where that is older than its sources.

import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildOnce, ROOT } from './support/build.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of the built page. */
    page: string;
  }
}

export default function setup(project: TestProject): void {
  const folder = join(ROOT, 'dist', 'page');
  buildOnce(join(folder, 'index.html'), ['build', '--logLevel', 'error'], ['index.html']);
  project.provide('page', folder);
}
