// The page, built as it is published, in a real browser.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { BUILTIN_NAMES } from '../../src/data/builtin-names.ts';
import { readDocuments } from '../../src/data/documents.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/model/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { sampleDocument } from '../../src/train/sampler.ts';
import type { WorkerMessage } from '../../src/web/messages.ts';
import { largestDifference } from '../../src/verify/check.ts';
import { launchChromium, noChromium, serveFolder, type Served } from '../support/chromium.ts';

declare global {
  interface Window {
    /** What every worker of the page has said. */
    heard: WorkerMessage[];
    workers: Worker[];
  }
}

/** f32 on both sides, and WGSL's exp and division may be off by some units in the last place more. */
const LOSS_TOLERANCE = 1e-5;

describe.skipIf(noChromium)('the page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'microgpt-page-'));
  let served: Served;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    await build({ root, logLevel: 'warn', build: { outDir: folder, emptyOutDir: true } });
    served = await serveFolder(folder);
    browser = await launchChromium();
  });
  afterEach(async () => {
    await page?.close();
    const found = problems.splice(0);
    if (found.length > 0) throw new Error(`in the page: ${found.join('\n')}`);
  });
  afterAll(async () => {
    await browser?.close();
    await served?.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens the page at `url`; what it asks of other hosts and what goes wrong in it are problems. */
  async function open(url = served.url, of = browser): Promise<void> {
    const context = await of.newContext();
    page = await context.newPage();
    page.setDefaultTimeout(50_000); // SwiftShader compiles for some seconds, on busy cores for many
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) problems.push(request.url());
    });
    await context.addInitScript(() => {
      window.heard = [];
      window.workers = [];
      const Original = Worker;
      window.Worker = class extends Original {
        constructor(script: string | URL, options?: WorkerOptions) {
          super(script, options);
          window.workers.push(this);
          this.addEventListener('message', ({ data }: MessageEvent<WorkerMessage[]>) =>
            window.heard.push(...data),
          );
        }
      };
    });
    await context.route('http://page.example/**', async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({ path: join(folder, pathname === '/' ? 'index.html' : pathname) });
    });
    await page.goto(url);
  }

  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  const fill = (label: string, value: number | string) => page.getByLabel(label).fill(String(value));
  const useCpu = () => page.getByLabel('What computes').selectOption('CPU');
  const status = (text: string | RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();
  const textOf = (id: string) => page.locator(`#${id}`).innerText();
  const losses = async () =>
    (await page.evaluate(() => window.heard)).flatMap((message) =>
      message.type === 'step' ? [message.loss] : [],
    );
  const samples = () =>
    page.getByRole('list', { name: 'Samples after the training' }).locator('li').allInnerTexts();

  it('trains on WebGPU, pausing and stepping, as the CPU engine trains', async () => {
    const expected = await trainHere(builtinNames(), { steps: 200 });
    await open();
    expect(await page.getByLabel('Steps steps').inputValue()).toBe('1000');
    await fill('Steps steps', 200);
    await press('Step');
    await status('Paused.');
    expect(await textOf('now-step')).toBe('1 / 200');
    expect(await textOf('now-engine')).toMatch(/^WebGPU/);
    if (process.env['MICROGPT_TEST_CHROMIUM'] === undefined) {
      expect(await textOf('now-engine')).toBe('WebGPU (software)');
      expect(await textOf('notice')).toMatch(/software, not a GPU/);
    }
    await press('Step');
    await page.getByText('2 / 200').waitFor();
    expect(await page.getByLabel('Width').isDisabled()).toBe(true);

    await press('Continue');
    // In the page itself: Playwright's own click might come after a fast run.
    await page.waitForFunction(() => {
      const pause = document.querySelector<HTMLElement>('#main');
      if (pause?.textContent !== 'Pause') return false;
      pause.click();
      return true;
    });
    await status('Paused.');
    const pausedAt = await losses();
    expect(pausedAt.length).toBeGreaterThan(2);
    expect(pausedAt.length).toBeLessThan(200);
    await press('Continue');
    await status(/^Done/);

    const got = await losses();
    expect(got).toHaveLength(200);
    expect(largestDifference(got, expected.losses)).toBeLessThan(LOSS_TOLERANCE);
    expect(await samples()).toEqual(expected.samples);
    expect(await textOf('now-step')).toBe('200 / 200');
    expect(await textOf('now-loss')).toBe(got[199].toFixed(4));
    expect(await textOf('chance')).toBe(', ln 27 = 3.30');
    expect(await textOf('model')).toContain('4,192 parameters');
    expect(
      await page.getByRole('img', { name: /^Loss curve: \d\.\d{4} smoothed after step 200 of 200$/ }).count(),
    ).toBe(1);
    expect(await page.getByRole('list', { name: 'Samples during the training' }).innerText()).toMatch(
      /^untrained/,
    );
  });

  it('trains on own text', async () => {
    const lines = ['αβγ', 'βγα', '  γ𝛂β ', '', 'γγ'];
    const expected = await trainHere(
      ['αβγ', 'βγα', 'γ𝛂β', 'γγ'],
      { steps: 50, batchSize: 3 },
      { nEmbd: 12, nHead: 3 },
    );
    await open();
    await useCpu();
    expect(await page.getByLabel('Kernel launch').isDisabled()).toBe(true);
    await page.getByLabel('Own text').check();
    await page.getByRole('textbox', { name: 'One document a line' }).fill(lines.join('\n'));
    await fill('Width', 12);
    await fill('Heads', 3);
    await fill('Documents a step', 3);
    await fill('Steps steps', 50);
    await page.getByLabel('Steps steps').press('Enter');
    await status(/^Done/);
    // Within f32's rounding: Chrome's WebAssembly may fuse multiply and add, which Node 20's cannot.
    const got = await losses();
    expect(got).toHaveLength(50);
    expect(largestDifference(got, expected.losses)).toBeLessThan(LOSS_TOLERANCE);
    expect(await samples()).toEqual(expected.samples);
    expect(await textOf('model')).toMatch(/ 5 tokens in the vocabulary, 4 documents\.$/);
    // The keyboard stays where it works: the field was locked during the run.
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
  });

  it('trains on a file, and says what is wrong with one', async () => {
    await open();
    await useCpu();
    await page.getByLabel('File', { exact: true }).check();
    await press('Start');
    expect(await page.getByRole('alert').innerText()).toMatch(/^File: none is chosen/);
    const choose = (name: string, bytes: number[]) =>
      page
        .getByLabel('UTF-8 text')
        .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(bytes) });
    await choose('photo.txt', [0xff, 0xd8, 0xff]);
    await press('Start');
    await status('Stopped.');
    expect(await page.getByRole('alert').innerText()).toMatch(
      /^photo\.txt: not UTF-8 text: byte 0xff at offset 0/,
    );
    await choose('words.txt', [...Buffer.from('ja\nnein\n')]);
    await fill('Steps steps', 3);
    await press('Start');
    await status(/^Done/);
    expect(await page.getByRole('alert').isVisible()).toBe(false);
    expect(await textOf('model')).toContain('2 documents');
  });

  it('explains wrong settings and begins no run', async () => {
    await open();
    await fill('Heads', 5);
    await press('Start');
    expect(await page.getByRole('alert').innerText()).toBe(
      'n_embd 16 is not divisible by n_head 5: each head takes n_embd / n_head channels. Choose n_head among 1, 2, 4, 8, 16.',
    );
    const marked = page.locator('[aria-invalid=true]');
    expect(await marked.evaluateAll((fields) => fields.map((field) => field.getAttribute('name')))).toEqual([
      'n_embd',
      'n_head',
    ]);
    await fill('Heads', 2);
    await fill('Steps steps', '');
    await press('Step');
    expect(await page.getByRole('alert').innerText()).toBe('steps: expected a number, got nothing.');
    await fill('Steps steps', 5);
    await fill('Width', 40_000);
    await useCpu();
    await press('Start');
    await status('Stopped.');
    expect(await page.getByRole('alert').innerText()).toMatch(/parameters is too large for a page/);
    await fill('Width', 16);
    await fill('Learning rate', '1e30');
    await press('Start');
    await page.getByRole('alert').filter({ hasText: 'diverged' }).waitFor();
    expect(await page.getByLabel('Learning rate').isEnabled()).toBe(true);
  });

  it('forgets a run on reset', async () => {
    await open();
    await useCpu();
    await fill('Steps steps', 1_000_000);
    await press('Start');
    await page.waitForFunction(() => window.heard.some(({ type }) => type === 'progress'));
    await press('Reset');
    await status('Ready.');
    expect(await textOf('now-step')).toBe('–');
    expect(await page.getByRole('list', { name: 'Samples during the training' }).locator('li').count()).toBe(
      0,
    );
    const heard = await page.evaluate(() => window.heard.length);
    await fill('Steps steps', 5); // not locked any more
    await press('Start');
    await status(/^Done/);
    const since = (await page.evaluate(() => window.heard)).slice(heard);
    expect(since.filter(({ type }) => type === 'step')).toHaveLength(5);
  });

  it('refuses a command that it does not know', async () => {
    await open();
    await useCpu();
    await press('Step');
    await status('Paused.');
    await page.evaluate(() =>
      window.workers[0].postMessage({ type: 'start', settings: { source: 1 } }, { transfer: [] }),
    );
    await status('Stopped.');
    expect(await page.getByRole('alert').innerText()).toMatch(/^settings\.source: .*Expected/);
  });

  it('says why there is no WebGPU, and trains on the CPU: not a secure context', async () => {
    await open('http://page.example/');
    await checkFallback(/^This browser offers no WebGPU here\. Use Chrome .* over https or from localhost/);
  });

  it('says why there is no WebGPU, and trains on the CPU: no adapter', async () => {
    const launch = chromium.launch.bind(chromium);
    vi.spyOn(chromium, 'launch').mockImplementationOnce((options) => {
      const args = options?.args?.filter((arg) => arg !== '--enable-unsafe-webgpu') ?? [];
      return launch({ ...options, args: [...args, '--disable-gpu'] });
    });
    const without = await launchChromium();
    try {
      await open(served.url, without);
      await checkFallback(/^No WebGPU adapter was found: .* hardware acceleration/);
    } finally {
      await without.close();
    }
  });

  async function checkFallback(reason: RegExp): Promise<void> {
    const expected = await trainHere(builtinNames(), { steps: 30 });
    await fill('Steps steps', 30);
    await press('Start');
    await status(/^Done/);
    expect(await textOf('notice')).toMatch(reason);
    expect(await textOf('notice')).toMatch(/The CPU engine trains instead\.$/);
    expect(await textOf('now-engine')).toBe('CPU');
    expect(await samples()).toEqual(expected.samples);
  }

  it.each([320, 390, 1440])('fits a width of %i px', async (width) => {
    await open();
    await page.setViewportSize({ width, height: 844 });
    await useCpu();
    await press('Start');
    await status(/^Done/);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    // Text that juts out of its box would not show in the width of the document.
    const cut = await page
      .locator('dd, dt, li, p, button, label, select')
      .evaluateAll((elements) =>
        elements
          .filter((element) => element.scrollWidth > element.clientWidth + 1)
          .map(({ outerHTML }) => outerHTML),
      );
    expect(cut).toEqual([]);
  });
});

function builtinNames(): string[] {
  return readDocuments(new TextEncoder().encode(BUILTIN_NAMES), 'built-in names');
}

/** The same run on the CPU engine of this process. */
async function trainHere(
  documents: readonly string[],
  training: Partial<typeof DEFAULT_TRAINING>,
  model: Partial<Record<keyof typeof DEFAULT_MODEL, number>> = {},
): Promise<{ losses: number[]; samples: string[] }> {
  const { spec, tokenizer, random } = prepareRun({
    documents,
    model: { ...DEFAULT_MODEL, ...model },
    training: { ...DEFAULT_TRAINING, ...training },
  });
  const engine = createCpuEngine(spec);
  const losses = Array.from(await engine.advance(spec.training.steps));
  const { blockSize } = spec.model;
  const samples: string[] = [];
  while (samples.length < 20) {
    samples.push(await sampleDocument(engine, tokenizer, random, { temperature: 0.5, blockSize }));
  }
  engine.dispose();
  return { losses, samples };
}
