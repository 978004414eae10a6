// A row of the table is all that an option needs to be found in the page: built here with rows that nothing else knows.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPTIONS } from '../../src/config/options.ts';
import { ROOT } from '../support/build.ts';
import { noChromium, serveFolder, type Served } from '../support/chromium.ts';
import { MADE_UP } from '../support/made-up-options.ts';
import { usePage } from '../support/page.ts';

/** The table with the made-up rows at its end. */
const withMadeUp: Plugin = {
  name: 'made-up-options',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('/src/config/options.ts')) return undefined;
    const end = '} as const satisfies';
    if (!code.includes(end)) throw new Error('the table of options does not end as it did');
    return code.replace(end, `${JSON.stringify(MADE_UP).slice(1, -1)} ${end}`);
  },
};

describe.skipIf(noChromium)('the page with more options', () => {
  const at = usePage();
  const folder = mkdtempSync(join(tmpdir(), 'microgpt-options-'));
  let served: Served;

  beforeAll(async () => {
    await build({
      root: ROOT,
      mode: 'production',
      logLevel: 'error',
      plugins: [withMadeUp],
      worker: { plugins: () => [withMadeUp] },
      build: { outDir: folder, emptyOutDir: true },
    });
    served = await serveFolder(folder);
  });
  afterAll(async () => {
    await served?.close();
    rmSync(folder, { recursive: true });
  });

  it('shows them where they belong, links them, trains with them and keeps them', async () => {
    await at.open({ url: served.url, hash: '#engine=cpu&steps=20&form=square' });
    const field = (label: string) => at.page.getByLabel(label, { exact: true });
    expect(await field('Form form').inputValue()).toBe('square');
    for (const [name, { kind, flag, field: own }] of Object.entries(MADE_UP)) {
      const id = flag.replaceAll('-', '_');
      const legend = { model: 'Model', training: 'Training', sampling: 'Inference' }[kind];
      const inForm = at.page.getByRole('form', { name: legend }).getByLabel(`${own.label} ${id}`);
      expect(await inForm.count(), name).toBe(1);
      expect(await at.page.locator(`#${id}-help`).innerText()).toBe(own.hint);
    }
    await at.fill('Rings n_ring', 9);
    expect(await field('Rings n_ring').getAttribute('aria-invalid')).toBe('true');
    await at.press('Start');
    expect(await at.page.getByRole('alert').innerText()).toContain('n_ring: expected at most 8, got 9.');
    await at.fill('Rings n_ring', 3);
    await field('Twist twist').selectOption('on');
    await at.fill('Drag air_drag', 0.5);
    await at.fill('Poise poise', 0.25);
    const hash = '#engine=cpu&n_ring=3&twist=true&form=square&steps=20&air_drag=0.5&poise=0.25';
    await at.page.waitForFunction((expected) => location.hash === expected, hash);

    await at.press('Start');
    await at.status(/^Done/);
    const config = await at.page.evaluate(() => window.heard.find(({ type }) => type === 'config'));
    expect(config).toMatchObject({
      model: { rings: 3, twist: true, form: 'square' },
      training: { drag: 0.5, glide: true, course: 'straight' },
    });
    await at.page.locator('#kept').filter({ hasText: 'step 20' }).waitFor();
    await at.press('microGPT'); // the fields are for the next run now
    const again = await at.page.context().newPage();
    await again.goto(`${served.url}#/runs`);
    await again.getByRole('button', { name: 'Open', exact: true }).click();
    await again.waitForFunction((expected) => location.hash === expected, hash);
    expect(await again.getByLabel('Twist twist').inputValue()).toBe('true');
    expect(await again.getByLabel('Poise poise').inputValue()).toBe('0.25');
  });
});

it('the names of the made-up rows are free', () => {
  const used = Object.values(OPTIONS).map(({ flag }) => flag as string);
  expect(Object.values(MADE_UP).filter(({ flag }) => used.includes(flag))).toEqual([]);
});
