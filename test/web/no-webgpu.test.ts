// A browser without WebGPU: the CPU engine trains, and the page says why and what to do.

import { chromium, type Worker } from 'playwright-core';
import { describe, expect, it, vi } from 'vitest';
import { gpuHelp } from '../../src/web/gpu-help.ts';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { builtinNames, trainHere, usePage } from '../support/page.ts';

describe.skipIf(noChromium)('the page without WebGPU', () => {
  const at = usePage();
  const { press, fill, status, textOf, samples } = at;

  it('says why, and trains on the CPU: not a secure context', async () => {
    await at.open({ url: 'http://page.example/' });
    await checkFallback(
      /^This browser offers no WebGPU here\. Use Chrome .* over https or from localhost/,
      'plain http',
    );
  });

  it('says why, and trains on the CPU: no adapter', async () => {
    const launch = chromium.launch.bind(chromium);
    vi.spyOn(chromium, 'launch').mockImplementationOnce((options) => {
      const args = options?.args?.filter((arg) => arg !== '--enable-unsafe-webgpu') ?? [];
      return launch({ ...options, args: [...args, '--disable-gpu'] });
    });
    const without = await launchChromium();
    try {
      await at.open({ browser: without });
      await checkFallback(/^No WebGPU adapter was found: .* hardware acceleration/, 'chrome://gpu'); // for this very browser
    } finally {
      await without.close();
    }
  });

  it('says what failed on the way to a device, and trains on the CPU', async () => {
    await at.open();
    const trains = (one: Worker) => /\/worker-[^/]+$/.test(one.url());
    const worker =
      at.page.workers().find(trains) ?? (await at.page.waitForEvent('worker', { predicate: trains }));
    await worker.evaluate(() => {
      GPUAdapter.prototype.requestDevice = () => {
        throw new TypeError('no such function');
      };
    });
    await checkFallback(/ refused to open a device: no such function\./, 'chrome://gpu');
  });

  async function checkFallback(reason: RegExp, help: string): Promise<void> {
    const expected = await trainHere(builtinNames(), { steps: 30 });
    await fill('Steps steps', 30);
    await press('Start');
    await status(/^Done/);
    const notice = await textOf('notice');
    expect(notice).toMatch(reason);
    expect(notice).toContain('The CPU engine trains instead.');
    expect(notice).toContain(help);
    expect(await textOf('now-engine')).toBe('CPU');
    expect(await samples()).toEqual(expected.samples);
  }
});

describe('help for a browser', () => {
  const chrome = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
  it.each([
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome}`, /^Chrome and Edge: .*graphics acceleration/],
    [`Mozilla/5.0 (X11; Linux x86_64) ${chrome}`, /^Chrome on Linux: .*enable-unsafe-webgpu/],
    [`Mozilla/5.0 (Linux; Android 15) ${chrome}`, /^Chrome and Edge/],
    [`Mozilla/5.0 (Windows NT 10.0) ${chrome.replace('140', '100')}`, /^Update the browser: .*113/],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', /^Firefox on Linux/],
    ['Mozilla/5.0 (Windows NT 10.0; rv:120.0) Gecko/20100101 Firefox/120.0', /update it in Menu/],
    ['Mozilla/5.0 (Windows NT 10.0; rv:145.0) Gecko/20100101 Firefox/145.0', /dom\.webgpu\.enabled is true/],
    [
      'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/18.3 Safari/605.1.15',
      /^Safari has WebGPU from version 26/,
    ],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605.1.15 Safari/604.1', /iOS or iPadOS 26/],
    ['Lynx/2.9', /^Chrome, Edge, Firefox and Safari/],
  ])('%s', (userAgent, advice) => {
    expect(gpuHelp(userAgent, true)).toMatch(advice);
  });
});
