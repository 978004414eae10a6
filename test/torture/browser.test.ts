// The browser killed while the page stores a run: what it said that it keeps is there afterwards, and the run ends with the bits
// of one that was left alone.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PythonRandom } from '../../src/util/python-random.ts';
import { launchWithProfile, noChromium } from '../support/chromium.ts';
import { usePage } from '../support/page.ts';
import { FULL } from './full.ts';

const KILLS = FULL ? 100 : 5;
/** More than all lives take together. */
const STEPS = 20_000;
/** Milliseconds in which the run is stored over and over, at most, before the browser is killed. */
const LIFE = 400;

/** Everything that belongs to the browser, at once. */
async function kill(context: BrowserContext): Promise<void> {
  const session = await context.browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const closed = context.waitForEvent('close');
  for (const { id } of processInfo) process.kill(id, 'SIGKILL');
  await closed;
}

describe.skipIf(noChromium)('a browser that is killed while the page stores a run', () => {
  const at = usePage();
  const kept = () =>
    at.page.evaluate(() =>
      Math.max(...window.heard.map((message) => (message.type === 'kept' ? message.step : 0))),
    );

  /** The names and sizes of all files of the page, and what the page says: for a failure. */
  const found = () =>
    at.page.evaluate(async () => {
      const files: string[] = [];
      const list = async (directory: FileSystemDirectoryHandle, path: string) => {
        for await (const [name, handle] of directory.entries()) {
          if (handle instanceof FileSystemDirectoryHandle) await list(handle, `${path}${name}/`);
          else files.push(`${path}${name} (${(await handle.getFile()).size} bytes)`);
        }
      };
      await list(await navigator.storage.getDirectory(), '');
      return `${files.join(', ') || 'no files'}; the page says ${document.body.innerText.slice(0, 600)}`;
    });
  const goOn = async (promised: number) => {
    const button = at.page.getByRole('button', { name: 'Go on with the run of Names', exact: true });
    await button.click().catch(async (cause: unknown) => {
      throw new Error(`${promised} steps were promised, and no run is offered: ${await found()}`, { cause });
    });
  };

  it(`loses nothing, ${KILLS} times`, async () => {
    await at.open({ hash: `#engine=cpu&steps=${STEPS}` });
    await at.press('Start');
    await at.status(/^Done/);
    const [losses, samples] = [await at.losses(), await at.samples()];
    await at.page.context().close();

    const profile = mkdtempSync(join(tmpdir(), 'microgpt-profile-'));
    onTestFinished(() => rmSync(profile, { recursive: true, maxRetries: 5 }));
    const random = new PythonRandom(1);
    let promised = 0;
    for (let life = 0; life < KILLS; life++) {
      const context = await launchWithProfile(profile);
      await at.open({ context, hash: promised === 0 ? `#engine=cpu&steps=${STEPS}` : '' });
      await at.page.getByLabel('pace').selectOption('100 steps/s');
      if (promised === 0) {
        await at.press('Step');
      } else {
        await goOn(promised);
        await at.press('Pause');
      }
      await at.status('Paused.');
      expect(await kept(), 'goes on from what was promised').toBeGreaterThanOrEqual(promised);
      // What is stepped is stored, step by step.
      await at.page.evaluate(() => {
        const step = [...document.querySelectorAll('button')].find(
          ({ textContent }) => textContent === 'Step',
        )!;
        setInterval(() => step.click(), 2);
      });
      await new Promise((resolve) => setTimeout(resolve, LIFE * random.random()));
      promised = await kept();
      await kill(context);
    }
    console.log(`${KILLS} kills, ${promised} steps that were stored one by one`);

    const context = await launchWithProfile(profile);
    await at.open({ context });
    await goOn(promised);
    await at.status(/^Done/);
    expect(await at.losses()).toEqual(losses);
    expect(await at.samples()).toEqual(samples);
  });
});
