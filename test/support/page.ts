// The page, built as it is published, in a real browser: what its tests share.

import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, inject } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { BUILTIN_NAMES } from '../../src/data/builtin-names.ts';
import { readDocuments } from '../../src/data/documents.ts';
import type { ModelOptions, TrainingConfig } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { sampleDocument } from '../../src/train/sampler.ts';
import type { WorkerMessage } from '../../src/web/messages.ts';
import { serveFolder, type Served } from './chromium.ts';
import { useChromium } from './shared-chromium.ts';

declare global {
  interface Window {
    /** What every worker of the page has said. */
    heard: WorkerMessage[];
    workers: Worker[];
  }
}

/** f32 on both sides, and WGSL's exp and division may be off by some units in the last place more. */
export const LOSS_TOLERANCE = 1e-5;

export interface OpenOptions extends BrowserContextOptions {
  /** The page as served, unless told. */
  readonly url?: string;
  /** After the address: `#n_layer=2`. */
  readonly hash?: string;
  /** The one that suites share, unless told. */
  readonly browser?: Browser;
  /** A new one, unless told. */
  readonly context?: BrowserContext;
  /** Whether `window.heard` keeps what the workers say: true unless told. */
  readonly record?: boolean;
}

export interface PageUnderTest {
  /** Where the built files are. */
  readonly folder: string;
  readonly served: Served;
  readonly page: Page;
  /** Opens the page; what it asks of other hosts and what goes wrong in it fails the test. */
  open(options?: OpenOptions): Promise<void>;
  /** Those so far that match were meant to happen; fails where there is none. */
  expectedProblems(pattern: RegExp): void;
  /** Presses the button with this name. */
  press(name: string): Promise<void>;
  /** Fills the field with this label. */
  fill(label: string, value: number | string): Promise<void>;
  /** Waits until the page says so of the run. */
  status(text: string | RegExp): Promise<void>;
  textOf(id: string): Promise<string>;
  useCpu(): Promise<void>;
  /** Every loss that the worker has sent. */
  losses(): Promise<number[]>;
  /** The 20 after the last step. */
  samples(): Promise<string[]>;
}

/** Serves the built page to a browser during the tests of the suite that calls this. */
export function usePage(): PageUnderTest {
  const folder = inject('page');
  const shared = useChromium();
  const problems: string[] = [];
  let served: Served;
  let page: Page;

  beforeAll(async () => {
    if (folder === undefined)
      throw new Error('This suite looks at the page: name it among PAGE in test/projects.ts.');
    served = await serveFolder(folder);
  });
  afterEach(async () => {
    await page?.context().close();
    const found = problems.splice(0);
    if (found.length > 0) throw new Error(`in the page: ${found.join('\n')}`);
  });
  afterAll(async () => served?.close());

  const open = async (options: OpenOptions = {}): Promise<void> => {
    const { url = served.url, hash = '', browser = shared.browser, record = true, ...rest } = options;
    // A service worker loads the page again once it is there: the tests of it let it in.
    const context = options.context ?? (await browser.newContext({ serviceWorkers: 'block', ...rest }));
    page = await context.newPage();
    page.setDefaultTimeout(50_000); // SwiftShader compiles for some seconds, on busy cores for many
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) problems.push(request.url());
    });
    await context.addInitScript((recorded) => {
      window.heard = [];
      window.workers = [];
      const Original = Worker;
      window.Worker = class extends Original {
        constructor(script: string | URL, workerOptions?: WorkerOptions) {
          super(script, workerOptions);
          window.workers.push(this);
          if (!recorded) return;
          this.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
            if (Array.isArray(data)) window.heard.push(...(data as WorkerMessage[])); // those of rooms say other things
          });
        }
      };
    }, record);
    await context.route('http://page.example/**', async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({ path: join(folder, pathname === '/' ? 'index.html' : pathname) });
    });
    await page.goto(url + hash);
  };

  return {
    folder,
    get served() {
      return served;
    },
    get page() {
      return page;
    },
    open,
    expectedProblems(pattern) {
      const others = problems.filter((problem) => !pattern.test(problem));
      if (others.length === problems.length) throw new Error(`in the page: nothing matched ${pattern}`);
      problems.splice(0, problems.length, ...others);
    },
    press: (name) => page.getByRole('button', { name, exact: true }).click(),
    fill: (label, value) => page.getByLabel(label, { exact: true }).fill(String(value)),
    status: (text) => page.locator('#status').filter({ hasText: text }).waitFor(),
    textOf: (id) => page.locator(`#${id}`).innerText(),
    async useCpu() {
      await page.getByLabel('What computes').selectOption('CPU');
    },
    losses: () =>
      page.evaluate(() =>
        window.heard.flatMap((message) => (message.type === 'steps' ? Array.from(message.losses) : [])),
      ),
    samples: () =>
      page.getByRole('list', { name: 'Samples after the training' }).locator('li').allInnerTexts(),
  };
}

export function builtinNames(): string[] {
  return readDocuments(new TextEncoder().encode(BUILTIN_NAMES), 'built-in names');
}

/** The same run on the CPU engine of this process. */
export async function trainHere(
  documents: readonly string[],
  training: Partial<TrainingConfig>,
  model: Partial<ModelOptions> = {},
): Promise<{ losses: number[]; samples: string[] }> {
  const { spec, tokenizer, random } = prepareRun({ documents, model, training });
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
