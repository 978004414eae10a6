// The rooms beside the story: what they say is what the engines compute.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Locator, Worker } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { OPS } from '../../src/ops/index.ts';
import { decodeReport } from '../../src/report/read.ts';
import { GrowingCurve } from '../../src/web/rooms/growing-curve.ts';
import { describeBrowser } from '../../src/web/rooms/machine.ts';
import { noChromium } from '../support/chromium.ts';
import { builtinNames, LOSS_TOLERANCE, trainHere, usePage } from '../support/page.ts';
import { gpuReport } from '../support/report-fixture.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

describe.skipIf(noChromium)('a room', () => {
  const at = usePage();

  const roomWorker = async (): Promise<Worker> => {
    const isRoom = (worker: Worker) => worker.url().includes('room-worker');
    return at.page.workers().find(isRoom) ?? (await at.page.waitForEvent('worker', { predicate: isRoom }));
  };
  const faults = async () => {
    await at.page.addScriptTag({ path: AXE });
    const { violations } = await at.page.evaluate(() => window.axe.run());
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`);
  };
  /** Nothing juts out of the page, whose width is `width`. */
  const fits = async (width: number) => {
    await at.page.setViewportSize({ width, height: 844 });
    expect(await at.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  };
  const says = (locator: Locator, text: RegExp) => locator.filter({ hasText: text }).waitFor();

  it('checks this machine, and says how near each check came', async () => {
    await at.open({ hash: '#/verify', bypassCSP: true });
    await at.page.getByLabel('CPU only').check();
    await at.press('Check my CPU');
    await says(at.page.locator('#verdict'), /passed/);
    // The oracle; every op; one model's gradients, a training and decoding.
    expect(await at.textOf('verdict')).toBe(`All ${1 + OPS.length + 3} checks passed on this machine’s CPU.`);
    expect(await at.page.locator('.groups tbody th').allInnerTexts()).toEqual([
      'oracle 8 of 200 steps',
      `cpu kernels ${OPS.length}`,
      'models on cpu 3',
    ]);
    expect(await faults()).toEqual([]);
    for (const width of [320, 390, 1440]) await fits(width);
  });

  it('finds a GPU that computes one kernel wrongly, and stops when told to', async () => {
    await at.open({ hash: '#/verify' });
    const worker = await roomWorker();
    await worker.evaluate(() => {
      const create = GPUDevice.prototype.createShaderModule;
      GPUDevice.prototype.createShaderModule = function (descriptor) {
        const code = descriptor.code.replaceAll('* C + c] + wpe[', '* C + c] - wpe[');
        return create.call(this, { ...descriptor, code });
      };
    });
    await at.press('Check my GPU');
    await says(at.page.locator('.room [role=alert]'), /embedding \(webgpu kernels\)/);
    await at.press('Stop');
    expect(await at.textOf('verdict')).toMatch(/^1 of \d+ checks failed on .*swiftshader.*: do not trust/i);
    expect(await at.page.locator('.room [role=alert]').innerText()).toMatch(
      /until it passes, train on the CPU/,
    );
    await at.page.getByText(/^This browser’s WebGPU adapter is .*software/).waitFor();
  });

  it('sweeps a grid: each model is what it would be alone', async () => {
    await at.open({ hash: '#steps=60', bypassCSP: true });
    await at.page.getByRole('link', { name: 'Sweep' }).click();
    await at.fill('Learning rates from', '0.01');
    await at.fill('to', '1e30');
    await at.fill('how many', '2');
    await at.fill('Seeds', '2');
    await at.page.locator('.room').getByLabel('What computes').selectOption('CPU');
    await at.press('Train 4 models');
    await says(at.page.locator('#swept'), /^The best model/);
    const expected = await trainHere(builtinNames(), { steps: 60, seed: 43 });
    const cells = at.page.getByRole('gridcell').getByRole('button');
    const last = expected.losses.slice(-50);
    const mean = last.reduce((a, b) => a + b) / last.length;
    const got = Number(await cells.nth(2).getAttribute('data-loss'));
    expect(Math.abs(got - mean)).toBeLessThan(LOSS_TOLERANCE); // this process may have other SIMD kernels
    expect(await cells.allInnerTexts()).toEqual([
      expect.stringMatching(/^\d\.\d\d$/),
      '×',
      mean.toFixed(2),
      '×',
    ]);

    expect(await at.page.locator('tfoot td').allInnerTexts()).toEqual([
      expect.stringMatching(/^\d\.\d{3}$/),
      '·',
    ]);
    const verdict = await at.page.locator('#settings-verdict').innerText();
    expect(verdict).toMatch(/^lr 0\.01 \(\d\.\d{4}\) is the only one that was trained with every seed\.$/);

    // By the keyboard: down to the second seed.
    await cells.first().focus();
    await at.page.keyboard.press('ArrowDown');
    await at.page.keyboard.press('Enter');
    const written = at.page.getByRole('list', { name: 'What it writes' }).locator('li');
    await written.first().waitFor();
    expect(await written.allInnerTexts()).toEqual(expected.samples.slice(0, 12));
    expect(await faults()).toEqual([]);
    for (const width of [320, 390, 1440]) await fits(width);

    await at.press('Train it in the story');
    expect(await at.page.getByLabel('Random numbers seed').inputValue()).toBe('43');
    expect(await at.page.getByLabel('Learning rate lr').inputValue()).toBe('0.01');
    expect(await at.page.getByLabel('Steps steps').inputValue()).toBe('60');
    // The map is still there.
    await at.page.getByRole('link', { name: 'Sweep' }).click();
    await cells.nth(3).waitFor();
    expect(await cells.nth(1).innerText()).toBe('×');
  });

  it('trains a population on WebGPU, and stops when told to', async () => {
    await at.open({ hash: '#steps=50000' });
    await at.page.getByRole('link', { name: 'Sweep' }).click();
    await at.fill('how many', '2');
    await at.fill('Seeds', '1');
    await at.page.locator('.room').getByLabel('What computes').selectOption('WebGPU');
    await at.press('Train 2 models');
    const first = at.page.getByRole('gridcell').getByRole('button').first();
    await at.page.locator('td button[data-loss]').first().waitFor();
    await at.press('Stop');
    await says(at.page.locator('#swept'), /^Stopped\. The best model/);
    await first.click();
    await at.page.getByRole('list', { name: 'What it writes' }).locator('li').first().waitFor();
    // As many steps as it has done, on the CPU of this process.
    const chart = (await at.page.locator('.looked svg').getAttribute('aria-label')) ?? '';
    const done = Number(/after step (\d+) of 50000/.exec(chart)?.[1]);
    const { losses } = await trainHere(builtinNames(), { steps: 50_000, learningRate: 0.001 });
    const window = losses.slice(Math.max(0, done - 10_000), done);
    const expected = window.reduce((a, b) => a + b) / window.length;
    expect(Math.abs(Number(await first.getAttribute('data-loss')) - expected)).toBeLessThan(LOSS_TOLERANCE);
  });

  it('goes on with a sweep whose device is lost, to the same losses', async () => {
    await at.open({ hash: '#steps=400' });
    await at.page.getByRole('link', { name: 'Sweep' }).click();
    const worker = await roomWorker();
    // The first device is lost with its fifth submit: in the middle of the sweep, however fast the machine is.
    await worker.evaluate(() => {
      const submit = GPUQueue.prototype.submit;
      let submits = 0;
      const request = GPUAdapter.prototype.requestDevice;
      let device: GPUDevice | undefined;
      GPUAdapter.prototype.requestDevice = async function (...args) {
        const opened = await request.apply(this, args);
        device ??= opened;
        return opened;
      };
      GPUQueue.prototype.submit = function (...args) {
        submit.apply(this, args);
        if (++submits === 5) device?.destroy();
      };
    });
    await at.fill('how many', '1');
    await at.fill('Seeds', '2');
    await at.page.locator('.room').getByLabel('What computes').selectOption('WebGPU');
    await at.press('Train 2 models');
    await says(
      at.page.locator('.notice'),
      /^The GPU device was lost .* 0 models are done; .* on a new device\.$/,
    );
    await says(at.page.locator('#swept'), /^The best model/);
    const cells = at.page.locator('td button[data-loss]');
    for (const seed of [42, 43]) {
      const { losses } = await trainHere(builtinNames(), { steps: 400, learningRate: 0.001, seed });
      const expected = losses.slice(-80).reduce((a, b) => a + b) / 80;
      const got = Number(await cells.nth(seed - 42).getAttribute('data-loss'));
      expect(Math.abs(got - expected)).toBeLessThan(LOSS_TOLERANCE);
    }
  });

  it('says what is wrong with a sweep before it begins', async () => {
    await at.open({ hash: '#/sweep' });
    const alert = at.page.locator('.room [role=alert]');
    await at.fill('Seeds', '0');
    expect(await alert.innerText()).toBe('seeds: expected a whole number from 1 to 24, got 0.');
    await at.fill('Seeds', '4');
    await at.fill('to', '0.0001');
    expect(await alert.innerText()).toBe('The last learning rate: expected 0.001 or more, got 0.0001.');
    await at.fill('to', '0.1');
    expect(await alert.count()).toBe(0);
  });

  it('measures this machine, and keeps what it has when it is stopped', async () => {
    await at.open({ hash: '#/measure', colorScheme: 'dark' });
    await at.page.getByLabel('CPU only').check();
    await at.fill('Name of this machine, if you like', 'A <b>machine</b>');
    await at.press('Measure this machine');
    await says(at.page.locator('.where'), /^ladder/);
    await at.press('Stop');
    const save = at.page.getByRole('button', { name: 'Save report.json' });
    await save.waitFor();
    await at.page.getByText(/^Stopped after/).waitFor();
    const [file] = await Promise.all([at.page.waitForEvent('download'), save.click()]);
    const report = decodeReport(readFileSync(await file.path(), 'utf8'), 'report.json');
    expect(report).toMatchObject({
      complete: false,
      crossover: null,
      machine: { name: 'A <b>machine</b>', adapter: null, noAdapter: 'The GPU was left out.' },
    });
    expect(report.control!.ratio.value).toBeGreaterThan(0);
    expect(await at.textOf('report-title')).toBe('microGPT on A <b>machine</b>, no GPU');
  });

  it('opens reports, draws them as report.html does, and says which are damaged', async () => {
    await at.open({ hash: '#/measure' }); // with the Content-Security-Policy
    const bytes = Buffer.from(JSON.stringify(gpuReport()));
    const input = at.page.getByLabel('Compare with a report.json of another machine');
    const mimeType = 'application/json';
    await input.setInputFiles([
      { name: 'one.json', mimeType, buffer: bytes },
      { name: 'cut.json', mimeType, buffer: bytes.subarray(0, 1000) },
    ]);
    await says(at.page.getByRole('alert'), /^cut\.json: expected the JSON of a report/);
    expect(await at.textOf('report-title')).toMatch(/^CPU against GPU on/);
    // Drawn in the report's own style, patterns and all.
    const drawn = await at.page.locator('.report').evaluate((host) => {
      const root = host.shadowRoot!;
      const fill = (selector: string) => {
        const mark = root.querySelector(selector);
        return mark && getComputedStyle(mark).fill;
      };
      return { accent: fill('svg.wide .accent'), cells: root.querySelectorAll('.cell-above').length };
    });
    expect(drawn).toEqual({ accent: 'rgb(185, 58, 12)', cells: expect.any(Number) as number });
    expect(drawn.cells).toBeGreaterThan(0);

    await input.setInputFiles([{ name: 'two.json', mimeType, buffer: bytes }]);
    await says(at.page.locator('#report-title'), /^2 reports side by side$/);
    const [file] = await Promise.all([at.page.waitForEvent('download'), at.press('Save report.html')]);
    expect(readFileSync(await file.path(), 'utf8')).toMatch(/^<!doctype html>[^]*2 reports side by side/);
    await at.press('close two.json');
    await says(at.page.locator('#report-title'), /^CPU against GPU on/);
  });

  it('says that there is no GPU, and what to do', async () => {
    await at.open({ url: 'http://page.example/', hash: '#/verify' }); // not a secure context
    await at.press('Check my GPU');
    const notice = at.page.locator('.room .notice');
    await notice.waitFor();
    expect(await notice.innerText()).toMatch(/^The GPU is not checked\. This browser offers no WebGPU here/);
    await says(at.page.locator('#verdict'), /^All \d+ checks passed on this machine’s CPU/);
    await at.page.getByRole('link', { name: 'Measure' }).click();
    await at.press('Race');
    const lanes = at.page.locator('.lane');
    await at.page.locator('.lane[data-phase=failed]').waitFor();
    expect(await lanes.nth(1).innerText()).toMatch(/This browser offers no WebGPU here/);
    expect(await lanes.nth(0).getAttribute('data-phase')).toBe('stopped');
  });

  it('has no fault that axe finds in a report', async () => {
    await at.open({ hash: '#/measure', bypassCSP: true, colorScheme: 'dark' });
    const buffer = Buffer.from(JSON.stringify(gpuReport()));
    await at.page
      .getByLabel('Compare with a report.json')
      .setInputFiles([{ name: 'one.json', mimeType: 'application/json', buffer }]);
    await at.page.locator('#report-title').waitFor();
    expect(await faults()).toEqual([]);
    for (const width of [320, 390, 1440]) await fits(width);
  });

  it('races two engines to the same losses', async () => {
    await at.open({ hash: '#steps=30', bypassCSP: true });
    await at.page.getByRole('link', { name: 'Measure' }).click();
    await at.page.getByRole('combobox', { name: 'One' }).selectOption('CPU');
    await at.page.getByLabel('The other').selectOption('Oracle (scalar)');
    await at.press('Race');
    await says(at.page.locator('#outcome'), /^CPU was [\d.]+ times as fast as Oracle \(scalar\)/);
    const agreed = /^Over the 30 steps .* differ by at most ([\d.e-]+)\.$/.exec(await at.textOf('agreement'));
    expect(Number(agreed?.[1])).toBeGreaterThan(0); // f32 beside f64
    expect(Number(agreed?.[1])).toBeLessThan(LOSS_TOLERANCE);
    // Neither is a run to be kept.
    expect(await at.page.evaluate(() => window.heard.filter(({ type }) => /kept/.test(type)))).toEqual([]);
    expect(await faults()).toEqual([]);
  });
});

describe('a growing curve', () => {
  it('keeps its ends and a bounded number of points in order', () => {
    const curve = new GrowingCurve();
    for (let i = 0; i < 10_000; i++) curve.push(i, -i);
    expect(curve.x.length).toBeGreaterThan(100);
    expect(curve.x.length).toBeLessThan(400);
    expect(curve.x[0]).toBe(0);
    expect(curve.x.at(-1)).toBeGreaterThan(9900);
    const gaps = new Set(curve.x.slice(1).map((x, i) => x - curve.x[i]));
    expect(gaps.size).toBe(1);
    expect(curve.y).toEqual(curve.x.map((x) => -x));
    curve.clear();
    curve.push(7, 1);
    expect([curve.x, curve.y]).toEqual([[7], [1]]);
  });
});

describe('the name of a machine', () => {
  const agent = (text: string) => ({ userAgent: `Mozilla/5.0 ${text}`, hardwareConcurrency: 8 });

  it.each([
    [
      '(X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36',
      'Chrome 147.0.0.0 on Linux',
    ],
    [
      '(Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36 Edg/147.1',
      'Edge 147.1 on Windows',
    ],
    ['(X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0', 'Firefox 150.0 on Linux'],
    [
      '(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 (KHTML, like Gecko) Version/26.1 Safari/605',
      'Safari 26.1 on macOS',
    ],
    [
      '(iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604',
      'Safari 26.0 on iOS',
    ],
    ['something new', 'unknown browser on unknown system'],
  ])('is what the browser says: %s', (text, name) => {
    expect(describeBrowser('', agent(text)).name).toBe(`${name}, 8 threads`);
  });

  it('is what a person says', () => {
    expect(describeBrowser(' mine ', agent('')).name).toBe('mine');
  });
});
