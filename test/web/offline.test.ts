// After the first visit the page works without its server, and isolated, from any folder of any host.

import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { noChromium, serveFolder, type Served } from '../support/chromium.ts';
import { builtinNames, trainHere, usePage } from '../support/page.ts';

describe.skipIf(noChromium)('the page offline', () => {
  const at = usePage();
  let expected: string[];
  beforeAll(async () => {
    expected = (await trainHere(builtinNames(), { steps: 40 })).samples;
  });

  /** The built page in a folder of a host, as a copy that can be changed. */
  async function publish(headers = {}): Promise<{ served: Served; url: string; folder: string }> {
    const root = mkdtempSync(join(tmpdir(), 'microgpt-host-'));
    const folder = join(root, 'some', 'folder');
    cpSync(at.folder, folder, { recursive: true });
    const served = await serveFolder(root, headers);
    onTestFinished(async () => {
      await served.close();
      rmSync(root, { recursive: true });
    });
    return { served, url: `${served.url}some/folder/`, folder };
  }

  /** Waits until the service worker has loaded the page again, isolated. */
  async function isolated(): Promise<void> {
    await at.page.waitForFunction(() => crossOriginIsolated && navigator.serviceWorker.controller !== null);
    await at.page.locator('#main').waitFor();
  }

  const loads = () =>
    at.page.evaluate(() => {
      const [{ type }] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
      return type;
    });

  async function train(): Promise<void> {
    await at.useCpu();
    await at.fill('Steps steps', 40);
    await at.press('Start');
    await at.status(/^Done/);
    expect(await at.samples()).toEqual(expected);
  }

  it('is isolated by its service worker, and works once the server is gone', async () => {
    const { served, url } = await publish();
    await at.open({ url, hash: '#n_embd=8', serviceWorkers: 'allow' });
    await isolated();
    expect(await loads()).toBe('reload'); // once, by itself
    expect(await at.page.getByLabel('Width n_embd').inputValue()).toBe('8');
    // Memory that threads share, in the page and in its workers.
    const shared = () => new SharedArrayBuffer(8).byteLength;
    expect(await at.page.evaluate(shared)).toBe(8);
    await at.page.waitForFunction(() => window.workers.length > 0);
    const worker = at.page.workers()[0] ?? (await at.page.waitForEvent('worker'));
    expect(await worker.evaluate(() => self.crossOriginIsolated)).toBe(true);

    await served.close();
    await at.page.goto(`${url}index.html?again`);
    await at.page.waitForFunction(() => crossOriginIsolated);
    await train();
    await at.page.getByRole('link', { name: 'Runs', exact: true }).click(); // not loaded before
    await at.page.getByRole('heading', { name: 'Names' }).waitFor();
    const problem = await at.page.evaluate(() => fetch('elsewhere').catch((error: Error) => error.message));
    expect(problem).toBe('Failed to fetch');
    at.expectedProblems(/ERR_CONNECTION_REFUSED/);
  });

  it('does not load itself again under the reader’s hands, nor for ever', async () => {
    const { url, folder } = await publish();
    writeFileSync(join(folder, 'blank.html'), '<link rel="icon" href="data:,">');
    await at.open({ url, hash: 'blank.html', serviceWorkers: 'allow' });
    await at.page.addInitScript(() => {
      // Somebody is there before the service worker is.
      addEventListener('DOMContentLoaded', () =>
        dispatchEvent(new KeyboardEvent('keydown', { key: 'Shift' })),
      );
    });
    await at.page.goto(url);
    await at.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    await at.page.waitForTimeout(300);
    expect(await loads()).toBe('navigate');
    expect(await at.page.evaluate(() => crossOriginIsolated)).toBe(false);
    await at.page.goto(`${url}?next`);
    expect(await at.page.evaluate(() => crossOriginIsolated)).toBe(true);

    // A host whose service worker sets no headers: it is tried once.
    const script = join(folder, 'service-worker.js');
    writeFileSync(script, readFileSync(script, 'utf8').replace('Cross-Origin-Embedder-Policy', 'X-Nothing'));
    await at.page.context().close();
    await at.open({ url, serviceWorkers: 'allow' });
    await at.page.waitForFunction(() => {
      const [{ type }] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
      return type === 'reload' && navigator.serviceWorker.controller !== null;
    });
    const before = await at.page.evaluate(() => performance.timeOrigin);
    await at.page.waitForTimeout(700);
    expect(await at.page.evaluate(() => performance.timeOrigin)).toBe(before);
    await train();
  });

  it('needs nothing where the host isolates it', async () => {
    const { url } = await publish({
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    });
    await at.open({ url, serviceWorkers: 'allow' });
    await at.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    await at.page.waitForTimeout(300);
    expect(await loads()).toBe('navigate');
    expect(await at.page.evaluate(() => crossOriginIsolated)).toBe(true);
  });

  it('takes a newer version whole, when it is told to', async () => {
    const { url, folder } = await publish();
    await at.open({ url, serviceWorkers: 'allow' });
    await isolated();
    // Half of an update: index.html is new, and the list of the files is not.
    const index = join(folder, 'index.html');
    const script = join(folder, 'service-worker.js');
    const [html, list] = [readFileSync(index, 'utf8'), readFileSync(script, 'utf8')];
    writeFileSync(index, html.replace('<title>', '<title>New '));
    writeFileSync(script, `${list}// changed`);
    const look = () =>
      at.page.evaluate(async () => {
        const registration = (await navigator.serviceWorker.getRegistration())!;
        await registration.update();
        const worker = registration.installing!;
        await new Promise((resolve) => worker.addEventListener('statechange', resolve, { once: true }));
        return worker.state;
      });
    expect(await look()).toBe('redundant');
    expect(await at.page.locator('#update').count()).toBe(0);

    // The whole of it.
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const changed = readFileSync(index, 'utf8');
    writeFileSync(
      script,
      list.replace(sha256(html), sha256(changed)).replace(/(\+\s*["'`])[0-9a-f]{16}(["'`])/, '$1another$2'),
    );
    expect(await look()).toBe('installed');
    expect(await at.page.title()).toBe('microGPT on WebGPU');
    await at.press('Load it');
    await at.page.waitForFunction(() => document.title.startsWith('New '));
    await isolated();
    expect(await at.page.evaluate(async () => (await caches.keys()).length)).toBe(1);
  });
});
