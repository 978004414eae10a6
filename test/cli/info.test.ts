import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noAdapter } from '../support/device.ts';
import { softwareVulkanUrl } from '../support/software-vulkan.mjs';
import { softwareVulkanAvailable, softwareVulkanDirectory } from '../support/swiftshader.mjs';
import { microgpt, records, temporaryDirectory } from './cli.ts';

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

  describe.skipIf(!softwareVulkanAvailable())('with Vulkan and drivers that nobody named', () => {
    const directory = softwareVulkanDirectory();
    const BROKEN = '{"file_format_version":"1.0.0","ICD":{"library_path":"/none.so","api_version":"1.1.0"}}';
    /** A place for drivers, with these. */
    function installed(drivers: Readonly<Record<string, string>>): Record<string, string> {
      const data = temporaryDirectory();
      const place = join(data, 'vulkan', 'icd.d');
      mkdirSync(place, { recursive: true });
      for (const [name, driver] of Object.entries(drivers)) writeFileSync(join(place, name), driver);
      return { LD_LIBRARY_PATH: directory, XDG_DATA_DIRS: data, XDG_RUNTIME_DIR: '' };
    }

    it('says nothing but its own lines where none of them has an adapter, except with --verbose', async () => {
      const env = installed({ 'driver.json': BROKEN });
      const train = ['train', '--steps', '1', '--samples', '0'];
      const { status, stderr } = await microgpt(train, { env });
      expect(status).toBe(0);
      expect(stderr).toMatch(/^engine: cpu \(.*\): No WebGPU adapter was found\n1 step in [^\n]*\n$/);
      const { stderr: all } = await microgpt([...train, '--verbose'], { env });
      expect(all).toMatch(/^Warning: .*[^]*\nengine: cpu/);
      const asked = await microgpt([...train, '--engine', 'webgpu'], { env });
      expect(asked.status).toBe(1);
      expect(asked.stderr).toMatch(
        /^error: No WebGPU adapter was found: .* --verbose shows what the drivers say\.\n$/,
      );
    });

    it("finds the adapter of one of them, beside Mesa's software driver, which does not work", async () => {
      const manifest = readFileSync(join(directory, 'vk_swiftshader_icd.json'), 'utf8');
      const library = JSON.stringify(join(directory, 'libvk_swiftshader.so'));
      const driver = manifest.replace(/"[^"]*libvk_swiftshader\.so"/, library);
      const env = installed({ 'driver.json': driver, 'lvp_icd.x86_64.json': BROKEN });
      const { stdout, stderr } = await microgpt(['info'], { env });
      expect(stderr).toBe('');
      expect(stdout).toMatch(/^ {2}webgpu +.*SwiftShader/im);
    });
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
