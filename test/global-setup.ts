// Before all tests: finds the adapter for the GPU tests and builds the CLI that the subprocess tests run.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildOnce, ROOT } from './support/build.ts';
import { softwareVulkanAvailable } from './support/swiftshader.mjs';

export default function setup(): void {
  chooseAdapter();
  buildOnce(join(ROOT, 'dist', 'cli.js'), ['build', '--ssr', 'src/cli/main.ts', '--logLevel', 'warn']);
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
