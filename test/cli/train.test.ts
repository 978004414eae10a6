import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noAdapter } from '../support/device.ts';
import { softwareVulkanUrl } from '../support/software-vulkan.mjs';
import { loadGolden, type Golden } from '../support/golden.ts';
import { readNewest } from '../../src/cli/run-store.ts';
import { losses, microgpt, NAMES, ofType, records, samples, temporaryDirectory, type Child } from './cli.ts';

/** The options that repeat a run of microgpt.py. */
function optionsOf({ model, training, temperature }: Golden): string[] {
  const options = {
    '--data': NAMES,
    '--steps': training.steps,
    '--seed': training.seed,
    '--n-layer': model.nLayer,
    '--n-embd': model.nEmbd,
    '--n-head': model.nHead,
    '--block-size': model.blockSize,
    '--temperature': temperature,
  };
  return Object.entries(options).flatMap(([option, value]) => [option, String(value)]);
}

describe('train --json', () => {
  it("prints microgpt.py's losses and names on the oracle", async () => {
    const golden = loadGolden('l2');
    const { status, stdout, stderr } = await microgpt([
      'train',
      ...optionsOf(golden),
      '--engine',
      'oracle',
      '--json',
    ]);
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('oracle') as string,
    });
    const all = records(stdout);
    const got = losses(all);
    expect(got).toHaveLength(30);
    for (const [s, loss] of golden.losses.entries()) {
      // 1e-12 relative: exp and log may differ from the C library's in the last bit.
      expect(Math.abs(got[s] - loss) / loss, `step ${s + 1}`).toBeLessThanOrEqual(1e-12);
    }
    expect(samples(all)).toEqual(golden.samples);
  });

  it("prints microgpt.py's 1,000 losses and names on the CPU", async () => {
    const golden = loadGolden('names');
    const { status, stdout } = await microgpt(['train', '--data', NAMES, '--engine', 'cpu', '--json']);
    expect(status).toBe(0);
    const all = records(stdout);
    const got = losses(all);
    expect(got).toHaveLength(1000);
    // 1e-5: f32 arithmetic over 1,000 steps stays within 1e-6 of f64.
    for (const [s, loss] of golden.losses.entries())
      expect(Math.abs(got[s] - loss)).toBeLessThanOrEqual(1e-5);
    expect(samples(all)).toEqual(golden.samples);
  });

  it.skipIf(noAdapter).each(['eager', 'graph', 'fused', 'resident'])(
    'prints them on WebGPU, launch %s, and ends by itself',
    async (launch) => {
      const golden = loadGolden('wide');
      const args = ['train', ...optionsOf(golden), '--engine', 'webgpu', '--launch', launch, '--json'];
      const env = { NODE_OPTIONS: `--import ${softwareVulkanUrl}` };
      const { status, stdout } = await microgpt(args, { env });
      const all = records(stdout);
      expect(status).toBe(0);
      expect(all[0]).toMatchObject({ engine: { engine: 'webgpu', launch, precision: 'f32' } });
      const got = losses(all);
      expect(got).toHaveLength(30);
      for (const [s, loss] of golden.losses.entries())
        expect(Math.abs(got[s] - loss)).toBeLessThanOrEqual(1e-5); // f32
      expect(samples(all)).toEqual(golden.samples);
    },
  );

  it('prints each type of record with its keys in a fixed order', async () => {
    const args = ['train', '--data', NAMES, '--steps', '3', '--samples', '2', '--engine', 'oracle', '--json'];
    const { stdout } = await microgpt([...args, '--seed', '42']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(7);
    expect(lines[0]).toMatch(
      /^\{"type":"config","model":\{"nLayer":1,"nEmbd":16,"nHead":4,"blockSize":16,"activation":"relu","norm":"rmsnorm","bias":false,"tie":false,"vocabSize":27\}/,
    );
    expect(lines[1]).toMatch(/^\{"type":"step","step":1,"loss":3\.3659669475848\d*\}$/);
    expect(lines[3]).toMatch(/^\{"type":"step","step":3,"loss":3\.\d{10,}\}$/);
    expect(lines[4]).toMatch(/^\{"type":"sample","index":1,"text":"[a-z]*"\}$/);
    expect(lines[6]).toMatch(/^\{"type":"done","step":3,"loss":/);
    expect(JSON.parse(lines[0])).toMatchObject({
      training: {
        steps: 3,
        batchSize: 1,
        learningRate: 0.01,
        beta1: 0.85,
        beta2: 0.99,
        eps: 1e-8,
        seed: 42,
        initScale: 0.08,
        clip: 0,
      },
      parameters: 4192,
      data: { source: NAMES, documents: 32033 },
      engine: { engine: 'oracle', precision: 'f64' },
      step: 0,
    });
    expect(JSON.parse(lines[6])).toMatchObject({
      seconds: expect.any(Number) as number,
      stepsPerSecond: expect.any(Number) as number,
      tokensPerSecond: expect.any(Number) as number,
    });
  });

  it('leaves all but the result out with --quiet', async () => {
    const { stdout, stderr } = await microgpt([
      'train',
      '--steps',
      '3',
      '--samples',
      '2',
      '--engine',
      'cpu', // drivers say things of their own
      '--json',
      '--quiet',
    ]);
    expect(records(stdout).map((record) => record.type)).toEqual(['sample', 'sample', 'done']);
    expect(stderr).toBe('');
  });
});

describe('train', () => {
  it("reads like microgpt.py's output, with a line every twentieth", async () => {
    const args = ['train', '--data', NAMES, '--steps', '40', '--samples', '11', '--engine', 'oracle'];
    const { status, stdout, stderr } = await microgpt(args);
    expect(status).toBe(0);
    const lines = stdout.split('\n');
    expect(lines.slice(0, 3)).toEqual(['num docs: 32033', 'vocab size: 27', 'num params: 4192']);
    const steps = lines.slice(3, 23);
    for (const [i, line] of steps.entries()) {
      expect(line).toMatch(
        new RegExp(
          `^step ${String(2 * i + 2).padStart(4)} /   40 \\| loss \\d\\.\\d{4} \\| mean \\d\\.\\d{4}$`,
        ),
      );
    }
    expect(lines[23]).toBe('--- inference ---');
    expect(lines[24]).toMatch(/^sample {2}1: [a-z]*$/);
    expect(lines[34]).toMatch(/^sample 11: [a-z]*$/);
    expect(lines[35]).toMatch(/^\d+ of 11 samples repeats? a training document word for word$/);
    expect(lines.slice(36)).toEqual(['']);
    expect(stderr).toMatch(/^engine: oracle.*\n40 steps in .* steps\/s, .* tokens\/s\n$/);
  });

  it('prints the same text twice', async () => {
    const args = [
      'train',
      '--engine',
      'cpu',
      '--steps',
      '50',
      '--batch-size',
      '3',
      '--n-embd',
      '8',
      '--seed',
      '-7',
    ];
    const [first, second] = await Promise.all([microgpt(args), microgpt(args)]);
    expect(first.status).toBe(0);
    expect(second.stdout).toBe(first.stdout);
  });

  it('prints the samples only with --quiet', async () => {
    const { stdout, stderr } = await microgpt([
      'train',
      '--engine',
      'cpu',
      '--steps',
      '3',
      '--samples',
      '2',
      '--quiet',
    ]);
    expect(stdout).toMatch(/^sample {2}1: .*\nsample {2}2: .*\n$/);
    expect(stderr).toBe('');
  });

  it('reads standard input like a file', async () => {
    const args = ['train', '--steps', '5', '--samples', '0', '--engine', 'oracle', '--json'];
    const file = await microgpt([...args, '--data', NAMES]);
    const piped = await microgpt([...args, '--data', '-'], { input: readFileSync(NAMES) });
    expect(losses(records(file.stdout))).toHaveLength(5);
    expect(losses(records(piped.stdout))).toEqual(losses(records(file.stdout)));
  });

  it("reads microgpt.py's file from the cache without the network", async () => {
    const cache = temporaryDirectory();
    mkdirSync(join(cache, 'microgpt'));
    writeFileSync(join(cache, 'microgpt', 'names.txt'), readFileSync(NAMES));
    const args = ['train', '--data', 'names', '--steps', '1', '--samples', '0', '--engine', 'oracle'];
    const { status, stdout, stderr } = await microgpt(args, { env: { XDG_CACHE_HOME: cache } });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^num docs: 32033\n/);
    expect(stderr).not.toContain('fetching');
  });

  it('trains on text of any script', async () => {
    const file = join(temporaryDirectory(), 'text.txt');
    writeFileSync(file, 'Ωmega\r\n  𝒜rt\u00a0\n\n日本語 テキスト\rñandú');
    const { status, stdout } = await microgpt(['train', '--data', file, '--steps', '3', '--samples', '1']);
    expect(status).toBe(0);
    expect(stdout).toContain('num docs: 4');
  });

  it('says how many samples repeat the text', async () => {
    const file = join(temporaryDirectory(), 'text.txt');
    writeFileSync(file, 'abcde');
    const args = ['train', '--data', file, '--steps', '60', '--samples', '3', '--engine', 'cpu'];
    const learned = await microgpt(args);
    expect(learned.stdout).toMatch(/\n3 of 3 samples repeat a training document word for word\n$/);
    expect(learned.stderr).toMatch(/^engine: /); // nothing is cut
    const cut = await microgpt([...args, '--block-size', '3']);
    expect(cut.stdout).toMatch(
      /\n3 of 3 samples repeat a training document, cut to the block, word for word\n$/,
    );
    expect(cut.stderr).toMatch(/^The only document is longer than the block of 3 tokens and is cut there/);
    const { stdout } = await microgpt([...args, '--json']);
    expect(records(stdout).at(-1)).toMatchObject({ type: 'done', copies: 3 });
  });

  it('says how much of the text is cut, and what to do, anew and when it goes on', async () => {
    const directory = temporaryDirectory();
    const [file, out] = [join(directory, 'text.txt'), join(directory, 'run')];
    writeFileSync(file, 'ab\nabcd\nabcdefgh');
    const size = ['--data', file, '--block-size', '4', '--engine', 'cpu', '--out', out];
    const cut =
      '2 of 3 documents are longer than the block of 4 tokens and are cut there: training can use 65% of the text.\n';
    const first = await microgpt(['train', ...size, '--steps', '2', '--samples', '0', '--json']);
    expect(first.stderr).toContain(
      `${cut}To use more, raise --block-size (the longest document needs 9) or break the text into shorter lines.\n`,
    );
    const text = { documents: 3, cut: 2, tokens: 17, used: 11, share: 11 / 17, longest: 9 };
    expect(records(first.stdout)[0]).toMatchObject({ type: 'config', text });
    const again = await microgpt(['train', '--resume', out]);
    expect(again.stderr).toContain(
      `${cut}To use more, train a new run with a larger --block-size (the longest document needs 9) or break`,
    );
    const whole = await microgpt(['train', '--data', file, '--block-size', '9', '--steps', '1']);
    expect(whole.stderr).not.toContain('longer than the block');
  });

  it('takes the CPU where there is no GPU, and says so', async () => {
    const { status, stdout } = await microgpt(['train', '--steps', '2', '--samples', '0', '--json']);
    expect(status).toBe(0);
    const all = records(stdout);
    const [{ reason }] = all;
    if (ofType(all, 'measurement').length > 0) {
      expect(reason).toMatch(/ ms a step/); // a machine with a real GPU
    } else {
      expect(reason).toMatch(/^cpu \(.*: (No WebGPU adapter was found|the WebGPU adapter is software: .*)$/);
    }
  });

  it('ends where the reader has had enough, and says so', async () => {
    const out = join(temporaryDirectory(), 'run');
    const args = ['train', '--steps', '10000000', '--engine', 'cpu', '--json'];
    const during = (child: Child) => child.stdout.once('data', () => child.stdout.destroy());
    const unsaved = await microgpt(args, { during });
    expect(unsaved.status).toBe(141);
    expect(unsaved.stderr).toMatch(
      /^engine: cpu.*\n\d+ steps? in .*\nstandard output was closed; stopped after step \d+ of 10000000; nothing was saved .*\n$/,
    );
    const { status, stderr } = await microgpt([...args, '--out', out], { during });
    expect(status).toBe(141);
    const step = Number(/stopped after step (\d+) of/.exec(stderr)?.[1]);
    expect(stderr).toContain(`resume with: microgpt train --resume ${out}\n`);
    expect((await readNewest(out)).run.state.step).toBe(step);
  });
});

// Other systems have no such file.
describe.skipIf(process.platform !== 'linux')('on a full disk', () => {
  const full = '/dev/full';
  const small = ['--steps', '2', '--samples', '0', '--engine', 'cpu'];

  it.each([
    ['info', '--plan'],
    ['--help'],
    ['sweep', ...small],
    ['verify', '--engine', 'cpu', '--cases', '1'],
    ['report', '--quick', '--engine', 'cpu', '--no-peers', '--out', '%'],
  ])('standard output ends %s with an error', async (...args) => {
    const out = join(temporaryDirectory(), 'report');
    const { status, stderr } = await microgpt(
      args.map((arg) => arg.replace('%', out)),
      { stdout: full },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/(^|\n)error: standard output: no space left on device\.\n$/);
    expect(stderr).not.toContain('bug');
  });

  it('standard error loses nothing of a run', async () => {
    const out = join(temporaryDirectory(), 'run');
    const { status, stdout } = await microgpt(['train', ...small, '--out', out], { stderr: full });
    expect(status).toBe(0);
    expect(stdout).toContain('step    2 /    2');
    expect((await readNewest(out)).run.state.step).toBe(2);
    expect((await microgpt(['train', '--steps', 'x'], { stdout: full, stderr: full })).status).toBe(2);
  });
});
