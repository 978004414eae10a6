// Whatever the user gets wrong: one or two lines that say what, the exit status, and nothing written.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RUN_FILES } from '../../src/train/run-files.ts';
import { microgpt, NAMES, records, samples } from './cli.ts';

let directory: string;
const at = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'microgpt-test-'));
  writeFileSync(at('empty'), '');
  writeFileSync(at('blank'), ' \n\t\r\n\n');
  writeFileSync(at('binary'), Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a));
  mkdirSync(at('folder'));
  const train = ['train', '--steps', '2', '--samples', '0', '--engine', 'oracle', '--out', at('run')];
  const { status, stderr } = await microgpt(train);
  if (status !== 0) throw new Error(stderr);
  writeFileSync(at('huge.safetensors'), '');
  truncateSync(at('huge.safetensors'), 2 ** 30); // sparse: it takes no space
  if (process.platform !== 'win32') execFileSync('mkfifo', [at('pipe')]);
  for (const file of RUN_FILES) {
    const variant = (kind: string) => {
      cpSync(at('run'), at(`${kind}-${file}`), { recursive: true });
      return join(at(`${kind}-${file}`), file);
    };
    const huge = variant('huge');
    writeFileSync(huge, '');
    truncateSync(huge, 2 ** 30);
    const piped = variant('piped');
    rmSync(piped);
    if (process.platform !== 'win32') execFileSync('mkfifo', [piped]);
    cpSync(at('run'), at(`cut-${file}`), { recursive: true });
    truncateSync(join(at(`cut-${file}`), file), 30);
    cpSync(at('run'), at(`no-${file}`), { recursive: true });
    rmSync(join(at(`no-${file}`), file));
  }
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Names of everything below the test's directory, with sizes. */
function contents(): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return entry.isFile() ? `${path} ${statSync(path).size}` : path;
    })
    .toSorted();
}

const FAILED = 1;
const WRONG_USAGE = 2;
type Case = [args: string, status: number, message: string];

// `%` stands for the test's directory, `''` for an empty argument.
const cases: Case[] = [
  // Text
  ['train --data %/missing', FAILED, 'missing: no such file or directory. Expected a text file'],
  ["train --data ''", FAILED, '"": no such file or directory'],
  ['train --data %/folder', FAILED, 'folder: it is a directory'],
  ...(process.platform === 'win32'
    ? []
    : [['train --data /dev/zero', FAILED, '/dev/zero: it is a device.'] as Case]),
  ['train --data %/empty', FAILED, 'empty: it is empty. Expected UTF-8 text'],
  ['train --data %/blank', FAILED, 'blank: only blank lines'],
  ['train --data %/binary', FAILED, 'binary: not UTF-8 text: byte 0x89 at offset 0'],
  ['train --data -', FAILED, 'standard input: it is empty'],
  // Commands and options
  ['trian', WRONG_USAGE, "unknown command 'trian' (Did you mean train?)"],
  ['train --stepz 10', WRONG_USAGE, "unknown option '--stepz' (Did you mean --steps?)"],
  ['sample --temprature 1 %/run', WRONG_USAGE, '(Did you mean --temperature?)'],
  ['train more', WRONG_USAGE, "too many arguments for 'train'"],
  ['train --steps', WRONG_USAGE, "'--steps <number>' argument missing"],
  ['sample', WRONG_USAGE, "missing required argument 'run'"],
  ['train --engine gpu', WRONG_USAGE, 'Allowed choices are auto, oracle, cpu, webgpu.'],
  ['train --launch fast', WRONG_USAGE, 'Allowed choices are auto, eager, graph, fused, resident.'],
  ['train --engine cpu --launch eager', WRONG_USAGE, 'the cpu engine launches no kernels'],
  ['verify --engine cpu --launch eager', WRONG_USAGE, 'the cpu engine launches no kernels'],
  ['verify --engine oracle --threads 2', WRONG_USAGE, 'the oracle engine has one thread'],
  ['verify --engine cpu --cases 1 --threads 1000', WRONG_USAGE, 'threads: expected auto or a whole number'],
  // Numbers
  ['train --steps 0', WRONG_USAGE, "argument '0' is invalid. Expected a whole number of at least 1."],
  ['train --steps -5', WRONG_USAGE, 'Expected a whole number of at least 1.'],
  ['train --steps 12abc', WRONG_USAGE, 'Expected a whole number'],
  ['train --steps 0x10', WRONG_USAGE, 'Expected a whole number'],
  ['train --steps 1e3', WRONG_USAGE, 'Expected a whole number'],
  ["train --steps ''", WRONG_USAGE, 'Expected a whole number'],
  ['train --steps NaN', WRONG_USAGE, 'Expected a whole number'],
  ['train --steps 9007199254740993', WRONG_USAGE, 'Expected at most 9007199254740991.'],
  ['train --seed 0.5', WRONG_USAGE, 'Expected a whole number.'],
  ['train --block-size 0', WRONG_USAGE, "'--block-size <number>' argument '0' is invalid"],
  ['train --batch-size 0', WRONG_USAGE, "'--batch-size <number>' argument '0' is invalid"],
  ['train --n-layer 0', WRONG_USAGE, "'--n-layer <number>' argument '0' is invalid"],
  ['train --n-embd 1.5', WRONG_USAGE, "'--n-embd <number>' argument '1.5' is invalid"],
  ['train --samples -1', WRONG_USAGE, "'--samples <number>' argument '-1' is invalid"],
  ['train --lr NaN', WRONG_USAGE, 'Expected a number of at least 0.'],
  ['train --lr -0.1', WRONG_USAGE, 'Expected a number of at least 0.'],
  ['train --lr 1e999', WRONG_USAGE, 'Expected a number of at least 0.'],
  ['train --lr Infinity', WRONG_USAGE, 'Expected a number of at least 0.'],
  ['train --beta1 1', WRONG_USAGE, 'Expected a number of at least 0 and below 1.'],
  ['train --beta2 -0.5', WRONG_USAGE, 'Expected a number of at least 0 and below 1.'],
  ['train --eps 0', WRONG_USAGE, 'Expected a number above 0.'],
  ['train --init-scale 0', WRONG_USAGE, 'Expected a number above 0.'],
  ['train --clip -1', WRONG_USAGE, 'Expected 0 (off) or a number from 1e-12 to 1000000000000.'],
  ['sweep --clip 0.5,1', WRONG_USAGE, 'Expected 0 (off) or a number from'],
  ['train --temperature 0', WRONG_USAGE, 'microgpt sample --top-k 1 takes it every time.'],
  ['sample %/run --n 1.5', WRONG_USAGE, 'Expected a whole number'],
  ['sample %/run --top-k 0', WRONG_USAGE, 'Expected a whole number of at least 1.'],
  ['sample %/run --temperature -1', WRONG_USAGE, 'Expected a number of at least 0.000001'],
  ['train --n-head 3', WRONG_USAGE, 'n_embd 16 is not divisible by n_head 3'],
  ['train --n-layer 1000000000', WRONG_USAGE, "'1000000000' is invalid. Expected at most 10000."],
  ['train --n-embd 9007199254740991 --n-head 1', WRONG_USAGE, 'parameters is too large'],
  // Ranges
  ['sweep --engine oracle', WRONG_USAGE, 'Allowed choices are auto, cpu, webgpu.'],
  [
    'sweep --seed 1..x',
    WRONG_USAGE,
    "option '--seed <values>' argument '1..x' is invalid. Expected a whole number.",
  ],
  ['sweep --seed 8..1', WRONG_USAGE, "Expected a range that ends above where it begins, got '8..1'."],
  ['sweep --seed 1..100000', WRONG_USAGE, 'Expected at most 10000 values, got 100000.'],
  ['sweep --lr 0.1..0.2', WRONG_USAGE, 'Expected a number or a range such as 0.001..0.1:5'],
  ['sweep --lr -0.1', WRONG_USAGE, 'Expected a number of at least 0.'],
  ['sweep --lr 0..1:5', WRONG_USAGE, 'Expected a range that begins above 0, or 0..1:5lin'],
  ['sweep --lr 0.1,0.1', WRONG_USAGE, 'Expected different values, got 0.1 twice.'],
  ['sweep --beta2 0.9..1:3', WRONG_USAGE, 'Expected a number of at least 0 and below 1.'],
  ['sweep --eps 0,1e-8', WRONG_USAGE, 'Expected a number above 0.'],
  [
    'sweep --seed 1..200 --lr 0.001..0.1:51',
    WRONG_USAGE,
    'at most 10000 models, got 10200 = 200 seed × 51 lr',
  ],
  ['sweep --n-head 3', WRONG_USAGE, 'n_embd 16 is not divisible by n_head 3'],
  ['sweep --n-layer 1000000000', WRONG_USAGE, "'1000000000' is invalid. Expected at most 10000."],
  ['sweep --data %/missing', FAILED, 'missing: no such file or directory. Expected a text file'],
  ['sweep --out %/empty', FAILED, 'nothing can be written there: a part of the path is not a directory'],
  // Directories
  ['train --out %/run', WRONG_USAGE, 'it already holds a run (config.json). Resume that one with --resume'],
  ['train --out %/empty', FAILED, 'nothing can be written there: a part of the path is not a directory'],
  ['train --out %/empty/deeper', FAILED, 'nothing can be written there'],
  ['train --resume %/missing', FAILED, 'missing: no such file or directory. Expected a directory that'],
  ['train --resume %/folder', FAILED, 'config.json: no such file or directory'],
  ['sample %/missing', FAILED, 'missing: no such file or directory. Expected a directory that'],
  ['sample %/empty', FAILED, 'empty: 0 bytes are too few'],
  ...RUN_FILES.flatMap((file): Case[] => [
    [`train --resume %/cut-${file}`, FAILED, `cut-${file}/${file}`],
    [`train --resume %/no-${file}`, FAILED, `${file}: no such file or directory`],
  ]),
  ...(['config.json', 'tokenizer.json', 'model.safetensors'] as const).flatMap((file): Case[] => [
    [`sample %/cut-${file}`, FAILED, `cut-${file}/${file}`],
    [`sample %/no-${file}`, FAILED, `${file}: no such file or directory`],
  ]),
  // Files that never end or never begin
  [
    'train --resume %/huge-metrics.jsonl',
    FAILED,
    'metrics.jsonl: expected at most 10000000 bytes, got 1073741824',
  ],
  ['train --resume %/huge-model.safetensors', FAILED, 'model.safetensors: expected at most'],
  ['sample %/huge.safetensors', FAILED, 'huge.safetensors: the header is not JSON'],
  ['train --data %/huge.safetensors', FAILED, 'huge.safetensors: expected at most 512 MiB of text'],
  ...(process.platform === 'win32'
    ? []
    : [
        [
          'report --compare /dev/zero /dev/zero',
          FAILED,
          '/dev/zero: it is a device. Expected a report.json',
        ] as Case,
        ['report --compare %/pipe %/pipe', FAILED, 'pipe: it is a pipe. Expected a report.json'] as Case,
        ['report --python %/pipe --out %/report', WRONG_USAGE, 'pipe: it is a pipe'] as Case,
        ['sample %/pipe', FAILED, 'pipe: it is not a directory'] as Case,
        ['sample %/piped-config.json', FAILED, 'config.json: it is a pipe'] as Case,
        ['sample %/piped-model.safetensors', FAILED, 'model.safetensors: it is a pipe'] as Case,
        ['train --resume %/piped-metrics.jsonl', FAILED, 'metrics.jsonl: it is a pipe'] as Case,
      ]),
  // Prompts
  ['sample %/run --prompt Zoë', FAILED, 'unknown characters "Z" (U+005A), "ë" (U+00EB)'],
  ['sample %/run --prompt aaaaaaaaaaaaaaaa', WRONG_USAGE, 'expected fewer than 16 characters'],
  // Training
  [
    'train --lr 1e200 --steps 9 --engine oracle --out %/diverged',
    FAILED,
    'the training diverged. Try a smaller learning rate, such as 0.01.',
  ],
  ...['oracle', 'cpu'].map((engine): Case => [
    `train --init-scale 1e308 --engine ${engine}`,
    FAILED,
    'before the first update: the initial weights are too large. Try a smaller init_scale, such as 0.08.',
  ]),
  [
    'sweep --init-scale 1e307,1e308 --steps 2 --engine cpu --quiet',
    FAILED,
    'sweep: all 2 models diverged: expected finite losses. Try smaller initial scales than 1e+307.',
  ],
];

describe('wrong input', () => {
  it.each(cases)('microgpt %s: status %i, %s', async (line, status, message) => {
    const before = contents();
    const args = line.split(' ').map((arg) => (arg === "''" ? '' : arg.replace('%', directory)));
    const result = await microgpt(args);
    expect(result.stderr).toContain(message);
    const lines = result.stderr.trimEnd().split('\n');
    const errors = lines.filter((text) => !text.startsWith('engine: '));
    expect(errors.length).toBeLessThanOrEqual(2);
    expect(errors[0]).toMatch(/^error: /);
    expect(result.stderr).not.toMatch(/\n\s+at /); // no stack
    expect(result.status).toBe(status);
    expect(contents()).toEqual(before);
  });

  it.each([
    ['trian', 'microgpt --help'],
    ['--stepz', 'microgpt --help'],
    ['train --steps 0', 'microgpt train --help'],
    ['sweep --lr', 'microgpt sweep --help'],
    ['sample', 'microgpt sample --help'],
  ])('microgpt %s points to %s', async (line, help) => {
    const { stderr } = await microgpt(line.split(' '));
    expect(stderr.trimEnd().split('\n').at(-1)).toBe(`See ${help}.`);
  });

  it('shows the help where there is no command', async () => {
    const { status, stdout, stderr } = await microgpt([]);
    expect({ status, stdout }).toEqual({ status: WRONG_USAGE, stdout: '' });
    expect(stderr).toMatch(/^Usage: microgpt/);
  });

  it('prints an error record too with --json', async () => {
    const { status, stdout, stderr } = await microgpt(['train', '--json', '--n-head', '3']);
    expect(status).toBe(WRONG_USAGE);
    const message = stderr.replace(/^error: /, '').trimEnd();
    expect(records(stdout)).toEqual([{ type: 'error', error: 'ConfigError', message }]);
    const usage = await microgpt(['train', '--json', '--stepz']);
    expect(records(usage.stdout)).toMatchObject([{ type: 'error', error: 'UsageError' }]);
  });

  it('prints the stack with --verbose', async () => {
    const { stderr } = await microgpt(['train', '--verbose', '--data', at('missing')]);
    expect(stderr).toMatch(/^error: .*\nDataError: [^]*\n\s+at [^]*caused by Error: ENOENT/);
  });

  it('finds a wrong option before it reads standard input', async () => {
    // Standard input stays open: a command that read it would never end.
    const { status } = await microgpt(['train', '--data', '-', '--n-head', '3'], { input: null });
    expect(status).toBe(WRONG_USAGE);
  });

  it('removes the directories that it made where the training fails', async () => {
    const out = at('made/for/this');
    const { status } = await microgpt(['train', '--lr', '1e200', '--engine', 'oracle', '--out', out]);
    expect(status).toBe(FAILED);
    expect(existsSync(at('made'))).toBe(false);
  });
});

// Elsewhere there is no way to hide a GPU.
describe.skipIf(process.platform !== 'linux')('no adapter', () => {
  const env = { VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent' };

  it('is an error that says what to do where WebGPU was asked for', async () => {
    const args = ['train', '--engine', 'webgpu', '--steps', '1', '--out', at('none')];
    const { status, stderr } = await microgpt(args, { env });
    expect(status).toBe(FAILED);
    expect(stderr).toMatch(/error: No WebGPU adapter was found: .* use --engine cpu\.\n$/);
    expect(existsSync(at('none'))).toBe(false);
  });

  it('is no error where any engine will do', async () => {
    const args = ['train', '--steps', '1', '--samples', '0'];
    const { status, stderr } = await microgpt(args, { env });
    expect(status).toBe(0);
    expect(stderr).toMatch(/engine: cpu .*: No WebGPU adapter was found\n/);
  });
});

it('what a file says never commands the terminal, however long it is', async () => {
  cpSync(at('run'), at('hostile'), { recursive: true });
  const path = join(at('hostile'), 'config.json');
  const config = readFileSync(path, 'utf8');
  writeFileSync(path, config.replace('"oracle"', JSON.stringify(`\x1b[2J\u202e${'x'.repeat(100_000)}`)));
  for (const args of [
    ['sample', at('hostile')],
    ['train', '--resume', at('hostile')],
  ]) {
    const { status, stderr } = await microgpt(args);
    expect(status).toBe(FAILED);
    expect(stderr).toMatch(/config\.json: engine\.name: .*received "\\u\{1b\}\[2J\\u\{202e\}xxx/);
    expect(stderr.trimEnd()).toMatch(/^\P{C}{1,700}$/u);
  }
});

describe('sound input of another kind', () => {
  it('is sampled without what only training needs, and says what is lost', async () => {
    const whole = samples(records((await microgpt(['sample', at('run'), '--json'])).stdout));
    const { status, stdout, stderr } = await microgpt(['sample', at('no-metrics.jsonl'), '--json']);
    expect(status).toBe(0);
    expect(samples(records(stdout))).toEqual(whole);
    expect(stderr).not.toContain('missing');
    for (const run of ['no-optimizer.safetensors', 'cut-optimizer.safetensors']) {
      const without = await microgpt(['sample', at(run), '--json']);
      expect(without.status).toBe(0);
      expect(samples(records(without.stdout))).toHaveLength(20);
      expect(without.stderr).toContain(
        'optimizer.safetensors is missing or damaged: the samples will differ from those printed after training\n',
      );
    }
  });

  it.skipIf(process.platform === 'win32')(
    'reads text from a pipe, and says that it waits for it',
    async () => {
      const writing = spawn('sh', ['-c', `exec 3>"$1"; sleep 2.5; cat "$2" >&3`, 'sh', at('pipe'), NAMES]);
      const args = ['train', '--data', at('pipe'), '--steps', '1', '--samples', '0', '--engine', 'cpu'];
      const { status, stdout, stderr } = await microgpt(args);
      writing.kill();
      expect(status).toBe(0);
      expect(stdout).toContain('num docs: 32033\n');
      expect(stderr).toContain(`waiting for the text from ${at('pipe')}\n`);
    },
  );

  it('holds the tokens of one long line once, as whole numbers', async () => {
    writeFileSync(at('long'), 'abcdefgh'.repeat(2 ** 21));
    const args = ['train', '--data', at('long'), '--steps', '1', '--samples', '0', '--engine', 'cpu'];
    // A list of 2^24 tokens would take more.
    const { status, stderr } = await microgpt(args, { env: { NODE_OPTIONS: '--max-old-space-size=100' } });
    rmSync(at('long'));
    expect({ status, stderr }).toMatchObject({ status: 0 });
  });
});

describe('a vocabulary', () => {
  /** Runs `command` on a copy of the run whose characters are those of `change`. */
  async function withChars(change: (chars: string[]) => string[], command: (run: string) => string[]) {
    cpSync(at('run'), at('other-chars'), { recursive: true });
    const path = join(at('other-chars'), 'tokenizer.json');
    const { chars } = JSON.parse(readFileSync(path, 'utf8')) as { chars: string[] };
    writeFileSync(path, JSON.stringify({ chars: change(chars) }));
    const result = await microgpt(command(at('other-chars')));
    rmSync(at('other-chars'), { recursive: true });
    return result;
  }
  const sample = (run: string) => ['sample', run];
  const resume = (run: string) => ['train', '--resume', run];

  it.each([sample, resume])('in another order is refused: %s', async (command) => {
    const { status, stdout, stderr } = await withChars((chars) => chars.toReversed(), command);
    expect([status, stdout]).toEqual([FAILED, '']);
    expect(stderr).toMatch(
      /tokenizer\.json: chars: expected the order of their code points, got "y" after "z"\./,
    );
  });

  it('of another text is not gone on with', async () => {
    const other = (chars: string[]) => [...chars.slice(0, -1), 'é'];
    const { status, stderr } = await withChars(other, resume);
    expect(status).toBe(FAILED);
    expect(stderr).toMatch(
      /the vocabulary does not match its text: expected "z" as character 25, got "é"\. The run is damaged/,
    );
  });
});

describe('an empty path, as an unset variable of a shell gives it', () => {
  it.each([
    ['train', '--steps', '1'],
    ['sweep', '--steps', '1'],
    ['report', '--quick'],
  ])('%s does not write where it stands', async (...args) => {
    const before = readdirSync(process.cwd());
    const { status, stderr } = await microgpt([...args, '--out', '']);
    expect(status).toBe(2);
    expect(stderr).toContain("option '--out <dir>' argument '' is invalid. Expected a path, got none.");
    expect(readdirSync(process.cwd())).toEqual(before);
  });
});
