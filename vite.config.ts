import { defineConfig } from 'vitest/config';

export default defineConfig(({ isSsrBuild }) => ({
  base: './',
  build: isSsrBuild
    ? { target: 'node20', emptyOutDir: false, rolldownOptions: { output: { entryFileNames: 'cli.js' } } }
    : { outDir: 'dist/page', target: 'es2022' },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
  },
}));
