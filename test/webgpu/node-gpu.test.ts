// Programs that use the GPU must end by themselves and with their own exit status: dawn.node crashes
// or hangs where the GPU object or its devices are not looked after.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noAdapter } from '../support/device.ts';
import { softwareVulkanUrl } from '../support/software-vulkan.mjs';

// Inside node_modules, so that the built program finds `webgpu`.
const CACHE = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));
// Without the care of node-gpu.ts, Node 22 and 24 crash in about one of 15 runs of `exit` and `throw`.
const RUNS = 3;

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly output: string;
}

function run(script: string, argument: string): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_OPTIONS: `--import ${softwareVulkanUrl}` };
    const child = spawn(process.execPath, [script, argument], { env, timeout: 50_000 });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (status, signal) => resolve({ status, signal, output }));
  });
}

describe.skipIf(noAdapter)('a process that uses nodeGpu', () => {
  let directory = '';
  let script = '';

  beforeAll(async () => {
    mkdirSync(CACHE, { recursive: true });
    directory = mkdtempSync(join(CACHE, 'exit-cases-'));
    script = join(directory, 'exit-cases.js');
    const entry = fileURLToPath(new URL('../support/exit-cases.ts', import.meta.url));
    await build({
      configFile: false,
      logLevel: 'error',
      build: { ssr: entry, outDir: directory, target: 'node20', emptyOutDir: false },
    });
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const cases: [string, Partial<Ended>][] = [
    ['finish', { status: 0, output: 'finished: 4096 values\n' }],
    ['unattended', { status: 0, output: 'finished: 4096 values\n' }],
    ['exit-code', { status: 3, output: '' }],
    ['exit', { status: 4, output: '' }],
    ['interrupt', { status: 130, output: '' }],
  ];
  it.each(cases)('ends well: %s', async (name, expected) => {
    for (let i = 0; i < RUNS; i++) {
      expect(await run(script, name)).toMatchObject({ signal: null, ...expected });
    }
  });

  it('ends well: throw', async () => {
    for (let i = 0; i < RUNS; i++) {
      const { status, output } = await run(script, 'throw');
      expect(output).toContain('thrown on purpose');
      expect(status).toBe(1);
    }
  });

  it('says so where there is no adapter', async () => {
    const child = spawn(process.execPath, [script, 'finish'], {
      env: { ...process.env, NODE_OPTIONS: '', VK_DRIVER_FILES: '/nonexistent.json', VK_ICD_FILENAMES: '' },
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const status = await new Promise((resolve) => child.on('close', resolve));
    if (process.platform !== 'linux') return; // Metal and Direct3D cannot be hidden
    expect(errors).toContain('DeviceError: No WebGPU adapter was found: WebGPU needs Vulkan on Linux.');
    expect(status).toBe(1);
  });
});
