// Looking inside the model in the page: what is shown is what the model has, computed here once more.

import { createRequire } from 'node:module';
import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { lookInside } from '../../src/model/inside.ts';
import { parameterSpecs } from '../../src/model/parameters.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { largestDifference } from '../../src/verify/check.ts';
import { norm } from '../../src/util/arrays.ts';
import type { Answers, QuestionName } from '../../src/web/questions.ts';
import { noChromium } from '../support/chromium.ts';
import { builtinNames, LOSS_TOLERANCE, usePage } from '../support/page.ts';

/** Of probabilities and parameters: f32 parameters after some steps, in two builds of the kernels. */
const TOLERANCE = 1e-5;
/** Of what one step changes, at most lr: the rounding of parameters below 2, before and after it. */
const CHANGE_TOLERANCE = 2 ** -23;
const STEPS = 30;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** The engine in this process after the same steps of a run of `STEPS`. */
async function trainedHere(steps = STEPS) {
  const training = { ...DEFAULT_TRAINING, steps: STEPS };
  const run = prepareRun({ documents: builtinNames(), model: DEFAULT_MODEL, training });
  const engine = createCpuEngine(run.spec);
  await engine.advance(steps);
  return { ...run, engine };
}

describe.skipIf(noChromium)('looking inside', () => {
  const at = usePage();

  const train = async () => {
    await at.useCpu();
    await at.fill('Steps steps', STEPS);
    await at.press('Start');
    await at.status(/^Done/);
  };
  /** Brings a section into view and waits for what its views show. */
  const visit = async (id: string, shown: string) => {
    await at.page.locator(`#${id}`).evaluate((element) => element.scrollIntoView({ behavior: 'instant' }));
    await at.page.locator(`#${id} ${shown}`).first().waitFor();
  };
  const numbers = (where: Locator, name: string) =>
    where
      .locator(`[data-${name}]`)
      .evaluateAll((all, key) => all.map((one) => Number((one as HTMLElement).dataset[key])), name);
  /** What the worker last answered of the kind that has this member. */
  const answered = <N extends QuestionName>(_name: N, member: keyof Answers[N]): Promise<Answers[N]> =>
    at.page
      .evaluate(
        (key) =>
          window.heard.findLast(
            (message) => message.type === 'answer' && 'answer' in message && key in message.answer,
          ) as unknown as { answer: never },
        member as string,
      )
      .then(({ answer }) => answer);

  it('shows the attention, probabilities and surprises of the model', async () => {
    const { engine, spec, tokenizer } = await trainedHere();
    const parameters = await engine.parameters();
    await at.open();
    await train();
    await visit('model', '[data-inside]');
    const view = at.page.locator('[data-inside]');

    // The first document, as a whole.
    const first = await at.page.getByLabel('Look at').getAttribute('placeholder');
    const ids = tokenizer.encode(first!);
    const whole = lookInside(spec.model, parameters, [tokenizer.bos, ...ids], tokenizer.bos);
    expect(largestDifference(await numbers(view, 'loss'), whole.losses)).toBeLessThan(TOLERANCE);

    // A prefix of the reader's.
    await at.page.getByLabel('Look at').fill('mari');
    await at.page.locator('[data-inside="5"]').waitFor();
    const tokens = [tokenizer.bos, ...tokenizer.encode('mari')];
    const expected = lookInside(spec.model, parameters, tokens);
    const { rows: n } = expected;
    const V = tokenizer.vocabSize;
    const got = await answered('inside', 'probabilities');
    expect(largestDifference(got.probabilities, expected.probabilities)).toBeLessThan(TOLERANCE);
    expect(largestDifference(got.layers[0].attention, expected.layers[0].attention)).toBeLessThan(TOLERANCE);
    const sorted = (row: number) =>
      Array.from(expected.probabilities.subarray(row * V, (row + 1) * V)).sort((a, b) => b - a);
    const table = (text: string) => at.page.getByRole('table', { name: `Likely after ${text}` });
    expect(largestDifference(await numbers(table('“mari”'), 'p'), sorted(n - 1).slice(0, 8))).toBeLessThan(
      TOLERANCE,
    );
    // At an earlier letter.
    await view.getByRole('button', { name: /^r/ }).click();
    expect(largestDifference(await numbers(table('“ma”'), 'p'), sorted(2).slice(0, 8))).toBeLessThan(
      TOLERANCE,
    );
    const stages = at.page.getByRole('table', { name: 'Residual stream' });
    const rms = expected.residual.map((stage) => stage.rms[2]);
    expect(largestDifference(await numbers(stages, 'rms'), rms)).toBeLessThan(TOLERANCE);
    const alive = expected.layers[0].hidden.filter((h) => h > 0).length / expected.layers[0].hidden.length;
    expect(await numbers(view, 'alive')).toEqual([alive]);

    // The image of a head, read by the keyboard, and its colours.
    const names = ['·', 'm', 'a', 'r', 'i'];
    const name = /^Attention of layer 0, head 2/;
    const figure = view.locator('figure').filter({ has: at.page.getByRole('img', { name }) });
    const image = figure.getByRole('img');
    await image.focus();
    for (let r = 0; r < n; r++) await image.press('ArrowDown');
    for (let c = 0; c < n; c++) {
      const weight = expected.layers[0].attention[(2 * n + n - 1) * n + c];
      expect(await figure.locator('output').innerText()).toBe(
        `i → ${names[c]}: ${(100 * weight).toFixed(1)}%`,
      );
      await image.press('ArrowRight');
    }
    await image.blur();
    const painted = await image.evaluate((canvas: HTMLCanvasElement, size) => {
      const left = canvas.width % size === 0 ? 0 : 18 * devicePixelRatio;
      const cell = (canvas.width - left) / size;
      const context = canvas.getContext('2d')!;
      const red = (r: number, c: number) =>
        context.getImageData(left + (c + 0.5) * cell, left + (r + 0.5) * cell, 1, 1).data;
      const [none, all] = [red(0, size - 1), red(0, 0)];
      return Array.from({ length: size }, (_, c) => {
        const { 2: blue } = red(size - 1, c);
        return (blue - none[2]) / (all[2] - none[2]);
      });
    }, n);
    const last = expected.layers[0].attention.subarray((2 * n + n - 1) * n, (2 * n + n) * n);
    expect(largestDifference(painted, last)).toBeLessThan(1 / 200); // 8 bits a colour
    await at.page.emulateMedia({ colorScheme: 'dark' });
    const corner = () =>
      image.evaluate((canvas: HTMLCanvasElement) => {
        const { data } = canvas
          .getContext('2d')!
          .getImageData(20 * devicePixelRatio, 20 * devicePixelRatio, 1, 1);
        return `#${[...data.subarray(0, 3)].map((x) => x.toString(16).padStart(2, '0')).join('')}`;
      });
    // BOS sees only itself: --accent of the dark page, from the next frame on.
    await expect.poll(corner).toBe('#ff8c5a');

    // More than the model sees at once.
    await at.page.getByLabel('Look at').fill('mariannamariannas');
    await at.page.getByText(/first 16 tokens, as many as the model sees at once; 2 more follow/).waitFor();

    await at.page.getByLabel('Look at').fill('Q');
    await at.page.getByText(/unknown character "Q"/).waitFor();
    engine.dispose();
  });

  it('shows the matrices, their gradients, and what the last step changed', async () => {
    const { engine, spec } = await trainedHere(STEPS - 11);
    await at.open();
    await at.useCpu();
    await at.fill('Steps steps', STEPS);
    for (let i = 0; i < STEPS - 10; i++) {
      await at.press('Step');
      await at.page
        .locator('#now-step')
        .filter({ hasText: `${i + 1} / ${STEPS}` })
        .waitFor();
    }
    await at.status('Paused.');
    const before = await engine.parameters();
    await engine.advance(1);
    const after = await engine.parameters();
    const { gradients } = await engine.gradients();
    engine.dispose();

    await visit('parameters', '[data-show]');
    for (const [label, show, values, tolerance] of [
      ['values', 'value', after, TOLERANCE],
      ['gradient of the next step', 'gradient', gradients, TOLERANCE],
      ['what the last step changed', 'change', after.map((p, i) => p - before[i]), CHANGE_TOLERANCE],
    ] as const) {
      await at.page.getByLabel(label, { exact: true }).check();
      await at.page.locator(`#parameters [data-show=${show}][data-step="${STEPS - 10}"]`).waitFor();
      const { matrices } = await answered('matrices', 'matrices');
      const specs = parameterSpecs(spec.model);
      expect(matrices.map(({ name }) => name)).toEqual(specs.map(({ name }) => name));
      for (const [i, { offset, size }] of specs.entries()) {
        const expected = values.subarray(offset, offset + size);
        expect(norm(expected)).toBeGreaterThan(1e-3);
        expect(largestDifference(matrices[i].picture.values, expected)).toBeLessThan(tolerance);
        expect(Math.abs(matrices[i].norms[show] - norm(expected))).toBeLessThan(tolerance * Math.sqrt(size));
      }
    }
    await visit('tokenizer', `[data-step="${STEPS - 10}"]`); // it may have been seen at an earlier one
    const { wte, projection } = await answered('embeddings', 'projection');
    expect(largestDifference(wte.values, after.subarray(0, wte.values.length))).toBeLessThan(TOLERANCE);
    expect(projection.share).toBeGreaterThan(2 / DEFAULT_MODEL.nEmbd); // more than any two channels of noise
    expect(projection.share).toBeLessThan(1);
  });

  it('walks through a step, and takes it', async () => {
    const model = { ...DEFAULT_MODEL, nLayer: 2 };
    const training = { ...DEFAULT_TRAINING, steps: 50, clip: 0.5 };
    const { spec } = prepareRun({ documents: builtinNames(), model, training });
    const engine = createCpuEngine(spec);
    await engine.advance(1);
    await at.open({ hash: '#engine=cpu&steps=50&n_layer=2&clip=0.5' });
    await at.page.getByRole('link', { name: 'Walk', exact: true }).click();
    await at.press('Make a model, and do its first step');
    const walk = at.page.locator('.walk');
    await walk.waitFor();
    const heading = walk.getByRole('heading');
    const seen: string[] = [];
    const read: Record<string, number[]> = {};
    for (;;) {
      seen.push(await heading.innerText());
      for (const name of ['weight', 'p', 'loss', 'grad', 'after']) {
        const values = await numbers(walk, name);
        if (values.length > 0) read[name] = values;
      }
      if (seen.at(-1) === 'Attention') {
        await walk.evaluate((element) => {
          const choose = (name: string, one: number) => {
            const label = [...element.querySelectorAll('label')].find((l) => l.textContent.startsWith(name))!;
            label.querySelector('select')!.value = String(one);
            label.querySelector('select')!.dispatchEvent(new Event('change', { bubbles: true }));
          };
          choose('Layer', 1);
          choose('Head', 2); // before the worker can have answered
        });
        await at.page.getByRole('table', { name: 'Attention of layer 1, head 2' }).waitFor();
        read['chosen'] = await numbers(walk, 'weight');
      }
      if (seen.at(-1) === 'Adam') {
        const clip = await walk.locator('.named-number').filter({ hasText: 'clip' }).innerText();
        expect(clip).toMatch(/more than 0\.5: .* · 0\.5 \/ /); // or this would not show that it clips
      }
      if (seen.length === 11) break;
      await at.page.keyboard.press('ArrowRight');
      await heading.filter({ hasNotText: seen.at(-1)! }).waitFor();
    }
    expect(new Set(seen).size).toBe(11);
    expect(read['weight'].reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(read['weight']).toHaveLength(3);
    const [from, to] = spec.documents.offsets.subarray(1, 3); // of the second step's document
    const tokens = Array.from(spec.documents.tokens.subarray(from, to - 1));
    const { layers } = lookInside(spec.model, await engine.parameters(), tokens);
    engine.dispose();
    const row = (2 * tokens.length + 2) * tokens.length; // head 2, position 2
    const weights = layers[1].attention.subarray(row, row + 3);
    expect(largestDifference(read['chosen'], weights)).toBeLessThan(TOLERANCE);
    expect(largestDifference(read['chosen'], read['weight'])).toBeGreaterThan(100 * TOLERANCE);

    await at.press('Take this step');
    const became = walk.locator('[data-became]');
    await became.waitFor();
    expect(await at.textOf('now-step')).toBe('2 / 50');
    // The loss that the walk found is the one that the training reports, and the parameter goes where Adam said.
    const losses = await at.losses();
    expect(Math.abs(losses[1] - read['loss'][0])).toBeLessThan(LOSS_TOLERANCE);
    expect(Math.abs((await numbers(walk, 'became'))[0] - read['after'][0])).toBeLessThan(CHANGE_TOLERANCE);
    expect(read['grad'][0]).not.toBe(0);

    await at.press('← Back');
    expect(await heading.innerText()).toBe('Adam');
    await at.press('Take the model as it is now');
    await at.page.locator('.walk[data-step="2"]').waitFor();
  });

  it('pushes away nothing that the reader goes to', async () => {
    await at.open();
    await train();
    await at.page.locator('#main').blur();
    await at.page.keyboard.press('7'); // past all sections with views
    const top = () => at.page.locator('#inference').evaluate((e) => e.getBoundingClientRect().top);
    await at.page.waitForFunction(() => {
      return Math.abs(document.getElementById('inference')!.getBoundingClientRect().top) < innerHeight / 2;
    });
    await at.page.waitForTimeout(1000); // by then the views passed by have been filled
    expect(Math.abs(await top())).toBeLessThan(360);
  });

  it('looks into a large model on a press', async () => {
    await at.open({ hash: '#engine=cpu&n_layer=5&n_embd=64&block_size=32&batch_size=4&steps=2' });
    await at.press('Start');
    await at.status(/^Done/);
    await at.page.locator('#model').evaluate((element) => element.scrollIntoView({ behavior: 'instant' }));
    const section = at.page.locator('#model');
    await section.getByRole('button', { name: 'Look now' }).click();
    await section.locator('[data-inside]').waitFor();
    // 20 images would be many: a layer at a time.
    expect(await section.getByRole('img', { name: /^Attention of layer 0/ }).count()).toBe(4);
    await section.getByLabel('Layer').first().selectOption('4');
    expect(await section.getByRole('img', { name: /^Attention of layer 4/ }).count()).toBe(4);
    const asked = await at.page.evaluate(
      () =>
        window.heard.filter(
          (message) => message.type === 'answer' && 'answer' in message && 'layers' in message.answer,
        ).length,
    );
    expect(asked).toBe(1);
    // Another run has not been looked into.
    await at.press('Reset');
    await at.press('Step');
    await at.status('Paused.');
    await section.getByRole('button', { name: 'Look now' }).waitFor();
    expect(await section.locator('[data-inside]').count()).toBe(0);
  });

  it('lays nothing over the views, however far the reader scrolled', async () => {
    await at.open({ viewport: { width: 1440, height: 700 } });
    await train();
    await visit('model', '[data-inside]');
    const laidOver = await at.page.evaluate(async () => {
      const found: string[] = [];
      for (let top = 0; top < document.documentElement.scrollHeight; top += 300) {
        scrollTo({ top, behavior: 'instant' });
        await new Promise(requestAnimationFrame);
        for (const below of document.querySelectorAll('.below')) {
          const see = below.parentElement!.querySelector('.see')!;
          if (see.getBoundingClientRect().bottom > below.getBoundingClientRect().top + 1) {
            found.push(`${below.parentElement!.id} at ${top}`);
          }
        }
      }
      return found;
    });
    expect(laidOver).toEqual([]);
  });

  it.each([
    ['light', 1440],
    ['dark', 390],
    ['light', 320],
  ] as const)('has no fault that axe finds, and fits: %s, %i px', async (colorScheme, width) => {
    await at.open({ colorScheme, bypassCSP: true, viewport: { width, height: 844 } });
    await at.page.addScriptTag({ path: AXE });
    await train();
    await visit('tokenizer', '.map');
    await visit('parameters', '[data-show]');
    await visit('model', '[data-inside]');
    const check = async () => {
      const { violations } = await at.page.evaluate(() => window.axe.run());
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`)).toEqual(
        [],
      );
      expect(await at.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      const outside = await at.page.locator('.below, .walk').evaluateAll((views) =>
        views.flatMap((view) => {
          const { right } = view.getBoundingClientRect();
          return [...view.querySelectorAll('*')]
            .filter((one) => one.getBoundingClientRect().right > right + 1)
            .map(({ outerHTML }) => outerHTML.slice(0, 200));
        }),
      );
      expect(outside).toEqual([]);
    };
    await check();
    await at.page.evaluate(() => {
      location.hash = '#/walk';
    });
    await at.page.locator('.walk').waitFor();
    for (let station = 0; station < 11; station++) {
      if (station === 1 || station === 3 || station > 8) await check();
      if (station < 10) await at.press('Next →');
    }
  });
});
