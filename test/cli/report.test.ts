// microgpt report.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { commitOf } from '../../src/cli/machine.ts';
import { REPORT } from '../../src/report/schema.ts';
import { verdict } from '../../src/report/judge/verdict.ts';
import { microgpt, ofType, records, temporaryDirectory } from './cli.ts';

const QUICKLY = ['report', '--quick', '--no-peers', '--engine', 'cpu', '--seconds', '2'];

function readReport(directory: string): v.InferOutput<typeof REPORT> {
  return v.parse(REPORT, JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8')));
}

/** A program with the lines that cpython.py looks for, and losses that are not microgpt.py's. */
const OTHER_PROGRAM = `
class Loss:
    data = 1.5
loss = Loss()
num_steps = 1000
for step in range(num_steps):
    sum(i * i for i in range(1000))
    print(f"step {step}")
# Inference
`;

function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version']);
    return true;
  } catch {
    return false;
  }
}

describe('report', () => {
  it('measures, prints the figures and writes a report that keeps to its format', async () => {
    const out = join(temporaryDirectory(), 'deep', 'report');
    const { status, stdout, stderr } = await microgpt([...QUICKLY, '--out', out, '--name', 'my box']);
    expect(stderr).toMatch(/left out: --engine cpu/);
    expect(stdout).toMatch(/cpu-simd +[\d.,]+ µs \([\d.,]+ – [\d.,]+\)/);
    expect(stdout).toContain(`written to ${out}`);
    expect(status).toBe(0);
    const report = readReport(out);
    expect(report).toMatchObject({ mode: 'quick', complete: true, seed: 42, machine: { name: 'my box' } });
    expect(report.machine.runtime).toContain(process.versions.node);
    expect(report.machine.cores).toBeGreaterThan(0);
    for (const sentence of verdict(report)) {
      expect(stdout).toContain(sentence);
      expect(readFileSync(join(out, 'report.md'), 'utf8')).toContain(sentence);
    }
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toMatch(/<html[^]*my box/);
  });

  it('prints measurements as JSON lines, the same as in the file', async () => {
    const out = join(temporaryDirectory(), 'report');
    const { status, stdout } = await microgpt([...QUICKLY, '--out', out, '--json', '--seed', '7']);
    expect(status).toBe(0);
    const all = records(stdout);
    const report = readReport(out);
    const simd = report.ladder!.rungs.find(({ id }) => id === 'cpu-simd')!;
    const printed = ofType(all, 'measurement').find(({ name }) => name === 'ladder cpu-simd');
    expect(printed).toMatchObject({ value: simd.step!.median, unit: 'µs' });
    expect(all.at(-1)).toMatchObject({ type: 'done' });
    expect(report.seed).toBe(7);
  });

  it('prints the verdict only with --quiet', async () => {
    const out = join(temporaryDirectory(), 'report');
    const { status, stdout, stderr } = await microgpt([...QUICKLY, '--out', out, '--quiet']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(`${verdict(readReport(out)).join('\n')}\n`);
  });

  it('does not write over a report', async () => {
    const out = temporaryDirectory();
    writeFileSync(join(out, 'report.json'), 'mine');
    const { status, stderr } = await microgpt([...QUICKLY, '--out', out]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/already holds report\.json/);
    expect(readFileSync(join(out, 'report.json'), 'utf8')).toBe('mine');
  });

  it('stopped by Ctrl-C, writes what was measured', async () => {
    const out = join(temporaryDirectory(), 'report');
    const args = ['report', '--no-peers', '--engine', 'cpu', '--seconds', '60', '--out', out];
    const { status, stdout } = await microgpt(args, {
      during(child) {
        let told = '';
        child.stdout.on('data', (text: string) => {
          told += text;
          if (!child.killed && told.includes('claimable')) child.kill('SIGINT');
        });
      },
    });
    expect(status).toBe(130);
    expect(stdout).toMatch(/stopped; what was measured is written/);
    const report = readReport(out);
    expect(report.complete).toBe(false);
    expect(report.control).not.toBeNull();
  });

  it('says what is wrong with its options, and leaves no directory behind', async () => {
    const directory = temporaryDirectory();
    const out = join(directory, 'report');
    const missing = await microgpt([...QUICKLY, '--out', out, '--python', join(directory, 'none.py')]);
    expect(missing.status).toBe(2);
    expect(missing.stderr).toMatch(/none\.py: there is no such file/);
    expect((await microgpt([...QUICKLY, '--out', out, '--seconds', '0'])).status).toBe(2);
    expect((await microgpt([...QUICKLY, '--out', out, '--engine', 'oracle'])).status).toBe(2);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('does not time a program whose losses differ', async ({ skip }) => {
    skip(!hasPython(), 'there is no python3');
    const directory = temporaryDirectory();
    const other = join(directory, 'other.py');
    const broken = join(directory, 'broken.py');
    writeFileSync(other, OTHER_PROGRAM);
    writeFileSync(broken, 'import missing_module');
    for (const [file, reason] of [
      [other, /wrong answer has no speed/],
      [broken, /could not time its steps/],
    ] as const) {
      const out = join(directory, `${reason}`.slice(1, 6));
      const { status, stderr } = await microgpt([...QUICKLY, '--out', out, '--python', file]);
      expect(status).toBe(0);
      expect(stderr).toMatch(/^microgpt\.py, CPython: not timed: /m);
      expect(stderr).toMatch(reason);
      const python = readReport(out).ladder!.rungs.find(({ id }) => id === 'python')!;
      expect(python.step).toBeNull();
      expect(python.reason).toMatch(reason);
    }
  });
});

describe('report --compare', () => {
  it('sets reports side by side, and says which file is none', async () => {
    const directory = temporaryDirectory();
    const at = (name: string) => join(directory, name);
    for (const name of ['a', 'b']) {
      expect((await microgpt([...QUICKLY, '--out', at(name), '--name', name])).status).toBe(0);
    }
    const files = [join(at('a'), 'report.json'), join(at('b'), 'report.json')];
    const both = await microgpt(['report', '--compare', ...files, '--out', at('c')]);
    expect(both.status).toBe(0);
    expect(both.stdout).toContain(`written to ${at('c')}`);
    expect(readFileSync(join(at('c'), 'comparison.md'), 'utf8')).toMatch(/CPU, WebAssembly SIMD/);
    expect(readdirSync(at('c')).sort()).toEqual(['comparison.html', 'comparison.md']);

    const again = await microgpt(['report', '--compare', ...files, '--out', at('c')]);
    expect(again.status).toBe(2);

    writeFileSync(at('broken.json'), '{"format": 1');
    writeFileSync(at('foreign.json'), '{"format": "another"}');
    for (const name of ['broken.json', 'foreign.json', 'missing.json']) {
      const wrong = await microgpt(['report', '--compare', files[0], at(name), '--out', at('d')]);
      expect(wrong.status).toBe(1);
      expect(wrong.stderr).toContain(name);
      expect(wrong.stderr).toMatch(/[Ee]xpected/);
    }
    const alone = await microgpt(['report', '--compare', files[0], '--out', at('d')]);
    expect(alone.status).toBe(2);
    expect(alone.stderr).toMatch(/expected 2 to 12 files, got 1/);
    expect(readdirSync(directory)).not.toContain('d');
  });
});

describe('commitOf', () => {
  it('tells the commit of a checkout and of nothing else', () => {
    const directory = temporaryDirectory();
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', directory, ...args], {
        encoding: 'utf8',
        env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', EMAIL: 'test@example.com' },
      });
    expect(commitOf(directory)).toBeNull();
    git('init', '--quiet');
    git('-c', 'user.name=test', 'commit', '--quiet', '--allow-empty', '--message', 'first');
    const head = git('rev-parse', 'HEAD').trim();
    expect(commitOf(directory)).toBe(head);
    writeFileSync(join(directory, 'new.txt'), '');
    expect(commitOf(directory)).toBe(`${head}+`);
    const inner = join(directory, 'inner');
    mkdirSync(inner);
    expect(commitOf(inner)).toBeNull();
  });
});
