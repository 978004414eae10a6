// How the page behaves while it trains, and that it is whole after accidents. How smooth and prompt it is, bench/page.ts measures.

import type { Worker } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { largestDifference } from '../../src/verify/check.ts';
import { noChromium } from '../support/chromium.ts';
import { builtinNames, LOSS_TOLERANCE, trainHere, usePage } from '../support/page.ts';

declare global {
  interface Window {
    /** Of the page's worker: the device that it trains on. */
    trainingDevice: GPUDevice;
  }
}

describe.skipIf(noChromium)('the page behaves', () => {
  const at = usePage();

  it('keeps what the reader looks at closer as the run goes on', async () => {
    await at.open();
    await at.useCpu();
    await at.fill('Steps steps', 4000);
    await at.page.getByLabel('pace').selectOption('100 steps/s');
    await at.press('Start');
    await at.page.waitForFunction(() => Number(document.querySelector('progress')?.value) > 100);
    await at.press('Pause');
    await at.status('Paused.');
    const plot = at.page.locator('#training .u-over');
    await plot.scrollIntoViewIfNeeded();
    const drawn = () =>
      at.page.evaluate(() => document.querySelector<HTMLCanvasElement>('#training canvas')!.toDataURL());
    const whole = await drawn();
    const { x, y, width } = (await plot.boundingBox())!;
    await at.page.mouse.move(x + 1, y + 50);
    await at.page.mouse.down();
    await at.page.mouse.move(x + width / 50, y + 50, { steps: 4 }); // 80 of the 4,000 steps
    await at.page.mouse.up();
    await expect.poll(drawn).not.toBe(whole);
    const closer = await drawn();
    const before = await at.textOf('now-step');
    await at.press('Step');
    await expect.poll(() => at.textOf('now-step')).not.toBe(before);
    expect(await drawn()).toBe(closer);
    await plot.dblclick();
    await expect.poll(drawn).not.toBe(closer);
  });

  it('takes the reader back from a room to where they were', async () => {
    await at.open();
    await at.useCpu();
    await at.fill('Steps steps', 50);
    await at.press('Start');
    await at.status(/^Done/);
    await at.page.getByLabel('Begin with').fill('an');
    await at.page.locator('#training').evaluate((element) => element.scrollIntoView());
    // Views that were passed on the way are loaded, and move what is below them.
    const place = await at.page.evaluate(async () => {
      let [before, frames] = [NaN, 0];
      while (frames < 30) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        frames = scrollY === before ? frames + 1 : 0;
        before = scrollY;
      }
      return scrollY;
    });
    expect(place).toBeGreaterThan(1000);
    // Not Playwright's click, which scrolls first.
    await at.page.getByRole('link', { name: 'Runs' }).evaluate((link) => (link as HTMLElement).click());
    await at.page.getByRole('heading', { name: 'Runs' }).waitFor();
    expect(await at.page.evaluate(() => scrollY)).toBe(0);
    await at.page.goBack();
    await at.page.locator('#training').waitFor();
    expect(Math.abs((await at.page.evaluate(() => scrollY)) - place)).toBeLessThan(20);
    expect(await at.page.getByLabel('Begin with').inputValue()).toBe('an');
  });

  it('waits for the rest of a number that is being typed', async () => {
    await at.open();
    const seed = at.page.getByLabel('Random numbers seed');
    await seed.fill('-');
    await at.page.waitForTimeout(300);
    expect(await at.textOf('status')).toBe('Ready.');
    await seed.fill('-7');
    await at.page.getByText('as seed -7 shuffles them').waitFor();
    await at.fill('Heads n_head', '5');
    await at.press('Start');
    await at.page.getByRole('alert').filter({ hasText: 'not divisible' }).waitFor();
    await at.fill('Heads n_head', '4');
    await expect.poll(() => at.page.getByRole('alert').count()).toBe(0);
  });

  it('does not grow over 100,000 steps', async () => {
    await at.open({ record: false });
    await at.useCpu();
    await at.fill('Steps steps', 100_000);
    const session = await at.page.context().newCDPSession(at.page);
    const heap = async () => {
      await session.send('HeapProfiler.collectGarbage');
      return (await session.send('Runtime.getHeapUsage')).usedSize / 2 ** 20;
    };
    await at.press('Start');
    // The curve keeps at most 4,096 points, and has them all by then.
    await at.page.waitForFunction(() => Number(document.querySelector('progress')?.value) > 20_000);
    const early = await heap();
    await at.status(/^Done/);
    expect((await heap()) - early).toBeLessThan(1.5); // MiB: 80,000 losses alone as numbers are more
    expect(await at.textOf('now-step')).toBe('100,000 / 100,000');
  });

  it.each([
    ['a new device', 'WebGPU (software)', false],
    ['the CPU', 'CPU', true],
  ])('goes on on %s after a lost one', async (next, engine, gone) => {
    const expected = await trainHere(builtinNames(), { steps: 150 });
    await at.open();
    const trains = (one: Worker) => /\/worker-[^/]+$/.test(one.url()); // others keep runs, or serve rooms
    const worker =
      at.page.workers().find(trains) ?? (await at.page.waitForEvent('worker', { predicate: trains }));
    await worker.evaluate(() => {
      const request = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...options) {
        self.trainingDevice = await request.apply(this, options);
        return self.trainingDevice;
      };
    });
    await at.fill('Steps steps', 150);
    await at.page.getByLabel('pace').selectOption('20 steps/s');
    await at.press('Start');
    await at.page.waitForFunction(() => Number(document.querySelector('progress')?.value) >= 5);
    await worker.evaluate((noOther) => {
      if (noOther) GPU.prototype.requestAdapter = async () => null;
      self.trainingDevice.destroy();
    }, gone);
    await at.status('Interrupted.');
    const said = await at.textOf('interrupted');
    expect(said).toMatch(/^The GPU device was lost/);
    const step = Number(/model of step (\d+) is kept/.exec(said)?.[1]);
    expect(step).toBeGreaterThanOrEqual(0);
    // The model that was kept can be asked.
    await at.page.locator('#prefix').scrollIntoViewIfNeeded();
    await at.page.locator('[data-probability]').first().waitFor();

    await at.page.getByLabel('pace').selectOption('full speed');
    await at.press(`Go on from step ${step} on ${next}`);
    await at.status(/^Done/);
    expect(await at.page.getByRole('alert').count()).toBe(0);
    expect(await at.textOf('now-engine')).toBe(engine);
    // Every step, the later one where it was done twice.
    const got: number[] = [];
    const messages = await at.page.evaluate(() =>
      window.heard.flatMap((message) =>
        message.type === 'steps' ? [{ from: message.from, losses: Array.from(message.losses) }] : [],
      ),
    );
    for (const { from, losses } of messages) losses.forEach((loss, i) => (got[from + i] = loss));
    expect(got).toHaveLength(150);
    expect(largestDifference(got, expected.losses)).toBeLessThan(LOSS_TOLERANCE);
    expect(await at.samples()).toEqual(expected.samples);
  });

  it('says when a training diverges, and starts again with a smaller learning rate', async () => {
    await at.open();
    await at.useCpu();
    await at.fill('Learning rate lr', '1e30');
    await at.fill('Steps steps', 50);
    await at.press('Start');
    await at.status('Interrupted.');
    expect(await at.textOf('interrupted')).toMatch(/the training diverged/);
    await at.press('Start again with learning rate 0.01');
    await at.status(/^Done/);
    expect(await at.page.getByLabel('Learning rate lr').inputValue()).toBe('0.01');
    await at.press('Reset');
    await at.status('Ready.');
    expect(await at.page.getByLabel('Learning rate lr').isEnabled()).toBe(true);
  });

  it('says when a training ends worse than chance, and starts again with a smaller learning rate', async () => {
    await at.open();
    await at.useCpu();
    await at.fill('Learning rate lr', '1e9');
    await at.fill('Steps steps', 200);
    await at.press('Start');
    await at.status(/^Done/);
    expect(await at.textOf('problem')).toMatch(
      /^The smoothed loss ended at \S+e\+\d+, worse than chance \(ln 27 = 3\.30\)\. Try a smaller learning rate, such as 0\.01\./,
    );
    expect(await at.textOf('not-kept')).toMatch(/^This run is not saved\. \S+ is not finite any more/);
    await at.fill('Steps steps', 100); // the button repeats the run, with its own settings
    await at.press('Start again with learning rate 0.01');
    await at.status(/^Done: trained for 200 steps/);
    expect(await at.page.locator('#problem').count()).toBe(0);
  });

  it('starts again with the file of the run, whatever was chosen since', async () => {
    const choose = async (name: string, text: string) => {
      const buffer = Buffer.from(text);
      await at.page.locator('#file').setInputFiles({ name, mimeType: 'text/plain', buffer });
    };
    await at.open({ hash: '#engine=cpu&steps=100&lr=1e9&data=file' });
    expect(await at.textOf('link-problems')).toBe('The link does not carry its file. Choose the file below.');
    await choose('first.txt', 'aaa\nabc\ncba\n');
    await at.press('Start');
    await at.status(/^Done/);
    await choose('second.txt', 'xy\n');
    await at.page.getByText('this is the text of the next run').waitFor();
    await at.press('Start again with learning rate 0.01');
    await at.status(/^Done/);
    expect(await at.textOf('model-detail')).toMatch(/ 4 tokens in the vocabulary, 3 documents\.$/);
    await at.fill('Random numbers seed', 7);
    await at.page.getByText('The run in view read this text in another order').waitFor();
  });

  it('says when the worker dies', async () => {
    await at.open();
    await at.useCpu();
    await at.press('Step');
    await at.status('Paused.');
    await at.page.evaluate(() =>
      window.workers[0].dispatchEvent(new ErrorEvent('error', { message: 'crash' })),
    );
    await at.status('Stopped.');
    expect(await at.textOf('error')).toBe('The worker that trains stopped: crash');
    await at.fill('Steps steps', 5);
    await at.press('Start');
    await at.status(/^Done/);
  });

  it('goes on in a hidden tab, or says that the browser stopped it', async () => {
    await at.open();
    await at.useCpu();
    await at.fill('Steps steps', 10_000_000);
    await at.press('Start');
    await at.status('Training.');
    // Headless Chromium hides no tab: here is what a hidden one lacks.
    const before = await at.page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { get: () => true });
      window.requestAnimationFrame = () => 0;
      return document.querySelector('progress')!.value;
    });
    const goneOn = (then: number) => document.querySelector('progress')!.value > then + 1000;
    await at.page.waitForFunction(goneOn, before, { polling: 50 });
    expect(await at.textOf('status')).toBe('Training.');

    await at.page.evaluate(async () => {
      document.dispatchEvent(new Event('freeze'));
      await new Promise((resolve) => setTimeout(resolve, 1100));
      document.dispatchEvent(new Event('resume'));
    });
    const notice = at.page.getByText(/put this tab to sleep for 0:0\d; the training stood still/);
    await notice.waitFor();
    expect(await notice.count()).toBe(1);
  });

  it('is worked by the keyboard alone', async () => {
    await at.open();
    await at.useCpu();
    await at.fill('Steps steps', 40);
    // Not while something is typed.
    await at.page.getByLabel('Begin with').press('s');
    await at.page.getByLabel('Begin with').press(' ');
    expect(await at.page.getByLabel('Begin with').inputValue()).toBe('s ');
    await at.page.getByLabel('Begin with').blur();
    await at.status('Ready.');
    await at.page.keyboard.press('s');
    await at.status('Paused.');
    expect(await at.textOf('now-step')).toBe('1 / 40');
    await at.page.keyboard.press(' ');
    await at.status(/^Done/);
    await at.page.keyboard.press('r');
    await at.status('Ready.');
    await at.page.keyboard.press('?');
    await at.page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await at.page.keyboard.press('s'); // the dialog's
    await at.page.keyboard.press('Escape');
    await at.page.waitForFunction(() => document.querySelector('dialog')?.open === false);
    await at.status('Ready.');
    await at.page.keyboard.press('/');
    expect(await at.page.evaluate(() => document.activeElement?.id)).toBe('prefix');
    await at.page.getByLabel('Begin with').blur();
    // In the frame in which the dialog closes, too: the focus is still in it.
    await at.page.keyboard.press('?');
    await at.page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    const [closed, focused] = await at.page.evaluate(() => {
      document.querySelector('dialog')!.close();
      const { activeElement: element } = document;
      element!.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }));
      return [element?.textContent, document.activeElement?.id];
    });
    expect([closed, focused]).toEqual(['Close', 'prefix']);
    await at.page.getByLabel('Begin with').blur();
    await at.page.keyboard.press('7');
    await at.page.waitForFunction(() => {
      const { top } = document.querySelector('#inference')!.getBoundingClientRect();
      return top < innerHeight / 2;
    });
  });
});
