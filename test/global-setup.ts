// Before all tests: finds the adapter for the GPU tests and builds the CLI that the subprocess tests run.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { softwareVulkanAvailable } from './support/swiftshader.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export default function setup(): void {
  chooseAdapter();
  buildCli();
}

/**
 * A real GPU first, then SwiftShader, then any software adapter of the system's. The tests and their
 * subprocesses read the choice from MICROGPT_TEST_ADAPTER, or from MICROGPT_TEST_NO_ADAPTER why there is none.
 */
function chooseAdapter(): void {
  const asked = process.env['MICROGPT_TEST_ADAPTER'];
  const driver = process.env['VK_DRIVER_FILES'] ?? process.env['VK_ICD_FILENAMES'];
  if (asked !== undefined && asked !== 'native' && asked !== 'software') {
    throw new Error(`MICROGPT_TEST_ADAPTER: expected native or software, got ${asked}.`);
  }
  if (asked === 'software') return choose('software', probe('software'));

  const native = probe('native');
  if (asked === 'native' || driver !== undefined) return choose('native', native); // named on purpose
  if ('name' in native && !native.software) return choose('native', native);
  if (softwareVulkanAvailable()) {
    const software = probe('software');
    if ('name' in software) return choose('software', software);
  }
  if ('name' in native) return choose('native', native);
  process.env['MICROGPT_TEST_NO_ADAPTER'] = native.reason;
  console.warn(`GPU tests are SKIPPED: ${native.reason}`);
}

type Found = { readonly name: string; readonly software: boolean } | { readonly reason: string };

function choose(adapter: 'native' | 'software', found: Found): void {
  if ('reason' in found) {
    throw new Error(
      `The ${adapter} adapter was asked for (MICROGPT_TEST_ADAPTER, VK_DRIVER_FILES or VK_ICD_FILENAMES), ` +
        `and there is none: ${found.reason}`,
    );
  }
  process.env['MICROGPT_TEST_ADAPTER'] = adapter;
  console.log(`GPU tests run on ${found.name}.`);
}

/** What a process gets as its adapter. */
function probe(adapter: 'native' | 'software'): Found {
  const script = join(ROOT, 'test', 'support', 'probe-adapter.mjs');
  const env = { ...process.env, MICROGPT_TEST_ADAPTER: adapter };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [script], {
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  const line = stdout.trim().split('\n').pop() ?? '';
  if (line.startsWith('{')) return JSON.parse(line) as Found;
  return { reason: `looking for one failed (${signal ?? `exit status ${status}`}): ${stderr.trim()}` };
}

/**
 * Builds dist/cli.js where it is older than its sources. A build that fails leaves no dist/cli.js:
 * the tests of the CLI then fail, and the other tests run.
 */
function buildCli(): void {
  if (!existsSync(join(ROOT, 'src/cli/main.ts'))) return;
  const cli = join(ROOT, 'dist', 'cli.js');
  const sources = ['src', 'shaders', 'build', 'package.json', 'vite.config.ts'].map((path) =>
    newest(join(ROOT, path)),
  );
  if (existsSync(cli) && statSync(cli).mtimeMs > Math.max(...sources)) return;
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const args = [vite, 'build', '--ssr', 'src/cli/main.ts', '--logLevel', 'warn'];
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  if (status === 0) return;
  rmSync(cli, { force: true });
  console.error('The build of the CLI failed: its tests will fail too.');
}

/** Time of the last change under a path, in ms. */
function newest(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
