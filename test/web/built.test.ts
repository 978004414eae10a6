// The built page: small, self-contained, and readable at every size. How quick it is to open, bench/page.ts measures.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type * as Axe from 'axe-core';
import { describe, expect, it } from 'vitest';
import { noChromium } from '../support/chromium.ts';
import { usePage } from '../support/page.ts';

declare global {
  interface Window {
    axe: typeof Axe;
  }
}

/** The script that it takes to train on an engine, gzip, in bytes. */
const FIRST_LOAD = 147_000;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

describe.skipIf(noChromium)('the built page', () => {
  const at = usePage();

  it.each(['cpu', 'webgpu'])('loads less than 147 kB of script to train on %s', (engine) => {
    const assets = join(at.folder, 'assets');
    const read = (file: string) => readFileSync(join(assets, file), 'utf8');
    const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, file]) => file);
    const files = new Set<string>();
    const add = (file: string): void => {
      if (files.has(file)) return;
      files.add(file);
      found(read(file), /from\s*"\.\/([^"]+\.js)"/g).forEach(add);
    };
    const html = readFileSync(join(at.folder, 'index.html'), 'utf8');
    found(html, /(?:src|href)="\.\/assets\/([^"]+\.js)"/g).forEach(add);
    expect(files.size).toBeGreaterThan(0); // what the rooms use too is a file of its own
    const [worker, ...others] = readdirSync(assets).filter((file) => /^worker-.*\.js$/.test(file));
    expect(others).toEqual([]);
    add(worker);
    // Of the engines, which the worker loads when it is told to train, this one: what only it holds tells which file that is.
    const holds = { cpu: 'WASM', webgpu: 'createShaderModule' }[engine]!;
    const engines = found(read(worker), /import\(`\.\/([^`]+\.js)`\)/g).filter((file) =>
      read(file).includes(holds),
    );
    expect(engines).toHaveLength(1);
    add(engines[0]);
    const sizeOf = (file: string) => gzipSync(read(file)).length;
    // Of the builds of the kernels, which the engine loads, the larger.
    const builds = found(read(engines[0]), /import\(`\.\/(wasm-[^`]+\.js)`\)/g);
    expect(builds).toHaveLength(engine === 'cpu' ? 2 : 0);
    const size = [...files].reduce((sum, file) => sum + sizeOf(file), Math.max(0, ...builds.map(sizeOf)));
    expect(size).toBeLessThan(FIRST_LOAD);
  });

  it('runs the SIMD kernels under its Content-Security-Policy, which lets no script in', async () => {
    await at.open();
    await at.useCpu();
    await at.press('Step');
    await at.status('Paused.');
    expect(await at.page.getByText(/^Engine: cpu/).innerText()).toMatch(/WASM (relaxed )?SIMD/);
    const ran = await at.page.evaluate(() => {
      const refused = new Promise<string>((resolve) =>
        addEventListener('securitypolicyviolation', (event) => resolve(event.violatedDirective)),
      );
      const script = document.createElement('script');
      script.textContent = 'window.intruder = true';
      document.head.append(script);
      return refused.then((directive) => [Reflect.get(window, 'intruder'), directive] as unknown);
    });
    expect(ran).toEqual([undefined, 'script-src-elem']);
    const elsewhere = await at.page.evaluate(() =>
      fetch('https://example.com/').then(
        () => 'fetched',
        () => 'refused',
      ),
    );
    expect(elsewhere).toBe('refused');
    at.expectedProblems(/Content Security Policy/);
  });

  it.each(['light', 'dark'] as const)('has no fault that axe finds: %s', async (colorScheme) => {
    await at.open({ colorScheme, bypassCSP: true, hash: '#data=count' });
    await at.page.addScriptTag({ path: AXE });
    const faults = async () => {
      const { violations } = await at.page.evaluate(() => window.axe.run());
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`);
    };
    expect(await faults()).toEqual([]);
    await at.useCpu();
    await at.fill('Heads n_head', 5);
    await at.press('Start');
    await at.page.getByRole('alert').waitFor();
    expect(await faults()).toEqual([]);
    await at.fill('Heads n_head', 4);
    await at.press('Start');
    await at.status(/^Done/);
    await at.page.locator('#prefix').scrollIntoViewIfNeeded();
    await at.page.locator('[data-probability]').first().waitFor();
    await at.page.getByLabel('Own text').check();
    await at.page.keyboard.press('Escape');
    expect(await faults()).toEqual([]);
    await at.press('Keyboard shortcuts');
    expect(await faults()).toEqual([]);
  });

  it.each([320, 390, 768, 1100, 1200, 1440])('fits a width of %i px', async (width) => {
    await at.open({ viewport: { width, height: 844 }, hash: '#engine=cpu&steps=100' });
    await at.press('Start');
    await at.status(/^Done/);
    for (const id of ['autograd', 'inference']) await at.page.locator(`#${id}`).scrollIntoViewIfNeeded();
    await at.page.locator('[data-probability]').first().waitFor();
    expect(await at.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    // Text that juts out of its box would not show in the width of the document.
    const cut = await at.page
      .locator('dd, dt, li, p, button, label, select, td, th')
      .evaluateAll((elements) =>
        elements
          .filter((element) => element.scrollWidth > element.clientWidth + 1)
          .map(({ outerHTML }) => outerHTML),
      );
    expect(cut).toEqual([]);
  });
});
