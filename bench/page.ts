// How the page feels: how soon it is ready and trains, what a report of the training costs its thread, how evenly frames come
// meanwhile, and how soon a press is answered. On the CPU engine at microgpt.py's size, in a headless Chromium.
//
//   npm run bench -- page [--rounds 7]
//
// Beside each figure stands what the page is built for.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { buildOnce, ROOT } from '../test/support/build.ts';
import { launchChromium, serveFolder } from '../test/support/chromium.ts';
import { Failures, runRounds, show } from './support/rounds.ts';

declare global {
  interface Window {
    /** How often the page's workers have said how far they are. */
    reports: number;
  }
}

/** Milliseconds, at 60 a second. */
const FRAME = 1000 / 60;
const SECTIONS = ['status', 'parameters', 'model', 'training', 'inference'];

interface Measured {
  readonly name: string;
  /** Milliseconds. */
  readonly bar: number;
  /** Of a page that trains, or of one that was just opened. */
  readonly trains: boolean;
  readonly of: (page: Page) => Promise<number>;
}

const MEASURED: readonly Measured[] = [
  {
    name: 'ready',
    bar: 1000,
    trains: false,
    of: (page) =>
      page.evaluate(() => {
        const [{ domContentLoadedEventEnd }] = performance.getEntriesByType(
          'navigation',
        ) as PerformanceNavigationTiming[];
        return domContentLoadedEventEnd;
      }),
  },
  {
    name: 'from Start to the first report',
    bar: 1000,
    trains: false,
    of: (page) =>
      page.evaluate(async () => {
        const start = performance.now();
        document.querySelector<HTMLElement>('#main')!.click();
        while (window.reports === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        return performance.now() - start;
      }),
  },
  ...SECTIONS.map((id) => ({
    name: `a report, at #${id}`,
    bar: FRAME,
    trains: true,
    of: (page: Page) => costOfReport(page, id),
  })),
  {
    name: 'a frame',
    bar: FRAME,
    trains: true,
    of: (page) =>
      page.evaluate(async () => {
        const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
        const start = await frame();
        for (let i = 0; i < 59; i++) await frame();
        return ((await frame()) - start) / 60;
      }),
  },
  {
    name: 'from Pause to “Paused.”',
    bar: 100,
    trains: true,
    of: (page) =>
      page.evaluate(async () => {
        const start = performance.now();
        document.querySelector<HTMLElement>('#main')!.click();
        while (document.querySelector('#status')?.textContent !== 'Paused.')
          await new Promise((resolve) => requestAnimationFrame(resolve));
        return performance.now() - start;
      }),
  },
];

/** Milliseconds of processor time that the page's own thread spends on each report, while a section is in view. */
async function costOfReport(page: Page, id: string): Promise<number> {
  await page.locator(`#${id}`).evaluate((element) => element.scrollIntoView({ behavior: 'instant' }));
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const look = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const busy = metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN;
    return { busy: 1000 * busy, reports: await page.evaluate(() => window.reports) };
  };
  const before = await look();
  await page.waitForTimeout(1000);
  const after = await look();
  return (after.busy - before.busy) / (after.reports - before.reports);
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { rounds: { type: 'string', default: '7' } } });
  const folder = join(ROOT, 'dist', 'page');
  buildOnce(join(folder, 'index.html'), ['build', '--logLevel', 'error'], ['index.html']);
  const served = await serveFolder(folder);
  const browser = await launchChromium();
  try {
    const contestants = MEASURED.map(({ name, trains, of }) => ({
      name,
      async round() {
        const context = await browser.newContext({ serviceWorkers: 'block' });
        const page = await context.newPage();
        await page.addInitScript(() => {
          window.reports = 0;
          window.Worker = class extends Worker {
            constructor(script: string | URL, options?: WorkerOptions) {
              super(script, options);
              this.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
                if (!Array.isArray(data)) return;
                for (const { type } of data as { type: string }[]) if (type === 'progress') window.reports++;
              });
            }
          };
        });
        await page.goto(`${served.url}#engine=cpu&steps=10000000`);
        if (trains) {
          await page.locator('#main').click();
          await page.waitForFunction(() => window.reports >= 10);
        }
        const milliseconds = await of(page);
        await context.close();
        return milliseconds;
      },
    }));
    const timings = await runRounds(contestants, Number(values.rounds), 42, new Failures());
    for (const timing of timings) {
      const built = `built for ${MEASURED[timing.index].bar.toFixed(1)}`;
      console.log(`${timing.name.padEnd(34)}${show(timing).padStart(18)} ms   ${built}`);
    }
    console.log(JSON.stringify({ bench: 'page', browser: browser.version(), results: timings }));
  } finally {
    await browser.close();
    await served.close();
  }
}
