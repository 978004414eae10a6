// npm run bench [-- [NAME] [options]]: loads bench/NAME.ts (all.ts without a name), compiled on the fly by Vite, and runs
// its `main(args)`. Node 20 cannot load TypeScript by itself.

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const here = dirname(fileURLToPath(import.meta.url));
const given = process.argv.slice(2);
const named = given.length > 0 && !given[0].startsWith('--');
const name = named ? given[0] : 'all';
const args = named ? given.slice(1) : given;

if (!existsSync(join(here, `${name}.ts`))) {
  const names = readdirSync(here).filter((file) => file.endsWith('.ts'));
  console.error(
    `usage: npm run bench [-- [NAME] [options]]; NAME: ${names.map((n) => n.slice(0, -3)).join(', ')}`,
  );
  process.exit(2);
}

const server = await createServer({
  root: dirname(here),
  appType: 'custom',
  logLevel: 'warn',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
try {
  const { loadKernels } = await server.ssrLoadModule('/src/cpu/kernels.ts');
  await loadKernels();
  const { main } = await server.ssrLoadModule(`/bench/${name}.ts`);
  await main(args);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await server.close();
}
