// npm run bench -- NAME [options]: loads bench/NAME.ts, compiled on the fly by Vite, and runs its
// `main(args)`. Node 20 cannot load TypeScript by itself.

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const here = dirname(fileURLToPath(import.meta.url));
const [name, ...args] = process.argv.slice(2);

if (name === undefined || !existsSync(join(here, `${name}.ts`))) {
  const names = readdirSync(here).filter((file) => file.endsWith('.ts'));
  console.error(
    `usage: npm run bench -- NAME [options]; NAME: ${names.map((n) => n.slice(0, -3)).join(', ')}`,
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
  const { main } = await server.ssrLoadModule(`/bench/${name}.ts`);
  await main(args);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await server.close();
}
