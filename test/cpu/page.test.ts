// The CPU engine in a browser: threads where the page is isolated, one thread where it is not, the same numbers in both.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { noChromium, serveFolder } from '../support/chromium.ts';
import { useChromium } from '../support/shared-chromium.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENTS = ['anna', 'bob', 'christopher', 'dora', 'emil'];
const STEPS = 30;
const BATCH = 4;

/** Trains in a worker, as the page does, and on the page's own thread, where waiting is forbidden. */
const RUN = `
  import { openCpuEngine } from '${ROOT}src/cpu/engine.ts';
  import { prepareRun } from '${ROOT}src/train/prepare.ts';
  import { DEFAULT_MODEL, DEFAULT_TRAINING } from '${ROOT}src/config/config.ts';
  export async function run(threads) {
    const training = { ...DEFAULT_TRAINING, steps: ${STEPS}, batchSize: ${BATCH} };
    const { spec } = prepareRun({ documents: ${JSON.stringify(DOCUMENTS)}, model: DEFAULT_MODEL, training });
    try {
      const engine = await openCpuEngine(spec, { threads });
      const losses = Array.from(await engine.advance(${STEPS}));
      const { description } = engine.info;
      engine.dispose();
      return { losses, description };
    } catch (error) {
      return { error: error.name + ': ' + error.message };
    }
  }
`;

interface Outcome {
  losses?: number[];
  description?: string;
  error?: string;
}

const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

describe.skipIf(noChromium !== '')('the CPU engine in a page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'microgpt-threads-'));
  const at = useChromium();

  beforeAll(async () => {
    writeFileSync(join(folder, 'run.js'), RUN);
    writeFileSync(
      join(folder, 'worker.js'),
      `import { run } from './run.js';
       self.onmessage = async ({ data }) => self.postMessage(await run(data));`,
    );
    writeFileSync(
      join(folder, 'index.html'),
      `<script type="module">
         import { run } from './run.js';
         window.inPage = run;
         window.inWorker = (threads) => new Promise((resolve) => {
           const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
           worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
           worker.postMessage(threads);
         });
       </script>`,
    );
    const config = { configFile: join(ROOT, 'vite.config.ts'), root: folder, logLevel: 'error' } as const;
    await build({ ...config, build: { outDir: join(folder, 'dist'), minify: true } });
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  async function outcome(
    where: 'inPage' | 'inWorker',
    threads: 'auto' | number,
    headers: Record<string, string>,
  ): Promise<Outcome> {
    const served = await serveFolder(join(folder, 'dist'), headers);
    const page = await at.browser.newPage();
    try {
      await page.goto(served.url);
      return await page.evaluate(
        ([name, count]) =>
          (window as unknown as Record<string, (n: 'auto' | number) => Promise<Outcome>>)[name](count),
        [where, threads] as const,
      );
    } finally {
      await page.close();
      await served.close();
    }
  }

  async function expectedLosses(): Promise<number[]> {
    const training = { ...DEFAULT_TRAINING, steps: STEPS, batchSize: BATCH };
    const { spec } = prepareRun({ documents: DOCUMENTS, model: DEFAULT_MODEL, training });
    const engine = createCpuEngine(spec, { threads: 1 });
    return Array.from(await engine.advance(STEPS));
  }

  it('trains with two threads in a worker of an isolated page', async () => {
    const { losses, description, error } = await outcome('inWorker', 2, ISOLATED);
    expect(error).toBeUndefined();
    expect(description).toMatch(/, 2 threads\)$/);
    expect(Math.max(...(await expectedLosses()).map((loss, i) => Math.abs(loss - losses![i])))).toBeLessThan(
      1e-5, // f32; the browser may have relaxed SIMD where this process has not
    );
  });

  it.each([
    ['a worker of a page that is not isolated', 'inWorker', {}],
    ['the main thread of an isolated page', 'inPage', ISOLATED],
    ['the main thread of a page that is not', 'inPage', {}],
  ] as const)('trains with one thread in %s, and says why not with two', async (_title, where, headers) => {
    const { losses, description } = await outcome(where, 'auto', headers);
    expect(losses).toHaveLength(STEPS);
    expect(description).toMatch(/^cpu \(f32, WASM [^,]*\)$/);
    expect((await outcome(where, 2, headers)).error).toMatch(
      /^ConfigError: threads: 2 threads need shared memory/,
    );
  });
});
