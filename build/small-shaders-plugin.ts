// Vite plugin for the published page: shaders without their comments and indentation, a fifth of what a visitor would
// load. Everything else (the command, the tests, the page while it is being written) has them as they are.

import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

export function smallShaders(): Plugin {
  return {
    name: 'small-shaders',
    apply: 'build',
    enforce: 'pre',
    load(id) {
      const [file, query] = id.split('?', 2);
      if (!file.endsWith('.wgsl') || query !== 'raw') return null;
      this.addWatchFile(file);
      return { code: `export default ${JSON.stringify(smaller(readFileSync(file, 'utf8')))};`, map: null };
    },
  };
}

/** WGSL has no strings, so `//` always begins a comment. `//each` and `//end` are for src/ops/product.ts. */
function smaller(shader: string): string {
  const lines = shader.split('\n').map((line) => line.replace(/\/\/(?!each |end$).*$/, '').trim());
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}
