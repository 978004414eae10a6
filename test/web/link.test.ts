// The settings in the address: a link makes the run again.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPTIONS } from '../../src/config/options.ts';
import { readLink, writeLink, isWhole, LINK_TEXT } from '../../src/web/state/link.ts';
import { presetOf, PRESETS, presetFields } from '../../src/web/state/presets.ts';
import {
  choicesOf,
  DATA_CHOICES,
  DEFAULT_FIELDS,
  fieldsOf,
  readSettings,
  type Fields,
} from '../../src/web/state/settings.ts';
import { toyDocuments, TOY_NAMES, TOY_TASKS } from '../../src/data/toy-tasks.ts';
import { roomIn, settingsIn, type Room } from '../../src/web/routes.ts';
import { noChromium } from '../support/chromium.ts';
import { trainHere, usePage } from '../support/page.ts';

const whole = (most: number) => fc.integer({ min: 1, max: most }).map(String);
const part = fc.double({ min: 0, max: 0.999, noNaN: true }).map(String);

/** What the parts of a model can be: choices, and yes or no. */
const parts = Object.fromEntries(
  fieldsOf('model').flatMap((option) => {
    const choices = choicesOf(option);
    return choices === undefined ? [] : [[option.id, fc.constantFrom(...choices)]];
  }),
) as unknown as { [Name in 'activation' | 'norm' | 'bias' | 'tie']: fc.Arbitrary<Fields[Name]> };

/** Fields that make a run. */
const runnable: fc.Arbitrary<Fields> = fc
  .record({
    data: fc.constantFrom(...DATA_CHOICES.filter((choice) => choice !== 'file')),
    text: fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' }),
    engine: fc.constantFrom(...OPTIONS.engine.choices),
    launch: fc.constantFrom(...OPTIONS.launch.choices),
    ...parts,
    n_layer: whole(12),
    head: fc.integer({ min: 1, max: 32 }),
    n_head: fc.integer({ min: 1, max: 16 }),
    block_size: whole(512),
    steps: whole(1_000_000),
    batch_size: whole(256),
    lr: part,
    beta1: part,
    beta2: part,
    clip: fc.oneof(fc.constant('0'), fc.double({ min: 1e-12, max: 1e12, noNaN: true }).map(String)),
    seed: fc.integer().map(String),
    temperature: fc.double({ min: 1e-3, max: 10, noNaN: true }).map(String),
  })
  .map(({ head, n_head, text, ...rest }) => ({
    ...rest,
    text: rest.data === 'text' ? `a${text}` : '',
    n_head: String(n_head),
    n_embd: String(head * n_head),
  }));

describe('a link', () => {
  it('is empty for microgpt.py’s settings', () => {
    expect(writeLink(DEFAULT_FIELDS)).toBe('');
    expect(readLink('')).toEqual({ fields: DEFAULT_FIELDS, problems: [] });
  });

  it('says what differs, under microgpt.py’s names', () => {
    expect(writeLink({ ...DEFAULT_FIELDS, n_layer: '2', steps: '500', data: 'sort' })).toBe(
      'data=sort&n_layer=2&steps=500',
    );
  });

  it('carries every run that can be made', () => {
    fc.assert(
      fc.property(runnable, (fields) => {
        const { fields: read, problems } = readLink(writeLink(fields));
        expect(problems).toEqual([]);
        expect(read).toEqual(fields);
        expect(readSettings(read, undefined)).toEqual(readSettings(fields, undefined));
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['steps=banana', /^steps: expected a number, got “banana”/],
    ['steps=0', /^steps: expected a whole number of at least 1, got 0/],
    ['lr=-1', /^lr: expected a number of at least 0/],
    ['clip=-1', /^clip: expected 0 \(off\) or/],
    ['engine=quantum', /^engine: expected webgpu, cpu, oracle, auto, got “quantum”/],
    ['n_embd=16&n_head=5', /^n_embd 16 is not divisible by n_head 5/],
    ['n_embd=17', /^n_embd 17 is not divisible by n_head 4/],
    ['width=3', /^width: there is no such setting/],
    ['data=text', /does not carry its text/],
    ['data=file', /does not carry its file/],
  ])('says what is wrong with %s, and keeps the rest', (link, problem) => {
    const { fields, problems } = readLink(`${link}&seed=7`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
    expect(fields.seed).toBe('7');
    const made = { ...fields, data: 'builtin' } as const;
    expect(() => readSettings(made, undefined)).not.toThrow();
  });

  it('never reads fields that cannot be run, whatever the address says', () => {
    const names = fc.constantFrom(...Object.keys(DEFAULT_FIELDS));
    const params = fc.array(fc.tuple(names, fc.oneof(fc.string(), fc.integer().map(String))), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(params, (pairs) => {
        const { fields } = readLink(new URLSearchParams(pairs).toString());
        readSettings({ ...fields, data: 'builtin' }, undefined);
      }),
    );
  });

  it('leaves out a text that is too long for it', () => {
    const fields: Fields = { ...DEFAULT_FIELDS, data: 'text', text: 'a'.repeat(LINK_TEXT + 1) };
    expect([writeLink(fields), isWhole(fields)]).toEqual(['data=text', false]);
    expect(isWhole({ ...fields, text: 'ab' })).toBe(true);
    expect(isWhole({ ...fields, data: 'file' })).toBe(false);
  });
});

describe('an address', () => {
  const rooms: Room[] = [
    { id: 'verify', title: 'Verify', load: () => Promise.reject(new Error('not here')) },
  ];
  it.each([
    ['', undefined, undefined],
    ['#model', undefined, undefined],
    ['#n_layer=2', 'n_layer=2', undefined],
    ['#/verify', undefined, 'verify'],
    ['#/verify?x=1', undefined, undefined],
    ['#/nowhere', undefined, undefined],
  ])('%s', (hash, settings, room) => {
    expect([settingsIn(hash), roomIn(hash, rooms)?.id]).toEqual([settings, room]);
  });
});

describe('presets', () => {
  it.each(PRESETS.map((preset) => [preset.name, preset] as const))('%s makes a run', (_name, preset) => {
    const fields = presetFields(preset, { ...DEFAULT_FIELDS, data: 'sort' });
    expect(fields.data).toBe('sort');
    expect(() => readSettings(fields, undefined)).not.toThrow();
    expect(presetOf(fields)).toBe(preset);
    expect(presetOf({ ...fields, seed: '1' })).toBeUndefined();
  });
});

describe('the toy solver', () => {
  const solver = PRESETS.find(({ name }) => name === 'Toy solver')!;

  it('is for toy tasks: of another text it makes one', () => {
    expect(presetFields(solver, { ...DEFAULT_FIELDS, data: 'add' }).data).toBe('add');
    expect(presetFields(solver, { ...DEFAULT_FIELDS, data: 'builtin' }).data).toBe(TOY_NAMES[0]);
  });

  it.each(TOY_NAMES)('learns what its help says: %s', async (task) => {
    const { model, training } = readSettings(
      presetFields(solver, { ...DEFAULT_FIELDS, data: task }),
      undefined,
    );
    const { samples } = await trainHere(toyDocuments(task), training, model);
    const right = samples.filter(TOY_TASKS[task].isRight).length;
    // “Some sums come out wrong”: 13 of 20 right. Of the others one may be, where another CPU rounds otherwise.
    expect(right).toBeGreaterThanOrEqual(task === 'add' ? 10 : 19);
  });
});

describe.skipIf(noChromium)('the page and its address', () => {
  const at = usePage();
  /** Waits for the address, which follows a moment later. */
  const hashIs = (hash: string) => at.page.waitForFunction((expected) => location.hash === expected, hash);

  it('has the settings in its address, and makes the same run from it', async () => {
    await at.open();
    await hashIs('');
    await at.useCpu();
    await at.page.getByLabel('Sort', { exact: true }).check();
    await at.fill('Steps steps', 40);
    await at.fill('Layers n_layer', 2);
    const hash = '#data=sort&engine=cpu&n_layer=2&steps=40';
    await hashIs(hash);
    await at.press('Start');
    await at.status(/^Done/);
    const first = await at.losses();
    const texts = await at.samples();

    await at.page.context().close();
    await at.open({ hash });
    expect(await at.page.getByLabel('Layers n_layer').inputValue()).toBe('2');
    expect(await at.page.getByLabel('Sort', { exact: true }).isChecked()).toBe(true);
    await at.press('Start');
    await at.status(/^Done/);
    expect(await at.losses()).toEqual(first); // the same browser: the same bits
    expect(await at.samples()).toEqual(texts);
    await at.press('Reset');
    await at.press('microGPT');
    await hashIs('#data=sort&engine=cpu'); // the engine is the machine’s, not the preset’s
    await at.press('Use larger settings');
    await hashIs('#data=sort&engine=cpu&n_embd=32&steps=5000&batch_size=4&lr=0.005');
  });

  it('copies the link of the run in view, and shows the text that the next one would read', async () => {
    await at.open({ hash: '#engine=cpu&steps=40', permissions: ['clipboard-read', 'clipboard-write'] });
    const text = at.page.locator('#dataset .documents li').first();
    await at.press('Start');
    await at.status(/^Done/);
    const name = await text.innerText();
    await at.page.getByLabel('Sort', { exact: true }).check();
    await text.filter({ hasText: '>' }).waitFor();
    await at.page.getByText('this is the text of the next run').waitFor();
    expect(await at.page.locator('#model-detail').innerText()).toContain('2,958 documents'); // the run's
    await at.page.bringToFront(); // browsers give the clipboard to the page in front only
    await at.press('Copy a link to this run');
    const said = at.page.locator('.share [role=status]').filter({ hasText: /./ });
    expect(await said.innerText()).toBe('Copied.');
    const copied = await at.page.evaluate(() => navigator.clipboard.readText());
    expect(new URL(copied).hash).toBe('#engine=cpu&steps=40');
    await at.page.getByLabel('Names', { exact: true }).check();
    await text.filter({ hasText: name }).waitFor();
    expect(await at.page.getByText('this is the text of the next run').count()).toBe(0);
    await at.page.getByLabel('Sort', { exact: true }).check();
    await at.press('Reset');
    await text.filter({ hasText: '>' }).waitFor();
    expect(await at.page.getByText('this is the text of the next run').count()).toBe(0);
  });

  it('says what in a link it cannot use', async () => {
    await at.open({ hash: '#steps=many&n_layer=3&colour=red' });
    const notice = await at.textOf('link-problems');
    expect(notice).toContain('steps: expected a number, got “many”');
    expect(notice).toContain('colour: there is no such setting');
    expect(await at.page.getByLabel('Steps steps').inputValue()).toBe('1000');
    expect(await at.page.getByLabel('Layers n_layer').inputValue()).toBe('3');
  });

  it('follows an address that is typed while it is open', async () => {
    await at.open();
    await at.page.evaluate(() => (location.hash = '#seed=5'));
    await at.page.waitForFunction(() => document.querySelector<HTMLInputElement>('#seed')?.value === '5');
    // Nor is it lost where the page is about to write the fields into the address: that is due when this one is typed.
    await at.page.evaluate(() => {
      const { port1, port2 } = new MessageChannel();
      port1.addEventListener('message', () => (location.hash = '#seed=6'));
      port1.start();
      const field = document.querySelector<HTMLInputElement>('[name=steps]')!;
      field.value = '40';
      field.dispatchEvent(new Event('input', { bubbles: true }));
      for (const start = performance.now(); performance.now() - start < 300;);
      port2.postMessage('');
    });
    await at.page.waitForFunction(() => document.querySelector<HTMLInputElement>('#seed')?.value === '6');
    expect(await at.page.getByLabel('Steps steps').inputValue()).toBe('1000');
    await at.page.evaluate(() => (location.hash = '#seed=5'));
    await at.page.getByRole('link', { name: 'Tokenizer' }).click();
    await inView('tokenizer');
    await hashIs('#seed=5'); // worth more than the section's own
    await at.press('microGPT');
    await hashIs('');
    await at.page.getByRole('link', { name: 'Model' }).click();
    await hashIs('#model');
    expect(await at.page.getByLabel('Random numbers seed').inputValue()).toBe('42');
  });

  it('opens at a section that is addressed', async () => {
    await at.open({ hash: '#inference' });
    await inView('inference');
    expect(await at.page.getByLabel('Random numbers seed').inputValue()).toBe('42');
  });

  /** Waits until the section is at the top of what can be seen, or at the end of the page. */
  const inView = (id: string) =>
    at.page.waitForFunction((section) => {
      const { top } = document.getElementById(section)!.getBoundingClientRect();
      return top >= 0 && top < innerHeight / 2;
    }, id);
});
