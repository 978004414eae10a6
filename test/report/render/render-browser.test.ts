// report.html in a real browser: on a phone and on a desk, light and dark, on paper, and for those who do not see it.

import { createRequire } from 'node:module';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareReports } from '../../../src/report/judge/compare.ts';
import { renderComparison, renderReport } from '../../../src/report/render/index.ts';
import { noChromium } from '../../support/chromium.ts';
import { useChromium } from '../../support/shared-chromium.ts';
import {
  cpuOnlyReport,
  extremeReport,
  gpuReport,
  interruptedReport,
  MADE_UP,
  otherReport,
  softwareReport,
} from '../../support/report-fixture.ts';
import { withTexts } from '../../support/report-html.ts';

declare global {
  interface Window {
    axe: typeof Axe;
    attacked?: boolean;
  }
}

const ATTACK = '<img src=x onerror="window.attacked=true"></style><script>window.attacked=true</script>';

const PAGES: Record<string, string> = {
  gpu: renderReport(gpuReport()).html,
  software: renderReport(softwareReport()).html,
  'cpu-only': renderReport(cpuOnlyReport()).html,
  interrupted: renderReport(interruptedReport()).html,
  extreme: renderReport(extremeReport()).html,
  comparison: renderComparison(
    compareReports(
      [gpuReport(), otherReport(), softwareReport()].map((report) => ({ name: 'A.json', report })),
    ),
  ).html,
  hostile: renderReport(withTexts(gpuReport(), () => ATTACK)).html,
  long: renderReport(withTexts(gpuReport(), () => 'x'.repeat(400))).html,
};

describe.skipIf(noChromium)('report.html in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'microgpt-report-'));
  const at = useChromium();
  const asked: string[] = [];

  beforeAll(() => {
    for (const [name, html] of Object.entries(PAGES)) writeFileSync(join(folder, `${name}.html`), html);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function open(name: string, width: number, colorScheme: 'light' | 'dark'): Promise<Page> {
    const context = await at.browser.newContext({
      viewport: { width, height: 900 },
      colorScheme,
      bypassCSP: true,
    });
    const page = await context.newPage();
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
    return page;
  }

  const unfold = (page: Page) =>
    page.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
  const overflow = (page: Page) =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

  it.each(Object.keys(PAGES))('%s: no violation for axe, and no sideways scrolling', async (name) => {
    const views = [
      [1440, 'light'],
      [390, 'dark'],
      [390, 'light'],
      [1440, 'dark'],
    ] as const;
    // Every view of one page; of those that differ from it in texts and figures, the phone, where room is short.
    for (const [width, scheme] of name === 'gpu' ? views : views.slice(1, 2)) {
      const page = await open(name, width, scheme);
      expect(await overflow(page)).toBe(0);
      await unfold(page);
      expect(await overflow(page)).toBe(0);
      await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') });
      const violations = await page.evaluate(async () => (await window.axe.run(document)).violations);
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html).slice(0, 3)])).toEqual([]);
      expect(await page.evaluate(() => window.attacked)).toBeUndefined();
      await page.context().close();
    }
  });

  it('asks for nothing but itself', () => {
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((url) => !url.startsWith(pathToFileURL(folder).href))).toEqual([]);
  });

  it('its policy forbids scripts and loading', async () => {
    const context = await at.browser.newContext();
    const page = await context.newPage();
    const refused: string[] = [];
    page.on('console', (message) => refused.push(message.text()));
    await page.goto(pathToFileURL(join(folder, 'gpu.html')).href);
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.attacked = true';
      const image = document.createElement('img');
      image.src = 'https://example.com/x.png';
      document.body.append(script, image);
    });
    await expect
      .poll(() => refused.join('\n'))
      .toMatch(/script.*Content Security Policy[^]*image|image[^]*script/i);
    expect(await page.evaluate(() => window.attacked)).toBeUndefined();
    await context.close();
  });

  it('shows texts as they are', async () => {
    const page = await open('hostile', 1440, 'light');
    expect(await page.locator('h1').textContent()).toBe(`CPU against GPU on ${ATTACK}`);
    expect(await page.title()).toBe(`CPU against GPU on ${ATTACK}`);
    await page.context().close();
  });

  it('draws for the width it has, and opens with the verdict', async () => {
    for (const [width, shown, hidden] of [
      [1440, 'wide', 'narrow'],
      [390, 'narrow', 'wide'],
    ] as const) {
      const page = await open('gpu', width, 'light');
      expect(await page.getByRole('img').count()).toBe(7);
      expect(await page.locator(`svg.${shown}`).first().isVisible()).toBe(true);
      expect(await page.locator(`svg.${hidden}`).first().isVisible()).toBe(false);
      expect(await page.getByRole('heading').allInnerTexts()).toEqual([
        `CPU against GPU on workstation (${MADE_UP})`,
        'Verdict',
        'How fast is each rung?',
        'Where does a step’s time go?',
        'What does a launch cost?',
        'Where does the GPU overtake the CPU?',
        'How far does clever launching move the crossover?',
        'How close do the kernels come to what the machine can do?',
        'How much memory does it take?',
        'How it was measured',
      ]);
      await page.context().close();
    }
  });

  it('no text of a drawing runs out of it or into a neighbour', async () => {
    for (const width of [1440, 390]) {
      const page = await open('gpu', width, 'light');
      const problems = await page.evaluate(() => {
        const found: string[] = [];
        for (const svg of document.querySelectorAll('figure svg')) {
          const frame = svg.getBoundingClientRect();
          const boxes = [...svg.querySelectorAll('text')].map((text) => ({
            text,
            box: text.getBoundingClientRect(),
          }));
          for (const [i, { text, box }] of boxes.entries()) {
            if (box.left < frame.left - 20 || box.right > frame.right + 20)
              found.push(`out: ${text.textContent}`);
            for (const other of boxes.slice(i + 1)) {
              const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
              const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
              // Line boxes are taller than letters.
              if (across > 1 && down > 6) found.push(`${text.textContent} over ${other.text.textContent}`);
            }
          }
        }
        return found;
      });
      expect(problems).toEqual([]);
      await page.context().close();
    }
  });

  it('writes on its fills with a contrast of 4.5 to 1, which axe does not look at in drawings', async () => {
    for (const scheme of ['light', 'dark'] as const) {
      const page = await open('gpu', 1440, scheme);
      const contrasts = await page.evaluate(() => {
        const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
        const luminance = (colour: string) => {
          context.fillStyle = colour;
          context.fillRect(0, 0, 1, 1);
          const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((byte) => {
            const x = byte / 255;
            return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const paper = getComputedStyle(document.body).backgroundColor;
        return [...document.querySelectorAll('svg.wide text')].map((text) => {
          // The fill under it is the last bar or cell before it that it lies in.
          const own = text.getBoundingClientRect();
          const [x, y] = [(own.left + own.right) / 2, (own.top + own.bottom) / 2];
          const under = [...text.closest('svg')!.querySelectorAll('rect')].filter((rect) => {
            const box = rect.getBoundingClientRect();
            return box.left < x && x < box.right && box.top < y && y < box.bottom;
          });
          const fill = under
            .map((rect) => getComputedStyle(rect).fill)
            .find((colour) => !/none|url/.test(colour));
          const [a, b] = [luminance(getComputedStyle(text).fill), luminance(fill ?? paper)];
          return {
            text: text.textContent,
            fill,
            contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05),
          };
        });
      });
      expect(contrasts.filter(({ fill }) => fill !== undefined).length).toBeGreaterThan(80);
      expect(contrasts.filter(({ contrast }) => contrast < 4.5)).toEqual([]);
      await page.context().close();
    }
  });

  it('shows every table on paper, in ink on white', async () => {
    const page = await open('gpu', 718, 'dark');
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('#table-launch-points td').first().isVisible()).toBe(true);
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(
      'rgb(255, 255, 255)',
    );
    expect(await overflow(page)).toBe(0);
    expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(10_000);
    await page.context().close();
  });
});
