// Builds src/web/service-worker.ts beside the page, with the list of the page's files in it.

import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const SOURCE = fileURLToPath(new URL('../src/web/service-worker.ts', import.meta.url));
const FILE = 'service-worker.js';

export function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    config: () => ({ define: { SERVICE_WORKER: JSON.stringify(FILE) } }),
    buildStart() {
      this.emitFile({ type: 'chunk', id: SOURCE, fileName: FILE });
    },
    generateBundle: {
      order: 'post', // index.html and the workers are there only then
      handler(_options, bundle) {
        const files: Record<string, string> = {};
        for (const path of Object.keys(bundle).sort()) {
          const built = bundle[path];
          if (path === FILE) continue;
          files[path] = sha256(built.type === 'chunk' ? built.code : built.source);
        }
        const script = bundle[FILE];
        if (script.type !== 'chunk') throw new Error(`${FILE} is no script`);
        const list = JSON.stringify(files);
        script.code = script.code
          .replaceAll('BUILT_FILES', () => list)
          .replaceAll('BUILD_ID', JSON.stringify(sha256(list).slice(0, 16)));
      },
    },
  };
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
