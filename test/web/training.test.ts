// Training in the page: the same numbers as the engines in Node, whatever is pressed meanwhile.

import { describe, expect, it } from 'vitest';
import { toyDocuments } from '../../src/data/toy-tasks.ts';
import { largestDifference } from '../../src/verify/check.ts';
import { noChromium } from '../support/chromium.ts';
import { builtinNames, LOSS_TOLERANCE, trainHere, usePage } from '../support/page.ts';

describe.skipIf(noChromium)('training in the page', () => {
  const at = usePage();
  const { press, fill, status, textOf, useCpu, losses, samples } = at;

  it('trains on WebGPU, pausing and stepping, as the CPU engine trains', async () => {
    const expected = await trainHere(builtinNames(), { steps: 200 });
    await at.open();
    expect(await at.page.getByLabel('Steps steps').inputValue()).toBe('1000');
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
    await at.page.getByText('2 / 200').waitFor();
    expect(await at.page.getByLabel('Width').isDisabled()).toBe(true);

    await press('Continue');
    // In the page itself: Playwright's own click might come after a fast run.
    await at.page.waitForFunction(() => {
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
    expect(await textOf('model-detail')).toContain('4,192 parameters');
    const curve = at.page.getByRole('img', {
      name: /^Loss curve: \d\.\d{4} smoothed after step 200 of 200$/,
    });
    expect(await curve.count()).toBe(1);
    const previews = at.page.getByRole('list', { name: 'Samples during the training' }).locator('li');
    expect(await previews.locator('span:first-child').allInnerTexts()).toEqual([
      'untrained',
      ...[20, 40, 60, 80, 100, 120, 140, 160, 180].map((step) => `step ${step}`),
    ]);
  });

  it('trains on own text', async () => {
    const lines = ['αβγ', 'βγα', '  γ𝛂β ', '', 'γγ'];
    const expected = await trainHere(
      ['αβγ', 'βγα', 'γ𝛂β', 'γγ'],
      { steps: 50, batchSize: 3 },
      { nEmbd: 12, nHead: 3 },
    );
    await at.open();
    await useCpu();
    expect(await at.page.getByLabel('Kernel launch').isDisabled()).toBe(true);
    await at.page.getByLabel('Own text').check();
    await at.page.getByRole('textbox', { name: 'One document a line' }).fill(lines.join('\n'));
    await fill('Width n_embd', 12);
    await fill('Heads n_head', 3);
    await fill('Documents a step batch_size', 3);
    await fill('Steps steps', 50);
    await at.page.getByLabel('Steps steps').press('Enter');
    await status(/^Done/);
    // Within f32's rounding: Chrome's WebAssembly may fuse multiply and add, which Node 20's cannot.
    const got = await losses();
    expect(got).toHaveLength(50);
    expect(largestDifference(got, expected.losses)).toBeLessThan(LOSS_TOLERANCE);
    expect(await samples()).toEqual(expected.samples);
    expect(await textOf('model-detail')).toMatch(/ 5 tokens in the vocabulary, 4 documents\.$/);
    // The keyboard stays where it works: the field was locked during the run.
    expect(await at.page.evaluate(() => document.activeElement?.id)).toBe('main');
  });

  it('says how much of a long text it uses, before the run and during it, and that it has it by heart', async () => {
    const line = 'the quick brown fox jumps over the lazy dog and '.repeat(60).trim();
    await at.open({ hash: `#engine=cpu&steps=300&data=text&text=${encodeURIComponent(line)}` });
    const said =
      'The only document, of 2,879 characters, is cut after 16 characters: 0.56% of the text is used. ' +
      'To use more, raise Context block_size or break the text into shorter lines.';
    const [near, above] = [at.page.locator('#dataset .cut'), at.page.locator('.notices .cut')];
    expect(await near.innerText()).toBe(said);
    expect(await above.count()).toBe(0);
    await press('Start');
    await above.waitFor();
    expect(await above.innerText()).toBe(said);
    await status(/^Done/);
    await at.page.getByText('almost certain of every next token').waitFor();
    expect(await textOf('novelty')).toBe('All 20 are in the text: the model repeats it.');
    expect(await textOf('perplexity')).toBe('1.00');

    await press('Reset');
    await at.page.getByRole('textbox', { name: 'One document a line' }).fill(`${'ab'.repeat(20)}\nba\nab`);
    await near
      .filter({
        hasText: /^1 of 3 documents is cut after 16 .*: 47% .* \(the longest document needs 41\) or/,
      })
      .waitFor();
    await fill('Context block_size', '');
    expect(await near.count()).toBe(0); // half typed
    await fill('Context block_size', 41);
    expect(await near.count()).toBe(0);
  });

  it('trains on a file, and says what is wrong with one', async () => {
    await at.open();
    await useCpu();
    await at.page.getByLabel('File', { exact: true }).check();
    await press('Start');
    expect(await at.page.getByRole('alert').innerText()).toMatch(/^File: none is chosen/);
    const choose = (name: string, bytes: number[]) =>
      at.page
        .getByLabel('UTF-8 text')
        .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(bytes) });
    await choose('photo.txt', [0xff, 0xd8, 0xff]);
    // Before any press already, where its documents would be.
    await at.page.locator('#dataset').getByRole('alert').waitFor();
    await press('Start');
    await status('Stopped.');
    expect(await textOf('error')).toMatch(/^photo\.txt: not UTF-8 text: byte 0xff at offset 0/);
    await choose('words.txt', [...Buffer.from('ja\nnein\n')]);
    await fill('Steps steps', 3);
    await press('Start');
    await status(/^Done/);
    expect(await at.page.getByRole('alert').count()).toBe(0);
    expect(await textOf('model-detail')).toContain('2 documents');
  });

  it('trains on a file that is dropped on it', async () => {
    await at.open();
    await useCpu();
    const dropped = await at.page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['eins\nzwei\ndrei\n'], 'zahlen.txt', { type: 'text/plain' }));
      return transfer;
    });
    await at.page.dispatchEvent('body', 'dragover', { dataTransfer: dropped });
    await at.page.getByText('Drop a text or a checkpoint here').waitFor();
    await at.page.dispatchEvent('body', 'drop', { dataTransfer: dropped });
    await at.page
      .getByRole('list', { name: /first documents/ })
      .getByText('zwei')
      .waitFor();
    expect(await at.page.getByText('Drop a text or a checkpoint here').count()).toBe(0);
    await fill('Steps steps', 3);
    await press('Step');
    await status('Paused.');
    await at.page.locator('#inference').scrollIntoViewIfNeeded();
    await at.page.dispatchEvent('body', 'drop', { dataTransfer: dropped });
    expect(await textOf('drop-problem')).toBe(
      'zahlen.txt is not used: a run keeps its text. Press Reset, then drop it again.',
    );
    const shown = () => document.querySelector('#drop-problem')!.getBoundingClientRect().bottom > 0;
    await at.page.waitForFunction(shown);
    await press('Continue');
    await status(/^Done/);
    expect(await textOf('model-detail')).toContain('3 documents');
  });

  it('trains on a toy task, and marks what is right', async () => {
    const expected = await trainHere(toyDocuments('count'), { steps: 300 });
    await at.open();
    await useCpu();
    await at.page.getByLabel('Count', { exact: true }).check();
    await fill('Steps steps', 300);
    await press('Start');
    await status(/^Done/);
    expect(largestDifference(await losses(), expected.losses)).toBeLessThan(LOSS_TOLERANCE);
    expect(await samples()).toEqual(expected.samples);
    const right = await at.page.locator('.samples .right').count();
    expect(await at.page.getByText(/of 20 are right/).innerText()).toBe(`${right} of 20 are right.`);
  });

  it('explains wrong settings and begins no run', async () => {
    await at.open();
    await fill('Heads n_head', 5);
    await press('Start');
    expect(await at.page.getByRole('alert').innerText()).toBe(
      'n_embd 16 is not divisible by n_head 5: each head takes n_embd / n_head channels. Choose n_head among 1, 2, 4, 8, 16.',
    );
    const marked = at.page.locator('[aria-invalid=true]');
    expect(await marked.evaluateAll((fields) => fields.map((field) => field.getAttribute('name')))).toEqual([
      'n_embd',
      'n_head',
    ]);
    await fill('Heads n_head', 2);
    await fill('Steps steps', '');
    await press('Step');
    expect(await textOf('error')).toBe('steps: expected a number, got nothing.');
    await fill('Steps steps', 5);
    await fill('Width n_embd', 40_000);
    await useCpu();
    await press('Start');
    await status('Stopped.');
    expect(await textOf('error')).toMatch(/parameters is too large for a page/);
    await fill('Width n_embd', 16);
    expect(await at.page.getByLabel('Learning rate lr').isEnabled()).toBe(true);
  });

  it('forgets a run on reset', async () => {
    await at.open();
    await useCpu();
    await fill('Steps steps', 1_000_000);
    await press('Start');
    await at.page.waitForFunction(() => window.heard.some(({ type }) => type === 'progress'));
    await press('Reset');
    await status('Ready.');
    expect(await textOf('now-step')).toBe('–');
    const previews = at.page.getByRole('list', { name: 'Samples during the training' }).locator('li');
    expect(await previews.count()).toBe(0);
    const before = (await losses()).length;
    await fill('Steps steps', 5); // not locked any more
    await press('Start');
    await status(/^Done/);
    expect((await losses()).length - before).toBe(5);
  });

  it('keeps to a pace that is asked for', async () => {
    await at.open();
    await useCpu();
    await at.page.getByLabel('pace').selectOption('20 steps/s');
    await press('Start');
    await at.page.waitForFunction(() => window.heard.filter(({ type }) => type === 'steps').length >= 20);
    await press('Pause');
    await status('Paused.');
    const [count, seconds] = await at.page.evaluate(() => {
      const steps = window.heard.filter(({ type }) => type === 'steps');
      return [steps.length, performance.now() / 1000];
    });
    expect(count / seconds).toBeLessThan(21);
    await at.page.getByLabel('pace').selectOption('full speed');
    await press('Continue');
    await status(/^Done/);
    expect(await losses()).toHaveLength(1000);
  });

  it('refuses a command that it does not know', async () => {
    await at.open();
    await useCpu();
    await press('Step');
    await status('Paused.');
    await at.page.evaluate(() =>
      window.workers[0].postMessage({ type: 'start', settings: { source: 1 } }, { transfer: [] }),
    );
    await status('Stopped.');
    expect(await textOf('error')).toMatch(/^settings\.source: .*Expected/);
  });
});
