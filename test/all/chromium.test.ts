// The page in Chromiums from before adapter.info, which came with 127: 116 has WebGPU's first timestamps and compiler, 123 later ones.

import { describe, expect, inject, it } from 'vitest';
import { serveFolder } from '../support/chromium.ts';
import { launchChromium, missing } from './support/browsers.ts';
import { checkPage, checkRun } from './support/page-cases.ts';
import { PageUnderTest } from './support/page-under-test.ts';

for (const version of [116, 123] as const)
  checkPage(`Chromium ${version}`, missing, () => launchChromium(version));

describe.skipIf(missing)('the page in Chromium 116 without an adapter', () => {
  it('says why, and trains on the CPU', async () => {
    const served = await serveFolder(inject('page'));
    const browser = await launchChromium(116, { webgpu: false });
    try {
      const at = await PageUnderTest.open(browser, `${served.url}#steps=40`);
      await at.press('Start');
      await at.says('#status', /^Done/);
      expect(await at.text('#now-engine')).toBe('CPU');
      expect(await at.text('#notice')).toMatch(
        /^No WebGPU adapter was found: .* The CPU engine trains instead\./,
      );
      await checkRun(at, 40);
      await at.close();
    } finally {
      await browser.close();
      await served.close();
    }
  });
});
