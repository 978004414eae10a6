// What the built page has to do in a browser, whichever it is: a first run, the checks of its room, and a sweep. All on WebGPU,
// and to the numbers of the CPU engine of this process.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { largestDifference } from '../../../src/verify/check.ts';
import { serveFolder, type Served } from '../../support/chromium.ts';
import { builtinNames, LOSS_TOLERANCE, trainHere } from '../../support/page.ts';
import type { Browser } from './browsers.ts';
import { PageUnderTest } from './page-under-test.ts';

/** A page served with these may share memory, and does not load itself again to get there. */
const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export function checkPage(title: string, skip: string, launch: () => Promise<Browser>): void {
  describe.skipIf(skip)(`the page in ${title}`, () => {
    let served: Served;
    let browser: Browser;
    beforeAll(async () => {
      served = await serveFolder(inject('page'), ISOLATED);
      browser = await launch();
      console.log(`The page is checked in ${await browser.version()}.`);
    });
    afterAll(async () => {
      await browser?.close();
      await served?.close();
    });

    it.each(['graph', 'auto'])('trains on WebGPU with launch %s, and samples', async (launchStrategy) => {
      const at = await PageUnderTest.open(browser, `${served.url}#steps=40&launch=${launchStrategy}`);
      await at.press('Start');
      await at.says('#status', /^Done/);
      expect(await at.text('#now-engine')).toBe('WebGPU (software)');
      await checkRun(at, 40);
      await at.close();
    });

    it('passes every check', async () => {
      const at = await PageUnderTest.open(browser, `${served.url}#/verify`);
      await at.press('Check my GPU');
      expect(await at.says('#verdict', /passed|failed/)).toMatch(
        /^All \d+ checks passed on .*(software, not a GPU)/,
      );
      await at.close();
    });

    it('sweeps on WebGPU', async () => {
      const at = await PageUnderTest.open(browser, `${served.url}#steps=30`);
      await at.page.evaluate(() => {
        location.hash = '#/sweep';
      });
      await at.fill('[name=lrFrom]', '0.01');
      await at.fill('[name=lrCount]', '2');
      await at.fill('[name=seeds]', '1');
      await at.fill('.room select', 'webgpu');
      await at.press('Train 2 models');
      expect(await at.says('#swept', /./)).toMatch(/^The best model/);
      const { losses } = await trainHere(builtinNames(), { steps: 30 });
      const mean = losses.reduce((a, b) => a + b) / losses.length;
      const first = await at.page.evaluate(
        () => document.querySelector<HTMLElement>('td button[data-loss]')!.dataset['loss'],
      );
      expect(Math.abs(Number(first) - mean)).toBeLessThan(LOSS_TOLERANCE);
      await at.close();
    });
  });
}

/** The losses and the 20 samples are those of the CPU engine of this process. */
export async function checkRun(at: PageUnderTest, steps: number): Promise<void> {
  const expected = await trainHere(builtinNames(), { steps });
  const { losses, samples } = await at.run();
  expect(losses).toHaveLength(steps);
  expect(largestDifference(losses, expected.losses)).toBeLessThan(LOSS_TOLERANCE);
  expect(samples).toEqual(expected.samples);
}
