import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noAdapter } from '../support/device.ts';
import { softwareVulkanUrl } from '../support/software-vulkan.mjs';
import { microgpt, records } from './cli.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

describe('info', () => {
  it('prints versions and engines, GPU or not', async () => {
    const { status, stdout } = await microgpt(['info', '--json']);
    expect(status).toBe(0);
    const [info] = records(stdout);
    expect(info).toMatchObject({
      type: 'info',
      versions: {
        microgpt: version,
        node: process.versions.node,
        webgpu: expect.stringMatching(/^\d/) as string,
      },
      engines: [
        { name: 'oracle', available: true },
        { name: 'cpu', available: true },
        { name: 'webgpu', available: expect.any(Boolean) as boolean },
      ],
    });
    const text = await microgpt(['info']);
    expect(text.stdout).toContain(`microgpt ${version}, node ${process.versions.node}`);
    expect(text.stdout).toMatch(/^ {2}webgpu +\S/m);
  });

  it.skipIf(noAdapter)('prints the adapter, its limits and its features', async () => {
    const env = { NODE_OPTIONS: `--import ${softwareVulkanUrl}` };
    const { status, stdout } = await microgpt(['info', '--json'], { env });
    expect(status).toBe(0);
    const [{ adapters }] = records(stdout) as unknown as [{ adapters: Record<string, unknown>[] }];
    expect(adapters).toHaveLength(1);
    const [adapter] = adapters;
    expect(adapter).toMatchObject({
      vendor: expect.any(String) as string,
      software: expect.any(Boolean) as boolean,
      limits: { maxComputeWorkgroupStorageSize: expect.any(Number) as number },
      features: expect.any(Array) as string[],
    });
    const text = await microgpt(['info'], { env });
    expect(text.stdout).toMatch(/^adapter: .+$/m);
    expect(text.stdout).toMatch(/^ {4}maxStorageBufferBindingSize +\d+$/m);
  });

  it('prints its version', async () => {
    expect(await microgpt(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([['--help'], ['help'], ['train', '--help'], ['help', 'sample']])(
    'helps with %s %s',
    async (...args) => {
      const { status, stdout, stderr } = await microgpt(args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: microgpt/);
    },
  );
});
