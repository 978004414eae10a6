import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNewest } from '../../src/cli/run-store.ts';
import { catchInterrupt } from '../../src/cli/interrupt.ts';
import { readDocuments } from '../../src/data/documents.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { RUN_FILES } from '../../src/train/run-files.ts';
import { sampleDocuments } from '../../src/train/sampler.ts';
import {
  losses,
  microgpt,
  NAMES,
  ofType,
  records,
  samples,
  temporaryDirectory,
  type RunOptions,
} from './cli.ts';

const SMALL = ['--n-embd', '8', '--n-head', '2', '--block-size', '8'];

/** Sends `signal` once `count` steps have been printed. */
function signalAfter(count: number, signal: NodeJS.Signals): NonNullable<RunOptions['during']> {
  return (child) => {
    let seen = 0;
    child.stdout.on('data', (text: string) => {
      const before = seen;
      seen += text.split('"type":"step"').length - 1;
      if (before < count && seen >= count) child.kill(signal);
    });
  };
}

function filesOf(directory: string): Record<string, string> {
  const names = readdirSync(directory).toSorted();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'latin1')]));
}

describe('train --out', () => {
  it('saves exactly the files of a run', async () => {
    const out = join(temporaryDirectory(), 'runs', 'a');
    const { status, stdout } = await microgpt([
      'train',
      '--steps',
      '3',
      '--samples',
      '1',
      '--json',
      '--out',
      out,
    ]);
    expect(status).toBe(0);
    expect(readdirSync(out).toSorted()).toEqual([...RUN_FILES].toSorted());
    expect(ofType(records(stdout), 'checkpoint')).toEqual([{ type: 'checkpoint', step: 3, directory: out }]);
    const steps = stdout.split('\n').filter((line) => line.includes('"step","step"'));
    expect(readFileSync(join(out, 'metrics.jsonl'), 'utf8')).toBe(`${steps.join('\n')}\n`);
  });

  it('writes into an empty directory and beside other files', async () => {
    const out = temporaryDirectory();
    writeFileSync(join(out, 'notes.txt'), 'mine');
    const { status } = await microgpt(['train', '--steps', '1', '--samples', '0', '--out', out]);
    expect(status).toBe(0);
    expect(readFileSync(join(out, 'notes.txt'), 'utf8')).toBe('mine');
  });
});

describe.each([
  { engine: 'oracle', steps: '300' },
  { engine: 'cpu', steps: '20000' },
])('an interrupted run on $engine', ({ engine, steps }) => {
  it('is saved, and goes on to the same bits as one that was not interrupted', async () => {
    const directory = temporaryDirectory();
    const train = ['train', '--data', NAMES, ...SMALL, '--engine', engine, '--steps', steps, '--json'];
    const whole = await microgpt([...train, '--out', join(directory, 'whole')]);
    expect(whole.status).toBe(0);

    const out = join(directory, 'parts');
    const first = await microgpt([...train, '--out', out], { during: signalAfter(20, 'SIGINT') });
    expect(first.status).toBe(130);
    const firstRecords = records(first.stdout);
    const done = firstRecords.at(-1)!;
    expect(done).toMatchObject({ type: 'done', interrupted: true });
    expect(done['step']).toBe(losses(firstRecords).length);
    expect(done['step']).toBeGreaterThanOrEqual(20);
    expect(done['step'], 'the signal came too late to test anything').toBeLessThan(Number(steps));
    expect(samples(firstRecords)).toEqual([]);
    expect(first.stderr).toContain(
      `stopped after step ${String(done['step'])} of ${steps}; resume with: microgpt train --resume ${out}\n`,
    );

    const second = await microgpt(['train', '--resume', out, '--json'], {
      during: signalAfter(20, 'SIGTERM'),
    });
    expect(second.status).toBe(130);
    const third = await microgpt(['train', '--resume', out, '--json', '--steps', steps]);
    expect(third.status).toBe(0);
    const parts = [first, second, third].flatMap(({ stdout }) => losses(records(stdout)));
    expect(parts).toEqual(losses(records(whole.stdout)));
    expect(samples(records(third.stdout))).toEqual(samples(records(whole.stdout)));
    expect(filesOf(out)).toEqual(filesOf(join(directory, 'whole')));
  });
});

/** Steps of half a second at least, in a thread of their own. */
const SLOW = ['train', '--engine', 'oracle', '--steps', '100', '--batch-size', '250'];

describe('a second signal', () => {
  it.each([0, 100])(
    '%d ms after the first, as npm passes it on, takes nothing from the run',
    async (delay) => {
      const out = join(temporaryDirectory(), 'run');
      const { status, stderr } = await microgpt([...SLOW, '--out', out], {
        during: (child) => {
          child.stderr.once('data', () => {
            child.kill('SIGINT'); // the first step has not ended, and perhaps not begun
            setTimeout(() => child.kill('SIGINT'), delay);
          });
        },
      });
      expect(status).toBe(130);
      expect(
        stderr.match(/stopping after this step; press Ctrl-C again to stop now, without saving it\n/g),
      ).toHaveLength(1);
      const step = Number(/stopped after step (\d+) of 100/.exec(stderr)?.[1]);
      if (step > 0) expect((await readNewest(out)).run.state.step).toBe(step);
      else expect(stderr).toContain('there was nothing to save');
    },
  );

  it('after the answer ends the run at once, in the middle of a step', async () => {
    const out = join(temporaryDirectory(), 'run');
    const args = [...SLOW, '--batch-size', '20000', '--out', out];
    let first = 0;
    const { status, stderr } = await microgpt(args, {
      during: (child) => {
        child.stderr.on('data', (text: string) => {
          if (text.includes('engine: ')) {
            first = performance.now();
            child.kill('SIGINT');
          } else if (text.includes('stopping after this step')) setTimeout(() => child.kill('SIGINT'), 700);
        });
      },
    });
    expect(status).toBe(130);
    // A step would take a minute.
    expect(performance.now() - first).toBeLessThan(20_000);
    expect(stderr).not.toContain('step in');
    expect(existsSync(out)).toBe(false);
  });
});

describe('an engine in a thread of its own', () => {
  it('gives the same losses and samples, and its errors', async () => {
    const args = ['--data', NAMES, '--batch-size', '100', '--steps', '2', '--samples', '2', '--json'];
    const { stdout, stderr } = await microgpt(['train', '--engine', 'oracle', ...args]);
    const all = records(stdout);
    expect(stderr).toMatch(/^engine: oracle: scalar autograd/);

    const documents = readDocuments(readFileSync(NAMES), NAMES);
    const model = { nLayer: 1, nEmbd: 16, nHead: 4, blockSize: 16 };
    const training = { ...DEFAULT_TRAINING, steps: 2, batchSize: 100 };
    const { spec, tokenizer, random } = prepareRun({ documents, model, training });
    const engine = createOracleEngine(spec);
    expect(losses(all)).toEqual(Array.from(await engine.advance(2)));
    const drawn: string[] = [];
    const options = { temperature: 0.5, blockSize: 16 };
    for await (const text of sampleDocuments(engine, tokenizer, random, options, 2)) drawn.push(text);
    expect(samples(all)).toEqual(drawn);

    const wrong = await microgpt(['train', '--engine', 'cpu', '--threads', '300', '--batch-size', '10000']);
    expect(wrong).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('error: threads: expected auto') as string,
    });
  });
});

// Windows has no such signal.
describe.skipIf(process.platform === 'win32')('the end of a terminal', () => {
  it('is nothing to a command without one', async () => {
    const args = ['train', '--engine', 'cpu', '--steps', '20000', '--samples', '0', '--json'];
    const { status, stdout } = await microgpt(args, { during: signalAfter(20, 'SIGHUP') });
    expect(status).toBe(0);
    expect(records(stdout).at(-1)).toMatchObject({ type: 'done', step: 20000 });
  });

  it('ends a command that had one, like Ctrl-C', async () => {
    let told = 0;
    const interrupt = catchInterrupt(() => told++, true);
    process.kill(process.pid, 'SIGHUP');
    await new Promise((resolve) => interrupt.signal.addEventListener('abort', resolve));
    expect(told).toBe(1);
    process.removeAllListeners('SIGHUP');
  });
});

describe('an interrupted run without --out', () => {
  it('says that nothing was saved', async () => {
    const args = ['train', '--engine', 'cpu', '--steps', '10000000', '--json'];
    const { status, stderr } = await microgpt(args, { during: signalAfter(5, 'SIGINT') });
    expect(status).toBe(130);
    expect(stderr).toMatch(
      /stopped after step \d+ of 10000000; nothing was saved \(to save, give --out DIR\)\n$/,
    );
  });
});

describe('train --resume', () => {
  async function savedRun(...more: string[]): Promise<string> {
    const out = join(temporaryDirectory(), 'run');
    const args = [
      'train',
      ...SMALL,
      '--steps',
      '4',
      '--samples',
      '3',
      '--engine',
      'oracle',
      '--out',
      out,
      ...more,
    ];
    expect(await microgpt(args)).toMatchObject({ status: 0 });
    return out;
  }

  it('of a finished run prints its samples again and trains nothing', async () => {
    const out = await savedRun();
    const before = filesOf(out);
    const { status, stdout } = await microgpt(['train', '--resume', out, '--samples', '2', '--json']);
    expect(status).toBe(0);
    expect(losses(records(stdout))).toEqual([]);
    expect(samples(records(stdout))).toHaveLength(2);
    expect(filesOf(out)).toEqual(before);
  });

  it('takes options that repeat those of the run', async () => {
    const out = await savedRun();
    const same = [
      ...SMALL,
      '--steps',
      '4',
      '--lr',
      '0.01',
      '--seed',
      '42',
      '--engine',
      'oracle',
      '--data',
      'builtin',
    ];
    expect(await microgpt(['train', '--resume', out, ...same])).toMatchObject({ status: 0 });
  });

  it('of a clipped run goes on clipped', async () => {
    const whole = await savedRun('--clip', '0.01');
    const other = await savedRun();
    const finals = [whole, other].map((out) => filesOf(out)['metrics.jsonl']);
    expect(finals[0]).not.toBe(finals[1]);
    expect(await microgpt(['train', '--resume', whole, '--clip', '0.01'])).toMatchObject({ status: 0 });
    const { status, stderr } = await microgpt(['train', '--resume', whole, '--clip', '0']);
    expect(status).toBe(2);
    expect(stderr).toContain('--clip 0 (the run has 0.01)');
  });

  it.each([
    [['--steps', '5'], '--steps 5 (the run has 4)'],
    [['--clip', '1'], '--clip 1 (the run has 0)'],
    [['--lr', '0.1', '--n-embd', '16'], '--n-embd 16 (the run has 8), --lr 0.1 (the run has 0.01)'],
  ])('refuses %j, which would make another run', async (options, named) => {
    const out = await savedRun();
    const { status, stdout, stderr } = await microgpt(['train', '--resume', out, ...options]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(
      `error: --resume ${out} takes the options of the saved run, which differ: ${named}. ` +
        'Leave them out, or train a new run with --out.\n',
    );
  });

  it('refuses other text, even of the same size', async () => {
    const file = join(temporaryDirectory(), 'text');
    writeFileSync(file, 'anna\nbob\n');
    const out = await savedRun('--data', file);
    writeFileSync(file, 'bob\nanna\n');
    const before = filesOf(out);
    const { status, stderr } = await microgpt(['train', '--resume', out]);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /is not the text that this run began with: .* Give the same text with --data\.\n$/,
    );
    expect(filesOf(out)).toEqual(before);
  });

  it('finds the text that was named by a relative path from any directory', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'text'), 'anna\nbob\n');
    const args = ['train', '--steps', '2', '--data', 'text', '--out', 'run'];
    expect(await microgpt(args, { cwd: directory })).toMatchObject({ status: 0 });
    expect(await microgpt(['train', '--resume', join(directory, 'run')])).toMatchObject({ status: 0 });
  });

  it('wants text from standard input again', async () => {
    const out = join(temporaryDirectory(), 'run');
    const input = 'anna\nbob\n';
    expect(await microgpt(['train', '--steps', '2', '--data', '-', '--out', out], { input })).toMatchObject({
      status: 0,
    });
    const without = await microgpt(['train', '--resume', out]);
    expect(without.status).toBe(2);
    expect(without.stderr).toContain('Give the same text again with --data - or --data FILE.');
    expect(await microgpt(['train', '--resume', out, '--data', '-'], { input })).toMatchObject({ status: 0 });
  });

  it('saves where it was read: --out is refused', async () => {
    const out = await savedRun();
    const other = join(temporaryDirectory(), 'other');
    const { status, stderr } = await microgpt(['train', '--resume', out, '--out', other]);
    expect(status).toBe(2);
    expect(stderr).toContain('leave out --out');
    expect(existsSync(other)).toBe(false);
  });
});
