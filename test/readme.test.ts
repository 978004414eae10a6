// README, ROADMAP and docs/ say what is: commands that run, output as it is printed, figures of committed reports, names of things that exist.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scripts } from '../package.json';
import { createProgram } from '../src/cli/program.ts';
import { decodeReport } from '../src/report/read.ts';
import { microgpt, NAMES } from './cli/cli.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const README = read('README.md');
const PAGES = ['README.md', 'ROADMAP.md', ...readdirSync(join(ROOT, 'docs'))].map((name) =>
  name.startsWith('R') ? name : `docs/${name}`,
);
const TEXTS = PAGES.filter((path) => path.endsWith('.md'));

const program = createProgram(() => {});

describe('the commands of the README', () => {
  /** Added to those that would take long; of an option that is there twice, the last counts. */
  const QUICK: Readonly<Record<string, readonly string[]>> = {
    train: ['--steps', '3', '--samples', '1', '--engine', 'cpu'],
    verify: ['--engine', 'oracle'],
    report: ['--engine', 'cpu', '--no-peers', '--seconds', '1'],
    sweep: ['--steps', '2', '--samples', '1', '--engine', 'cpu'],
  };
  const lines = [...README.matchAll(/^ {4}microgpt ([^#\n]*)/gm)].map(([, line]) => line.trim().split(' '));
  let cwd: string;

  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'microgpt-readme-'));
    mkdirSync(join(cwd, 'microgpt'));
    writeFileSync(join(cwd, 'microgpt', 'names.txt'), readFileSync(NAMES)); // as if it had been fetched
    writeFileSync(join(cwd, 'poems.txt'), 'an apple and a pear\nfour and twenty blackbirds\n');
  });
  afterAll(() => rmSync(cwd, { recursive: true }));

  it('are there for every command', () => {
    const used = new Set(lines.map(([name]) => name));
    expect(program.commands.map((command) => command.name()).filter((name) => !used.has(name))).toEqual([]);
  });

  it.each(lines.map((line) => [line.join(' '), line] as const))('microgpt %s', async (_, line) => {
    const quick = line.includes('--resume') ? [] : (QUICK[line[0]] ?? []);
    const { status, stderr } = await microgpt([...line, ...quick], { cwd, env: { XDG_CACHE_HOME: cwd } });
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.not.stringContaining('error:') as string,
    });
  });
});

it('the output in the README is what the command prints', async () => {
  const [, block] = /^ {4}(num docs: [^]*?)\n\n/m.exec(README)!;
  const { stdout } = await microgpt(['train', '--engine', 'cpu']);
  const printed = stdout.split('\n');
  let at = -1;
  for (const line of block.split(/\n {4}/)) {
    if (line === '…' || /^engine: |^1000 steps in /.test(line)) continue; // the machine's own
    const next = printed.findIndex((own, i) => i > at && alike(own, line));
    expect(next, line).toBeGreaterThan(at);
    at = next;
  }
});

/** 2e-4: the last of four digits may round otherwise on another processor. */
function alike(a: string, b: string): boolean {
  const [ours, theirs] = [a, b].map((line) => line.match(/\d+\.\d{4}/g) ?? []);
  return (
    a.replace(/\d+\.\d{4}/g, '') === b.replace(/\d+\.\d{4}/g, '') &&
    ours.every((figure, i) => Math.abs(Number(figure) - Number(theirs[i])) < 2e-4)
  );
}

describe('the table of the README', () => {
  const rungsOf = (path: string) => {
    const { ladder } = decodeReport(readFileSync(join(ROOT, path, 'report.json')), path);
    return Object.fromEntries(ladder!.rungs.map(({ id, step }) => [id, step!]));
  };
  const rungs = rungsOf(/\[(bench\/results\/[^\]]+)\]\(\1\/report\.md\)/.exec(README)![1]);
  const rows = {
    'microgpt.py, CPython 3.11': 'python',
    '`oracle`, f64 scalars': 'oracle',
    '`cpu`, plain typed arrays': 'cpu-plain',
    'NumPy, f64': 'numpy-f64',
    '`cpu`, WebAssembly SIMD': 'cpu-simd',
  };

  it.each(Object.entries(rows))('%s has the figures of the report', (label, id) => {
    const row = README.split('\n').find((line) => line.startsWith(`| ${label} `))!;
    const figures = row
      .split('|')
      .slice(2)
      .join(' ')
      .match(/\d[\d,.]*/g)!;
    const { median, low, high } = rungs[id];
    const actual = [median, low, high, rungs['python'].median / median];
    expect(figures).toHaveLength(actual.length);
    figures.forEach((figure, i) => expectRounded(actual[i], figure));
  });

  it('and the slower processor those of its own', () => {
    const [, path, step, times] = /processor\]\((\S+)\/report\.md\) took ([\d.]+) µs, ([\d,]+)× as fast/.exec(
      README,
    )!;
    const slower = rungsOf(path);
    expectRounded(slower['cpu-simd'].median, step);
    expectRounded(slower['python'].median / slower['cpu-simd'].median, times);
  });
});

/** `figure` is `value` in as many digits as it has. */
function expectRounded(value: number, figure: string): void {
  const number = Number(figure.replaceAll(',', ''));
  const digits = figure.replace(/[,.]/g, '').replace(/^0+|(?<=[1-9])0+$/g, '').length;
  expect(Number(value.toPrecision(digits)), figure).toBe(number);
}

describe.each(TEXTS)('%s', (path) => {
  const text = read(path);

  it('names options that a command has', () => {
    const own = program.commands.flatMap(({ options }) => options.map(({ long }) => long));
    const known = new Set([...own, '--help']);
    const ours = text.replace(/`npm [^`]*`|^ {4}npm .*$/gm, '');
    const named = [...ours.matchAll(/(?<![\w-])--[a-z][a-z0-9-]*/g)].map(([option]) => option);
    expect(named.filter((option) => !known.has(option))).toEqual([]);
  });

  it('names scripts, benches, tests and pages that exist', () => {
    const runs = [...text.matchAll(/npm run ([\w:]+)(?: -- ([a-z]\w*))?/g)];
    for (const [whole, script, bench] of runs) {
      expect(Object.keys(scripts), whole).toContain(script);
      if (script === 'bench' && bench !== undefined)
        expect(existsSync(join(ROOT, 'bench', `${bench}.ts`)), whole).toBe(true);
    }
    for (const [file] of text.matchAll(/(?:test|src|bench|shaders|docs)\/(?!(?:ops\/)?x\.)[\w./-]+\.\w+/g)) {
      expect(existsSync(join(ROOT, file)), file).toBe(true);
    }
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      expect(existsSync(join(ROOT, path, '..', link)), link).toBe(true);
    }
  });
});

it('every command takes --json', () => {
  const without = program.commands.filter(({ options }) => !options.some(({ long }) => long === '--json'));
  expect(without.map((command) => command.name())).toEqual([]);
});
