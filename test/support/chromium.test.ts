import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adapterInfo } from '../../src/webgpu/adapter.ts';
import type { Served } from './chromium.ts';
import { noChromium, serveFolder } from './chromium.ts';
import { useChromium } from './shared-chromium.ts';

// Doubles eight numbers on the GPU, in a worker, and hands them to the page with the adapter's names.
const WORKER = /* js */ `
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter.requestDevice();
  const code = \`
    @group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(8) fn double(@builtin(global_invocation_id) id: vec3u) { x[id.x] *= 2.0; }\`;
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }) },
  });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const x = device.createBuffer({ size: 32, usage });
  const back = device.createBuffer({ size: 32, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(x, 0, Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7]));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [{ binding: 0, resource: { buffer: x } }];
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(x, 0, back, 0, 32);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(GPUMapMode.READ);
  const { vendor, architecture, device: name, description, isFallbackAdapter } = adapter.info;
  const info = { vendor, architecture, device: name, description, isFallbackAdapter };
  const limits = {};
  for (const limit in adapter.limits) limits[limit] = adapter.limits[limit];
  postMessage({ values: [...new Float32Array(back.getMappedRange())], info, features: [...adapter.features], limits });
`;
const PAGE = /* html */ `<!doctype html><title>WebGPU</title><script type="module">
  const worker = new Worker('worker.js', { type: 'module' });
  worker.onmessage = ({ data }) => { window.result = data; };
  worker.onerror = (event) => { window.result = { error: event.message }; };
</script>`;

describe.skipIf(noChromium)('Chromium', () => {
  const at = useChromium();
  let served: Served;
  const folder = mkdtempSync(join(tmpdir(), 'microgpt-page-'));

  beforeAll(async () => {
    writeFileSync(join(folder, 'index.html'), PAGE);
    writeFileSync(join(folder, 'worker.js'), WORKER);
    served = await serveFolder(folder);
  });
  afterAll(async () => {
    await served?.close();
    rmSync(folder, { recursive: true });
  });

  it('runs a compute shader in the worker of a page', async () => {
    const page = await at.browser.newPage();
    await page.goto(served.url);
    const handle = await page.waitForFunction('window.result');
    const result = (await handle.jsonValue()) as { values: number[]; info: GPUAdapterInfo };
    // The whole result: a failure tells the worker's error.
    expect(result).toMatchObject({ values: [0, 2, 4, 6, 8, 10, 12, 14] });
    if (process.env['MICROGPT_TEST_CHROMIUM'] === undefined)
      expect((await adapterInfo(result)).software).toBe(true);
  });

  it('draws text with a font', async () => {
    const page = await at.browser.newPage();
    await page.setContent('<span id="narrow">iiiiiiii</span> <span id="wide">WWWWWWWW</span>');
    const width = (id: string) =>
      page.locator(id).evaluate((element) => element.getBoundingClientRect().width);
    expect(await width('#wide')).toBeGreaterThan(2 * (await width('#narrow')));
  });

  it('serves its folder and nothing outside it', async () => {
    expect((await fetch(served.url)).headers.get('content-type')).toMatch(/^text\/html/);
    expect(await (await fetch(`${served.url}worker.js`)).text()).toBe(WORKER);
    expect((await fetch(`${served.url}missing.js`)).status).toBe(404);
    expect((await fetch(`${served.url}..%2f..%2fetc%2fpasswd`)).status).toBe(404);
  });
});
