// The two builds and the tests:
//   vite build --ssr src/cli/main.ts   dist/cli.js, one file for Node: WGSL inlined (?raw), dependencies left outside
//   vite build                         dist/page, the browser page
//   vite                               the page, served while it is being written
//   vitest run                         the tests, as test/projects.ts says

import { chmodSync } from 'node:fs';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { serviceWorker } from './build/service-worker-plugin.ts';
import { smallShaders } from './build/small-shaders-plugin.ts';
import { assemblyScript } from './build/wasm-plugin.ts';
import { testConfig } from './test/projects.ts';

// Dawn, which src/webgpu/node-gpu.ts loads; pages have navigator.gpu and never get that far.
const NODE_ONLY = ['webgpu'];

/** npm makes a bin file executable when it installs a package; a build in the checkout has to do it itself. */
const executable: Plugin = {
  name: 'executable-cli',
  apply: 'build',
  writeBundle: ({ dir }) => chmodSync(`${dir}/cli.js`, 0o755),
};

/**
 * What the published page may do: run its own files, and nothing from anywhere else. Not while the page is being written,
 * when Vite puts styles into it.
 */
const contentSecurityPolicy: Plugin = {
  name: 'content-security-policy',
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: {
        'http-equiv': 'Content-Security-Policy',
        content: [
          "default-src 'none'",
          "script-src 'self' 'wasm-unsafe-eval'", // the CPU engine's kernels
          "worker-src 'self' blob:", // its threads
          "connect-src 'self'",
          "style-src 'self'",
          "img-src 'self' data: blob:",
          "manifest-src 'self'",
          "base-uri 'none'",
          "form-action 'none'",
        ].join('; '),
      },
      injectTo: 'head-prepend',
    },
  ],
};

/** A page served with these may share memory among threads: the CPU engine then trains on several cores. */
const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig(({ isSsrBuild, mode }) => ({
  base: './',
  plugins: isSsrBuild
    ? [assemblyScript(), executable]
    : [assemblyScript(), smallShaders(), contentSecurityPolicy, serviceWorker()],
  build: isSsrBuild
    ? {
        target: 'node20',
        emptyOutDir: false, // dist/page is not this build's
        rolldownOptions: { output: { entryFileNames: 'cli.js', codeSplitting: false } },
      }
    : {
        outDir: 'dist/page',
        target: 'es2022',
        rolldownOptions: { external: NODE_ONLY },
      },
  server: { headers: ISOLATED },
  preview: { headers: ISOLATED },
  optimizeDeps: { exclude: NODE_ONLY },
  worker: {
    format: 'es',
    plugins: () => [assemblyScript(), smallShaders()],
    rolldownOptions: { external: NODE_ONLY },
  },
  test: testConfig(mode, () => [assemblyScript()]),
}));
