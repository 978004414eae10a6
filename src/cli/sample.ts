// microgpt sample: new documents from a saved run.

import { setImmediate } from 'node:timers/promises';
import type { EngineChoice } from '../engine/choice.ts';
import { createEngine } from '../engine/choose.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import {
  checkSampleOptions,
  encodePrompt,
  sampleDocuments,
  type DrawingOptions,
  type SampleOptions,
} from '../train/sampler.ts';
import type { Engine, EngineSpec } from '../engine/engine.ts';
import type { SavedModel } from '../train/run-files.ts';
import { DeviceError } from '../util/errors.ts';
import { PythonRandom } from '../util/python-random.ts';
import type { Output } from './output.ts';
import { readNewestModel } from './run-store.ts';

export interface SampleSettings {
  readonly directory: string;
  /** How many, and how: as the run's own as far as it is not given. */
  readonly sampling: Partial<DrawingOptions> & { readonly samples: number };
  readonly prompt?: string | undefined;
  /** A stream of its own; if not given, the run's, which gives the names that the training printed. */
  readonly seed?: number | undefined;
  /** `auto`: the run's own engine. */
  readonly choice: EngineChoice;
}

/** Gives the exit status. */
export async function sampleCommand(settings: SampleSettings, output: Output): Promise<number> {
  const { run, notices } = await readNewestModel(settings.directory);
  for (const notice of notices) output.note(notice);
  const { config, tokenizer } = run;
  const options: SampleOptions = {
    ...config.sampling,
    ...settings.sampling,
    blockSize: config.model.blockSize,
    ...(settings.prompt === undefined ? {} : { prompt: settings.prompt }),
  };
  // Before an engine is made, so that a typing error costs nothing.
  checkSampleOptions(options);
  encodePrompt(tokenizer, options.prompt ?? '', options.blockSize);

  const random = new PythonRandom(settings.seed ?? config.training.seed);
  if (settings.seed === undefined) {
    if (run.random !== undefined) random.setState(run.random);
    else
      output.note(
        `${settings.directory}: optimizer.safetensors is missing or damaged: the samples will differ from those printed after training`,
      );
  }
  const { engine, reason, close } = await sampleEngine(settings.choice, run);
  try {
    output.note(`engine: ${reason}`);
    await printSamples(engine, tokenizer, random, options, settings.sampling.samples, output.closed, output);
    output.record({ type: 'done' });
    return 0;
  } finally {
    close();
  }
}

/** Prints up to `count` samples; fewer once `signal` is aborted. Gives the first `kept` of them. */
export async function printSamples(
  engine: Engine,
  tokenizer: Tokenizer,
  random: PythonRandom,
  options: SampleOptions,
  count: number,
  signal: AbortSignal,
  output: Output,
  kept = 0,
): Promise<string[]> {
  const samples: string[] = [];
  await setImmediate(); // lets a signal in
  if (signal.aborted) return samples;
  let index = 0;
  for await (const text of sampleDocuments(engine, tokenizer, random, options, count)) {
    index++;
    output.record({ type: 'sample', index, text });
    output.line(`sample ${String(index).padStart(2)}: ${text}`);
    if (index <= kept) samples.push(text);
    await output.drained();
    await setImmediate();
    if (signal.aborted) break;
  }
  return samples;
}

/** The engine of the run unless another one is asked for; the CPU's where the run's GPU is missing. */
export async function sampleEngine(
  choice: EngineChoice,
  run: Omit<SavedModel, 'random' | 'step'>,
): ReturnType<typeof createEngine> {
  const { model, training, engine } = run.config;
  const spec: EngineSpec = {
    model,
    training,
    parameters: run.parameters,
    documents: oneDocument(run.tokenizer),
  };
  // Strategies differ in how they train: for sampling there is nothing to try.
  if (choice.engine === 'webgpu' && choice.launch === 'auto')
    return createEngine({ ...choice, launch: 'graph' }, spec);
  if (choice.engine !== 'auto') return createEngine(choice, spec);
  const launch = choice.launch === 'auto' && engine.launch !== undefined ? engine.launch : choice.launch;
  try {
    return await createEngine({ ...choice, engine: engine.name, launch }, spec);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    const made = await createEngine({ ...choice, engine: 'cpu', launch: 'auto' }, spec);
    return { ...made, reason: `${made.reason}: the run's engine, ${engine.name}, is not available here` };
  }
}

/** Engines are made for training and want documents; sampling uses none. */
function oneDocument({ bos }: Tokenizer): EngineSpec['documents'] {
  return { count: 1, tokens: Uint32Array.of(bos, bos), offsets: Uint32Array.of(0, 2) };
}
