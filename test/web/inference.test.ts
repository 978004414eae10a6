// Questions to a run: right answers, and a training that does not notice them.

import { describe, expect, it } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { encodePrompt, sampleDocument, tokenWeights } from '../../src/train/sampler.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { largestDifference } from '../../src/verify/check.ts';
import type { WorkerMessage } from '../../src/web/messages.ts';
import type { SlopeAnswer } from '../../src/web/questions.ts';
import { noChromium } from '../support/chromium.ts';
import { builtinNames, usePage } from '../support/page.ts';

/** Of a probability: f32 parameters after some steps, and softmax of f32 logits, in two builds of the kernels. */
const PROBABILITY_TOLERANCE = 1e-5;
const STEPS = 60;

/** The engine in this process after the same steps. */
async function trainedHere() {
  const training = { ...DEFAULT_TRAINING, steps: STEPS };
  const run = prepareRun({ documents: builtinNames(), model: DEFAULT_MODEL, training });
  const engine = createCpuEngine(run.spec);
  await engine.advance(STEPS);
  return { ...run, engine };
}

describe.skipIf(noChromium)('questions to the run in the page', () => {
  const at = usePage();

  const train = async (steps: number, engine = 'CPU') => {
    await at.page.getByLabel('What computes').selectOption(engine);
    if (engine === 'WebGPU') await at.page.getByLabel('Kernel launch').selectOption('resident');
    await at.fill('Steps steps', steps);
    await at.press('Start');
    await at.status(/^Done/);
  };

  it('shows what comes after a prefix, as sample would draw it', async () => {
    const { engine, tokenizer, spec } = await trainedHere();
    await at.open();
    await train(STEPS);
    for (const [prefix, temperature] of [
      ['', 1],
      ['an', 1],
      ['mar', 0.5],
    ] as const) {
      const weights = new Float64Array(tokenizer.vocabSize);
      const ids = encodePrompt(tokenizer, prefix, spec.model.blockSize);
      tokenWeights(await engine.prefill([tokenizer.bos, ...ids]), temperature, tokenizer.vocabSize, weights);
      const expected = Array.from(weights).sort((a, b) => b - a);

      await at.page.getByLabel(/^at temperature/).fill(String(temperature));
      await at.page.getByLabel('Begin with').fill(prefix);
      const table = at.page.getByRole('table', { name: `After “${prefix}”`, exact: true });
      const cells = table.locator('[data-probability]');
      await cells.first().waitFor();
      await at.page.waitForFunction(
        ([top, tolerance]) => {
          const cell = document.querySelector<HTMLElement>('[data-probability]');
          return Math.abs(Number(cell?.dataset['probability']) - top) < tolerance;
        },
        [expected[0], PROBABILITY_TOLERANCE],
      );
      const shown = await cells.evaluateAll((all) => all.map((cell) => Number(cell.dataset['probability'])));
      expect(shown).toHaveLength(8);
      expect(largestDifference(shown, expected.slice(0, 8))).toBeLessThan(PROBABILITY_TOLERANCE);
      const top = weights.indexOf(expected[0]);
      const first = top === tokenizer.bos ? 'BOS' : tokenizer.chars[top];
      expect(await table.locator('th').first().innerText()).toBe(first);
    }
    await at.page.getByLabel('Begin with').fill('Q');
    await at.page.getByText(/unknown character "Q"/).waitFor();
    engine.dispose();
  });

  it('writes from a prefix on request', async () => {
    const { engine, tokenizer, spec } = await trainedHere();
    const random = new PythonRandom(0);
    const options = { prompt: 'ma', temperature: 1, blockSize: spec.model.blockSize };
    const expected: string[] = [];
    while (expected.length < 8) expected.push(await sampleDocument(engine, tokenizer, random, options));
    engine.dispose();

    await at.open();
    await train(STEPS);
    await at.page.getByLabel('Begin with').fill('ma');
    await at.press('Write 8');
    const written = at.page.getByRole('list', { name: 'Written on request' }).locator('li');
    await written.first().waitFor();
    expect(await written.allInnerTexts()).toEqual(expected);
  });

  it('shows a slope that is the derivative', async () => {
    await at.open();
    await at.useCpu();
    await at.press('Step');
    await at.status('Paused.');
    await at.page.locator('#autograd').scrollIntoViewIfNeeded();
    await at.page.getByRole('img', { name: 'Loss over the value of wte[0][0]' }).waitFor();
    await at.page.getByRole('combobox', { name: /^Parameter/ }).selectOption('lm_head');
    await at.press('Another one');
    await at.page.getByRole('img', { name: 'Loss over the value of lm_head[2][5]' }).waitFor();
    const answers = await at.page.evaluate(() =>
      window.heard.flatMap((message: WorkerMessage) =>
        message.type === 'answer' && 'answer' in message && 'gradient' in message.answer
          ? [message.answer]
          : [],
      ),
    );
    expect(answers.length).toBeGreaterThan(1);
    const { gradient, measured, losses } = answers.at(-1) as SlopeAnswer;
    expect(gradient).not.toBe(0);
    // A central difference in f64 with h = 1e-5: h² and the rounding of two losses, over 2h.
    expect(Math.abs(gradient - measured)).toBeLessThan(1e-8);
    expect(losses).toHaveLength(17);
  });

  it.each([
    ['CPU', 3000],
    ['WebGPU', 120],
  ])('trains to the same bits on %s whatever is asked meanwhile', async (engine, steps) => {
    await at.open();
    await train(steps, engine);
    const [losses, samples] = [await at.losses(), await at.samples()];
    await at.press('Reset');
    const before = losses.length;
    await at.page.getByLabel('pace').selectOption('100 steps/s');
    await at.press('Start');
    // As fast as the page can, and in the middle of everything.
    await at.page.evaluate(async () => {
      const worker = window.workers.at(-1)!;
      for (let id = 1e6; id < 1e6 + 60; id++) {
        const questions = [
          { name: 'next', prefix: 'an', temperature: 1 },
          { name: 'write', prefix: 'b', temperature: 1, count: 2, seed: id },
          { name: 'slope', index: id % 4000 },
          { name: 'inside', text: 'an', whole: id % 2 === 0 },
          { name: 'matrices', show: 'change', layer: 0 },
          { name: 'embeddings' },
          { name: 'walk', position: id % 3, layer: 0, head: id % 4 },
        ];
        const question = questions[id % questions.length];
        worker.postMessage({ type: 'ask', id, question }, { transfer: [] });
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    });
    await at.page.getByLabel('pace').selectOption('full speed');
    await at.status(/^Done/);
    const answered = await at.page.evaluate(
      () => window.heard.filter((message) => message.type === 'answer' && message.id >= 1e6).length,
    );
    expect(answered).toBe(60);
    expect((await at.losses()).slice(before)).toEqual(losses);
    expect(await at.samples()).toEqual(samples);
  });

  it('answers while it trains', async () => {
    await at.open();
    await at.useCpu();
    await at.fill('Steps steps', 10_000_000);
    await at.press('Start');
    await at.page.locator('#prefix').scrollIntoViewIfNeeded();
    await at.page.getByLabel('Begin with').fill('an');
    await at.page.getByRole('table', { name: 'After “an”' }).waitFor();
    expect(await at.textOf('status')).toBe('Training.');
  });
});
