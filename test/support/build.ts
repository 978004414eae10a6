// The two builds that tests run: of the CLI and of the page.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = ['src', 'shaders', 'build', 'package.json', 'vite.config.ts'];

/**
 * Runs `vite args` where `output` is older than its sources, `more` among them. A build that fails leaves no `output`: the tests
 * that need it then fail, and the other tests run.
 */
export function buildOnce(output: string, args: readonly string[], more: readonly string[] = []): void {
  const sources = [...SOURCES, ...more].map((path) => newest(join(ROOT, path)));
  if (existsSync(output) && statSync(output).mtimeMs > Math.max(...sources)) return;
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  // As it is published: libraries look at NODE_ENV, and the test runner has set it to `test`.
  const env = { ...process.env, NODE_ENV: 'production' };
  const { status } = spawnSync(process.execPath, [vite, ...args], { cwd: ROOT, env, stdio: 'inherit' });
  if (status === 0) return;
  rmSync(output, { force: true });
  console.error(`vite ${args.join(' ')} failed: the tests of ${output} will fail too.`);
}

/** Time of the last change under a path, in ms. */
function newest(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
