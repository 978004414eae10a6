// The runs that the browser keeps: saved as they train, gone on with, carried to the command line and back.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium, type Browser, type Locator, type Page } from 'playwright-core';
import { describe, expect, it, vi } from 'vitest';
import { RUN_FILES } from '../../src/train/run-files.ts';
import { encodeSafetensors } from '../../src/train/safetensors.ts';
import { checkSafetensors } from '../../src/web/store/foreign.ts';
import { microgpt, records, samples, temporaryDirectory } from '../cli/cli.ts';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { builtinNames, trainHere, usePage } from '../support/page.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const room = (page: Page) => page.getByRole('link', { name: 'Runs', exact: true }).click();
const story = (page: Page) => page.getByRole('link', { name: 'Story', exact: true }).click();
const row = (page: Page) => page.getByRole('list', { name: 'Runs' }).getByRole('listitem');
/** The button of exactly this name: “To go on, choose its text” is the name of one too, that of a field for files. */
const pressIn = (place: Locator | Page, name: string) =>
  place.getByRole('button', { name, exact: true }).click();

describe.skipIf(noChromium)('runs in the browser', () => {
  const at = usePage();

  /** Trains a small run to its end. */
  async function trainRun(steps: number): Promise<void> {
    await at.useCpu();
    await at.fill('Steps steps', steps);
    await at.press('Start');
    await at.status(/^Done/);
  }

  /** Leaves a slow run while it trains, saved twice after more than `step` steps. */
  async function leaveRun(steps: number, step: number): Promise<void> {
    const reached = (least: number) =>
      window.heard.some((said) => said.type === 'progress' && said.step >= least);
    const saved = (wanted: number) =>
      window.heard.some((said) => said.type === 'kept' && said.step === wanted);
    await at.useCpu();
    await at.fill('Steps steps', steps);
    await at.page.getByLabel('pace').selectOption('100 steps/s');
    await at.page.evaluate(() => window.heard.splice(0)); // an earlier run's
    await at.press('Start');
    await at.page.waitForFunction(reached, step + 1);
    // While it trains it is saved the more seldom the longer that takes: on a busy machine it would be done before.
    await at.press('Pause');
    await at.status('Paused.');
    const paused = (await at.losses()).length;
    await at.page.waitForFunction(saved, paused);
    await at.press('Step');
    await at.page.waitForFunction(saved, paused + 1);
    await at.press('Continue');
    await at.page.waitForFunction(reached, paused + 2);
    await at.page.reload();
    await at.page.locator('#offer').waitFor();
  }

  async function exported(button = 'Save file'): Promise<Buffer> {
    const [download] = await Promise.all([at.page.waitForEvent('download'), at.press(button)]);
    expect(download.suggestedFilename()).toMatch(/^[\w-]+\.(safetensors|txt)$/);
    return readFileSync(await download.path());
  }

  async function drop(content: Buffer, name = 'dropped.safetensors'): Promise<void> {
    const dataTransfer = await at.page.evaluateHandle(
      ([all, called]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(all)], called));
        return transfer;
      },
      [Array.from(content), name] as const,
    );
    await at.page.dispatchEvent('body', 'drop', { dataTransfer });
  }

  /** The names of the files that the browser keeps, of all runs. */
  const files = () =>
    at.page.evaluate(async () => {
      const names: string[] = [];
      const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('microgpt-runs');
      for await (const entry of root.values()) {
        if (entry.kind === 'directory') for await (const name of entry.keys()) names.push(name);
      }
      return names.sort();
    });

  it('go on after a reload to the same bits as if there had been none', async () => {
    await at.open();
    await trainRun(1500);
    const losses = await at.losses();
    const names = await at.samples();
    await room(at.page);
    const whole = await exported();
    await pressIn(row(at.page), 'Delete');
    await at.press('Delete it');
    await row(at.page).waitFor({ state: 'detached' });
    await story(at.page);
    await at.status('Ready.'); // what was deleted is not shown

    await leaveRun(1500, 150);
    expect(await files()).toHaveLength(3); // the newest two, and run.json
    await at.press('Go on with the run of Names');
    await at.status(/^Done/);
    expect(await at.losses()).toEqual(losses);
    expect(losses).toHaveLength(1500);
    expect(await at.samples()).toEqual(names);
    expect(await at.page.getByLabel('Steps steps').inputValue()).toBe('1500');
    expect(new URL(at.page.url()).hash).toBe('#engine=cpu&steps=1500');
    await room(at.page);
    expect((await exported()).equals(whole)).toBe(true);
    await at.page.reload();
    await row(at.page).waitFor();
    await story(at.page);
    expect(await at.page.locator('#offer').count()).toBe(0); // it is done
  });

  it('are offered where the storage fails at first', async () => {
    await at.open();
    await leaveRun(1500, 150);
    let asked = 0;
    await at.page.context().route('**/store-worker-*.js', async (route) => {
      asked++;
      const response = await route.fetch();
      // The first two times that it is asked for, as the browser might say after a crash.
      const failing = `
        const { storage } = navigator;
        const getDirectory = storage.getDirectory.bind(storage);
        let failures = 2;
        storage.getDirectory = () => failures-- > 0
          ? Promise.reject(new DOMException('not now', 'InvalidStateError'))
          : getDirectory();
      `;
      await route.fulfill({ response, body: `${await response.text()}\n${failing}` });
    });
    await at.page.reload();
    await at.page.locator('#offer').waitFor();
    expect(asked).toBe(1);
  });

  it('go on from the checkpoint before where the newest is damaged, and say so', async () => {
    const expected = await trainHere(builtinNames(), { steps: 1500 });
    await at.open();
    await leaveRun(1500, 150);
    const newest = (await files()).at(-1)!;
    await at.page.evaluate(async (name) => {
      const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('microgpt-runs');
      for await (const entry of root.values()) {
        if (entry.kind !== 'directory') continue;
        const stream = await (await entry.getFileHandle(name)).createWritable({ keepExistingData: true });
        await stream.write({ type: 'write', position: 5000, data: 'damage' });
        await stream.close();
      }
    }, newest);
    await at.press('Go on with the run of Names');
    await at.page.getByText(`${newest}: its checksum does not match`).waitFor();
    await at.page.getByText(/goes on from step \d+, the one saved before/).waitFor();
    await at.status(/^Done/);
    expect(await at.samples()).toEqual(expected.samples);
  });

  it('belong to one tab at a time', async () => {
    await at.open();
    await at.useCpu();
    await at.fill('Steps steps', 10_000_000);
    await at.press('Start');
    // At full speed too a checkpoint comes every two seconds or so: it was none in 25 while the saving waited for the training.
    await at.page.waitForFunction(() => window.heard.some(({ type }) => type === 'kept'));
    await at.page.waitForFunction(
      () => window.heard.filter(({ type }) => type === 'kept').length >= 3,
      undefined,
      { timeout: 20_000 },
    );
    expect(await at.textOf('kept')).toMatch(/^Saved in this browser up to step [\d,]+\.$/);
    const other = await at.page.context().newPage();
    await other.goto(`${at.served.url}#/runs`);
    await row(other).getByText('open in another tab').waitFor();
    await pressIn(row(other), 'Go on');
    await other
      .getByText(/^This run is open in another tab, and one tab at a time can write to it/)
      .waitFor();
    await room(other);
    await pressIn(row(other), 'Delete');
    await pressIn(other, 'Delete it');
    await other.getByText(/^This run is open in another tab\. Press Reset/).waitFor();
    await at.press('Reset');
    await pressIn(row(other), 'Go on');
    await other.locator('#status').filter({ hasText: 'Training.' }).waitFor();
    expect(await at.textOf('status')).toBe('Ready.');
  });

  it('are renamed, opened and deleted', async () => {
    await at.open();
    await trainRun(30);
    const names = await at.samples();
    await room(at.page);
    await pressIn(row(at.page), 'Rename');
    await at.page.keyboard.type('my <first> run');
    await at.page.keyboard.press('Enter');
    await at.page.getByRole('heading', { name: 'my <first> run' }).waitFor();
    await at.page.reload();
    await pressIn(row(at.page), 'Open');
    await at.status(/^Done/);
    expect(await at.samples()).toEqual(names);
    await room(at.page);
    await pressIn(row(at.page), 'Delete');
    await at.press('Delete it');
    await at.page.getByText('There is none yet').waitFor();
    expect(await files()).toEqual([]);
  });

  it('train on where the storage is full, and say so', async () => {
    // What a private window keeps stands in memory, which no quota bounds: here is a browser with a folder.
    const folder = temporaryDirectory();
    vi.spyOn(chromium, 'launch').mockImplementationOnce(async (options) => {
      const context = await chromium.launchPersistentContext(folder, { ...options, serviceWorkers: 'block' });
      return { newContext: async () => context } as unknown as Browser;
    });
    await at.open({ browser: await launchChromium() });
    const session = await at.page.context().newCDPSession(at.page);
    const { origin } = new URL(at.served.url);
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1000 });
    await trainRun(40);
    expect(await at.textOf('not-kept')).toMatch(
      /^This run is not saved\. The space .* is full\. Delete runs/,
    );
    await session.send('Storage.overrideQuotaForOrigin', { origin });
    await at.press('Start');
    await at.page.waitForFunction(() => window.heard.some(({ type }) => type === 'kept'));
    expect(await at.page.locator('#not-kept').count()).toBe(0);
  });

  it('train on where the browser keeps no files, and say so', async () => {
    await at.open({ url: 'http://page.example/' }); // not served securely
    await trainRun(30);
    expect(await at.textOf('not-kept')).toMatch(/only for pages that come over https or from localhost/);
    await drop(Buffer.from('{'), 'left.safetensors');
    await at.page
      .locator('#drop-problem')
      .filter({ hasText: /^Browsers keep files only for pages that come over https or from localhost\.$/ })
      .waitFor();
    await room(at.page);
    await at.page.getByText('No run is kept here.').waitFor();
  });

  it('go to the command line, which writes the same names', async () => {
    const directory = temporaryDirectory();
    await at.open({ hash: '#data=text&text=anna%0Abob%0Acarl%0Adora&n_embd=8' });
    // Chromium asks a person for the folder: here is one of its own.
    await at.page.evaluate(() => {
      window.showDirectoryPicker = async () =>
        (await navigator.storage.getDirectory()).getDirectoryHandle('chosen', { create: true });
    });
    await trainRun(60);
    const names = await at.samples();
    await room(at.page);
    const file = join(directory, 'run.safetensors');
    writeFileSync(file, await exported());
    const sampled = await microgpt(['sample', file, '--json']);
    expect(samples(records(sampled.stdout))).toEqual(names);
    expect((await exported('Save text')).toString()).toBe('anna\nbob\ncarl\ndora\n');

    await at.press('Save folder');
    await at.page.getByText('Saved: microgpt train --resume chosen').waitFor();
    const folder = await at.page.evaluate(async (fileNames) => {
      const chosen = await (await navigator.storage.getDirectory()).getDirectoryHandle('chosen');
      return Promise.all(
        fileNames.map(async (name) => {
          const saved = await (await chosen.getFileHandle(name)).getFile();
          return Array.from(new Uint8Array(await saved.arrayBuffer()));
        }),
      );
    }, RUN_FILES);
    folder.forEach((bytes, i) => writeFileSync(join(directory, RUN_FILES[i]), Uint8Array.from(bytes)));
    const again = await microgpt(['sample', directory, '--json']);
    expect(samples(records(again.stdout))).toEqual(names);
    await at.press('Save folder');
    await at.page.getByText('chosen: it already holds a run (config.json)').waitFor();
  });

  it('come from the command line, with the same names', async () => {
    const directory = temporaryDirectory();
    const text = join(directory, 'text.txt');
    writeFileSync(text, 'ada\nbea\ncleo\n');
    const out = join(directory, 'out');
    const args = ['train', '--data', text, '--steps', '40', '--engine', 'cpu', '--json', '--out', out];
    const trained = await microgpt(args);
    const names = samples(records(trained.stdout));
    await at.open({ hash: '#/runs' });
    const choose = (...paths: string[]) => at.page.getByLabel('Bring in a run').setInputFiles(paths);
    await choose(join(out, 'config.json'), join(out, 'model.safetensors'));
    await at.page.getByText('tokenizer.json is not among the files.').waitFor();
    await choose(text);
    await at.page
      .getByText('text.txt is not a checkpoint: it looks like text. To train on it, choose it')
      .waitFor();
    await choose(...RUN_FILES.map((name) => join(out, name)));
    await pressIn(row(at.page), 'Open');
    await at.status(/^Done/);
    expect(await at.samples()).toEqual(names);

    // One that is not done goes on with its text.
    await at.press('Reset');
    await room(at.page);
    const checkpoint = join(directory, 'cut.safetensors');
    const { encodeCheckpoint } = await import('../../src/train/checkpoint-file.ts');
    const { prepareRun } = await import('../../src/train/prepare.ts');
    const { readNewest } = await import('../../src/cli/run-store.ts');
    const { createCpuEngine } = await import('../../src/cpu/engine.ts');
    const { run } = await readNewest(out);
    const { model, training } = run.config;
    const { spec } = prepareRun({ documents: ['ada', 'bea', 'cleo'], model, training });
    const engine = createCpuEngine(spec);
    const config = { ...run.config, engine: { name: 'cpu', build: 'of a lost machine' } } as const;
    const losses = await engine.advance(15);
    writeFileSync(
      checkpoint,
      await encodeCheckpoint({ ...run, config, state: await engine.state(), losses, smoothedLoss: 3 }),
    );
    await choose(checkpoint);
    const cut = row(at.page).filter({ hasText: '15 / 40' });
    await cut.locator('input[type=file]').setInputFiles(join(out, 'config.json'));
    await at.page.getByText('config.json: this is not the text that the run began with').waitFor();
    await cut.locator('input[type=file]').setInputFiles(text);
    await pressIn(cut, 'Go on');
    await at.page
      .getByText(
        /^The run began with cpu \(of a lost machine\) and continues with cpu \(.*SIMD.*\): the losses/,
      )
      .waitFor();
    await at.status(/^Done/);
    expect(await at.samples()).toEqual(names);
  });

  it('come in where a checkpoint is dropped on the page, and are opened', async () => {
    await at.open();
    await trainRun(30);
    const names = await at.samples();
    await room(at.page);
    const bytes = await exported();
    await pressIn(row(at.page), 'Delete');
    await at.press('Delete it');
    await story(at.page);
    await at.status('Ready.');
    await drop(bytes.subarray(0, 5000));
    await at.page
      .locator('#drop-problem')
      .filter({ hasText: /^dropped\.safetensors: / })
      .waitFor();
    expect(await at.textOf('status')).toBe('Ready.');
    await drop(bytes);
    await at.status(/^Done/);
    expect(await at.samples()).toEqual(names);
    expect(await at.page.locator('#drop-problem').count()).toBe(0);

    // One that is trained stays in front of the reader.
    await at.press('Reset');
    await at.press('Step');
    await at.status('Paused.');
    await drop(bytes);
    await at.page.getByRole('heading', { name: 'dropped' }).nth(1).waitFor();
    expect(await at.textOf('status')).toBe('Paused.');
  });

  it.each(['light', 'dark'] as const)('stand in a room without fault: %s', async (colorScheme) => {
    await at.open({ colorScheme, bypassCSP: true, viewport: { width: 390, height: 844 } });
    await leaveRun(1500, 0);
    await at.page.addScriptTag({ path: AXE });
    const check = async () => {
      const { violations } = await at.page.evaluate(() => window.axe.run());
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`)).toEqual(
        [],
      );
      expect(await at.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    };
    await check(); // with the offer to go on
    await room(at.page);
    await row(at.page).waitFor();
    await check();
    await pressIn(row(at.page), 'Rename');
    await check();
    await at.press('Cancel');
    await pressIn(row(at.page), 'Delete');
    await check();
  });
});

describe('a file that is no checkpoint', () => {
  it.each([
    ['words.txt', 'anna\nbob\n', 'text. To train on it, choose it as the File of the Dataset'],
    ['named.safetensors', 'anna\nbob\n', 'text. To train on it, choose it as the File of the Dataset.'],
    [
      'config.json',
      '{"format":',
      'JSON. A run’s directory is brought in by choosing all of its files together',
    ],
    [
      'model.pt',
      'PK\x03\x04\0\0\0\0\0\0',
      'a ZIP archive, as PyTorch’s .pt files are. Choose a *.safetensors file',
    ],
    ['empty', '', 'an empty file. Choose'],
    ['noise', '\0\x01\x02\x03\x04\x05\x06\x07\x08', 'something else. Choose'],
  ])('is called what it looks like: %s', (name, content, likeness) => {
    expect(() => checkSafetensors(new TextEncoder().encode(content), name)).toThrow(
      `${name} is not a checkpoint: it looks like ${likeness}`,
    );
  });

  it('but no checkpoint, damaged or not', () => {
    const tensors = new Map([['w', { shape: [1], data: Float32Array.of(1) }]]);
    const bytes = encodeSafetensors({ tensors, metadata: {} });
    expect(() => checkSafetensors(bytes, 'w')).not.toThrow();
    expect(() => checkSafetensors(bytes.subarray(0, 20), 'w')).not.toThrow(); // decoding will say
  });
});
