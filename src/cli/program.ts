// The commands and their options, as design and --help show them. Every command gives its exit status to `done`.

import { Command, Option } from 'commander';
import { version } from '../../package.json';
import { optionsOf, pick, SAMPLING_NAMES, type AxisName, type NamesOf } from '../config/config.ts';
import { every, integer, path, type Every } from './arguments.ts';
import { engineChoice, engineOptions, launchOption, type EngineFlags } from './engine-options.ts';
import { infoCommand } from './info.ts';
import { axisOption, flagOption, type SamplingFlags } from './option-flags.ts';
import { planCommand, type PlanFlags } from './plan-table.ts';
import { Output, type OutputOptions } from './output.ts';
import { reportCommand, type ReportFlags } from './report.ts';
import { sampleCommand } from './sample.ts';
import { trainCommand } from './train.ts';
import { sweepCommand } from './sweep.ts';
import { POPULATION_ENGINES, RANGES, sweepSettings, type SweepFlags } from './sweep-settings.ts';
import { verifyCommand } from './verify.ts';
import { KERNEL_CASES } from '../verify/kernels.ts';
import type { LimitsChoice } from '../webgpu/adapter.ts';
import { trainSettings, type TrainFlags } from './train-settings.ts';

interface SampleFlags extends OutputOptions, EngineFlags, SamplingFlags {
  n: number;
  prompt?: string;
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

export function createProgram(done: (status: number) => void): Command {
  const program = new Command('microgpt')
    .description("Trains and samples microgpt.py's GPT: a scalar oracle, a CPU engine and WebGPU that agree.")
    .version(version)
    .exitOverride() // parse errors are thrown: main reports them, in the same form as all others
    .configureOutput({ outputError: () => {} });

  const train = program
    .command('train')
    .description('train a model, then print samples of it')
    .option('--data <source>', DATA, 'builtin');
  for (const { name } of optionsOf('model', 'training')) train.addOption(flagOption(name));
  for (const name of SAMPLING_NAMES) train.addOption(flagOption(name));
  train
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
  engineOptions(train);
  outputOptions(train, 'print the samples only').action((flags: TrainFlags) =>
    withOutput(flags, async (output) => {
      const given = (option: string) => train.getOptionValueSource(option) === 'cli';
      done(await trainCommand(await trainSettings(flags, given), output));
    }),
  );

  const sweep = program
    .command('sweep')
    .description('train many models at once, every combination of the given values, and rank them')
    .option('--data <source>', DATA, 'builtin');
  for (const option of optionsOf('model', 'training')) {
    sweep.addOption('axis' in option ? axisOption(option.name as AxisName) : flagOption(option.name));
  }
  sweep.addOption(flagOption('engine', { choices: POPULATION_ENGINES }));
  for (const name of SAMPLING_NAMES) sweep.addOption(flagOption(name));
  sweep
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
    .option('--prompt <text>', 'what each sample begins with');
  for (const { name, help, default: preset } of optionsOf('sampling')) {
    if (name === 'samples') continue; // it is --n here
    const own = preset === undefined ? help : `${help} (default: the run's own)`;
    sample.addOption(flagOption(name, { help: own, preset: false }));
  }
  sample.addOption(
    flagOption('seed', {
      help: 'seed for other samples (default: the samples printed after training)',
      preset: false,
    }),
  );
  engineOptions(sample, {
    engine: "auto: the run's own engine, or the CPU where there is no GPU",
    launch: "how WebGPU kernels are launched; auto: the run's own way, or graph",
  });
  outputOptions(sample, 'print the samples only').action((directory: string, flags: SampleFlags) =>
    withOutput(flags, async (output) => {
      const { n, prompt, seed } = flags;
      const names = optionsOf('sampling').map(({ name }) => name as NamesOf<'sampling'>);
      const sampling = { ...pick(flags, names), samples: n };
      done(await sampleCommand({ directory, sampling, prompt, seed, choice: engineChoice(flags) }, output));
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
  for (const { name } of optionsOf('model')) info.addOption(flagOption(name));
  info
    .addOption(flagOption('batchSize'))
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

function outputOptions(command: Command, quiet: string): Command {
  return command
    .option('--json', 'print one JSON object per line')
    .option('--quiet', quiet)
    .option('--verbose', 'print stack traces, and the messages of graphics drivers');
}

function number(flag: string, description: string, parse: (text: string) => number, preset?: number): Option {
  return new Option(`${flag} <number>`, description).argParser(parse).default(preset);
}

async function withOutput(flags: OutputOptions, action: (output: Output) => Promise<void>): Promise<void> {
  const output = new Output(flags);
  try {
    await action(output);
  } finally {
    output.endStatus();
  }
}
