// The commands and their options, as design and --help show them. Every command gives its exit status to `done`.

import { Command, Option } from 'commander';
import { version } from '../../package.json';
import { CLIP_RANGE, DEFAULT_MODEL, DEFAULT_TRAINING } from '../model/config.ts';
import { MIN_TEMPERATURE } from '../train/sampler.ts';
import { decimal, every, integer, path, type Every } from './arguments.ts';
import { engineChoice, engineOptions, launchOption, type EngineFlags } from './engine-options.ts';
import { infoCommand } from './info.ts';
import { planCommand, type PlanFlags } from './plan-table.ts';
import { Output, type OutputOptions } from './output.ts';
import { reportCommand, type ReportFlags } from './report.ts';
import { sampleCommand } from './sample.ts';
import { trainCommand } from './train.ts';
import { numbers, wholeNumbers } from './ranges.ts';
import { sweepCommand } from './sweep.ts';
import { POPULATION_ENGINES, RANGES, sweepSettings, type SweepFlags } from './sweep-settings.ts';
import { verifyCommand } from './verify.ts';
import { KERNEL_CASES } from '../verify/kernels.ts';
import type { LimitsChoice } from '../webgpu/adapter.ts';
import { trainSettings, type TrainFlags } from './train-settings.ts';

interface SampleFlags extends OutputOptions, EngineFlags {
  n: number;
  prompt?: string;
  temperature?: number;
  topK?: number;
  seed?: number;
}

interface VerifyFlags extends OutputOptions, EngineFlags {
  limits: LimitsChoice;
  cases: number;
}

interface InfoFlags extends OutputOptions, PlanFlags {
  plan?: boolean;
}

const DATA = "builtin, names (microgpt.py's file), a text file, or - (standard input)";
const FORCE = [
  '--force',
  'take over the directory even if another process seems to be writing to it',
] as const;

const temperature = decimal(
  `a number of at least ${MIN_TEMPERATURE}; for the likeliest token every time, use microgpt sample --top-k 1`,
  (x) => x >= MIN_TEMPERATURE,
);
const anyInteger = integer(-Infinity);
const notNegative = decimal('a number of at least 0', (x) => x >= 0);
const positive = decimal('a number above 0', (x) => x > 0);
const clip = decimal(
  `0 (off) or a number from ${CLIP_RANGE.low} to ${CLIP_RANGE.high}`,
  (x) => x === 0 || (x >= CLIP_RANGE.low && x <= CLIP_RANGE.high),
);
const fraction = decimal('a number of at least 0 and below 1', (x) => x >= 0 && x < 1);

export function createProgram(done: (status: number) => void): Command {
  const program = new Command('microgpt')
    .description("Trains and samples microgpt.py's GPT: a scalar oracle, a CPU engine and WebGPU that agree.")
    .version(version)
    .exitOverride() // parse errors are thrown: main reports them, in the same form as all others
    .configureOutput({ outputError: () => {} });

  const train = program
    .command('train')
    .description('train a model, then print samples of it')
    .option('--data <source>', DATA, 'builtin')
    .addOption(number('--steps', 'number of training steps', integer(1), DEFAULT_TRAINING.steps));
  modelOptions(train)
    .addOption(number('--lr', 'learning rate at the first step', notNegative, DEFAULT_TRAINING.learningRate))
    .addOption(number('--beta1', "Adam's decay of the first moment", fraction, DEFAULT_TRAINING.beta1))
    .addOption(number('--beta2', "Adam's decay of the second moment", fraction, DEFAULT_TRAINING.beta2))
    .addOption(number('--eps', "Adam's epsilon", positive, DEFAULT_TRAINING.eps))
    .addOption(
      number(
        '--seed',
        'seed for the order of documents, the initial weights and the samples',
        anyInteger,
        DEFAULT_TRAINING.seed,
      ),
    )
    .addOption(
      number(
        '--init-scale',
        'standard deviation of the initial weights',
        positive,
        DEFAULT_TRAINING.initScale,
      ),
    )
    .addOption(clipOption())
    .addOption(number('--samples', 'samples to print after training', integer(0), 20))
    .addOption(number('--temperature', 'temperature of the samples: lower is less random', temperature, 0.5))
    .option('--out <dir>', 'save the run in this directory', path)
    .option(...FORCE)
    .addOption(
      new Option(
        '--checkpoint-every <steps|time>',
        'save a checkpoint this often during training: 500, 30s, 5m, 2h or never',
      )
        .argParser(every)
        .default({ milliseconds: 60_000 } satisfies Every, '60s'),
    )
    .option(
      '--resume <run>',
      'resume the run in this directory; with --out, continue from a checkpoint file',
      path,
    );
  engineOptions(train, {
    engine: 'auto: the faster of GPU and CPU in a brief benchmark',
    launch: 'how WebGPU kernels are launched; auto: the fastest in a brief benchmark',
  });
  outputOptions(train, 'print the samples only').action((flags: TrainFlags) =>
    withOutput(flags, async (output) => {
      const given = (option: string) => train.getOptionValueSource(option) === 'cli';
      done(await trainCommand(await trainSettings(flags, given), output));
    }),
  );

  const sweep = program
    .command('sweep')
    .description('train many models at once, every combination of the given values, and rank them')
    .option('--data <source>', DATA, 'builtin')
    .addOption(number('--steps', 'training steps of each model', integer(1), DEFAULT_TRAINING.steps));
  modelOptions(sweep);
  const usual = DEFAULT_TRAINING;
  const option = (flag: string, description: string, read: (text: string) => number[], preset: number) =>
    sweep.addOption(
      new Option(`${flag} <values>`, description).argParser(read).default([preset], String(preset)),
    );
  option(
    '--seed',
    'seeds for the order of documents and the initial weights: 1..8 or 1,5,9',
    wholeNumbers(anyInteger),
    usual.seed,
  );
  option(
    '--lr',
    'learning rates: 0.003,0.01 or 0.001..0.1:5',
    numbers(notNegative, 'log'),
    usual.learningRate,
  );
  option(
    '--beta1',
    "Adam's decays of the first moment: 0.8,0.9 or 0.8..0.95:4",
    numbers(fraction, 'lin'),
    usual.beta1,
  );
  option('--beta2', "Adam's decays of the second moment", numbers(fraction, 'lin'), usual.beta2);
  option('--eps', "Adam's epsilons", numbers(positive, 'log'), usual.eps);
  option(
    '--init-scale',
    'standard deviations of the initial weights',
    numbers(positive, 'log'),
    usual.initScale,
  );
  sweep
    .addOption(clipOption())
    .addOption(
      new Option('--engine <name>', 'auto: the faster of GPU and CPU in a brief benchmark')
        .choices(POPULATION_ENGINES)
        .default('auto'),
    )
    .addOption(number('--samples', 'samples of the best model to print', integer(0), 20))
    .addOption(number('--temperature', 'temperature of the samples: lower is less random', temperature, 0.5))
    .option(
      '--out <dir>',
      'save sweep.json, sweep.svg and the best model in this directory; the same command resumes there',
      path,
    )
    .option(...FORCE)
    .addHelpText('after', RANGES);
  outputOptions(sweep, 'print the results and the samples only').action((flags: SweepFlags) =>
    withOutput(flags, async (output) => {
      done(await sweepCommand(sweepSettings(flags), output));
    }),
  );

  const sample = program
    .command('sample')
    .description('print samples from a saved run')
    .argument('<run>', 'directory written by train --out, or a checkpoint (*.safetensors)')
    .addOption(number('--n', 'samples to print', integer(0), 20))
    .option('--prompt <text>', 'what each sample begins with')
    .addOption(number('--temperature', "lower is less random (default: the run's own)", temperature))
    .addOption(number('--top-k', 'sample from the k likeliest tokens only (default: all)', integer(1)))
    .addOption(
      number('--seed', 'seed for other samples (default: the samples printed after training)', anyInteger),
    );
  engineOptions(sample, {
    engine: "auto: the run's own engine, or the CPU where there is no GPU",
    launch: "how WebGPU kernels are launched; auto: the run's own way, or graph",
  });
  outputOptions(sample, 'print the samples only').action((directory: string, flags: SampleFlags) =>
    withOutput(flags, async (output) => {
      const { n: samples, prompt, temperature: t, topK, seed } = flags;
      const settings = { directory, samples, temperature: t, seed, choice: engineChoice(flags) };
      const only = { ...(prompt === undefined ? {} : { prompt }), ...(topK === undefined ? {} : { topK }) };
      done(await sampleCommand({ ...settings, ...only }, output));
    }),
  );

  const verify = program
    .command('verify')
    .description('check every kernel and whole models against the oracle, on this machine');
  engineOptions(verify, {
    engine: 'the engine to check; auto: all that this machine has',
    launch: 'the launch strategy to check; auto: all of them',
  }).addOption(
    new Option('--limits <which>', "limits of the GPU device: the adapter's own, or WebGPU's defaults")
      .choices(['adapter', 'default'])
      .default('adapter'),
  );
  verify.addOption(number('--cases', 'random cases for each kernel', integer(1), KERNEL_CASES));
  outputOptions(verify, 'print failures and the verdict only').action((flags: VerifyFlags) =>
    withOutput(flags, async (output) => {
      done(await verifyCommand(engineChoice(flags), flags, output));
    }),
  );

  const report = program
    .command('report')
    .description(
      'measure this machine: how fast each engine is, where the time goes, and from which model size a GPU pays',
    )
    .option('--out <dir>', 'directory for report.json, report.md and report.html', path, 'report')
    .option(...FORCE)
    .option('--quick', 'fewer samples, within 2 minutes instead of 20')
    .addOption(number('--seconds', 'roughly how long it may take, in seconds', integer(1)))
    .option('--python <file>', 'microgpt.py, to time it under CPython as well')
    .option('--no-peers', 'leave out NumPy and PyTorch, which a checkout of the project times as well')
    .option('--peer-python <program>', 'a Python that has NumPy and PyTorch (default: python3)')
    .option('--compare <files...>', 'measure nothing: set these report.json files side by side')
    .option('--name <text>', 'what to call this machine (default: its processor)')
    .addOption(
      new Option('--engine <name>', 'cpu: leave the GPU out').choices(['auto', 'cpu']).default('auto'),
    )
    .addOption(number('--seed', 'seed for the order of rounds and the bootstrap intervals', integer(0), 42));
  outputOptions(report, 'print the verdict only').action((flags: ReportFlags) =>
    withOutput(flags, async (output) => {
      done(await reportCommand(flags, output));
    }),
  );

  const info = program
    .command('info')
    .description('print the adapters, limits, features, engines and versions of this machine')
    .option('--plan', 'print the GPU dispatches of a training step instead, for a model of this size:');
  modelOptions(info)
    .addOption(number('--vocab-size', 'tokens in the vocabulary', integer(1), 27))
    .addOption(launchOption('show this launch strategy only'))
    .option('--json', 'print one JSON object per line')
    .option('--verbose', 'print stack traces, and the messages of graphics drivers')
    .action((flags: InfoFlags) =>
      withOutput(flags, async (output) => {
        done(flags.plan ? planCommand(flags, output) : await infoCommand(output));
      }),
    );

  return program;
}

function modelOptions(command: Command): Command {
  return command
    .addOption(number('--n-layer', 'depth of the transformer', integer(1), DEFAULT_MODEL.nLayer))
    .addOption(number('--n-embd', 'width of the network', integer(1), DEFAULT_MODEL.nEmbd))
    .addOption(number('--n-head', 'attention heads; must divide the width', integer(1), DEFAULT_MODEL.nHead))
    .addOption(number('--block-size', 'longest context, in tokens', integer(1), DEFAULT_MODEL.blockSize))
    .addOption(number('--batch-size', 'documents per step', integer(1), DEFAULT_TRAINING.batchSize));
}

function outputOptions(command: Command, quiet: string): Command {
  return command
    .option('--json', 'print one JSON object per line')
    .option('--quiet', quiet)
    .option('--verbose', 'print stack traces, and the messages of graphics drivers');
}

function number(flag: string, description: string, parse: (text: string) => number, preset?: number): Option {
  return new Option(`${flag} <number>`, description).argParser(parse).default(preset);
}

function clipOption(): Option {
  return number('--clip', 'clip the global gradient norm at this; 0: off', clip, DEFAULT_TRAINING.clip);
}

async function withOutput(flags: OutputOptions, action: (output: Output) => Promise<void>): Promise<void> {
  const output = new Output(flags);
  try {
    await action(output);
  } finally {
    output.endStatus();
  }
}
