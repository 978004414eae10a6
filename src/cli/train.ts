// microgpt train: text in, a trained model and its samples out, as microgpt.py does it.

import { createEngine, type ChosenEngine, type EngineChoice } from '../engines.ts';
import {
  checkModelConfig,
  checkTrainingConfig,
  type ModelConfig,
  type TrainingConfig,
} from '../model/config.ts';
import { countParameters } from '../model/parameters.ts';
import { prepareRun, type PreparedRun } from '../train/prepare.ts';
import { ProgressMeter } from '../train/progress.ts';
import type { DataSummary } from '../train/records.ts';
import { fingerprintDocuments, type RunConfig, type SavedRun } from '../train/run-files.ts';
import { train, type TrainChunk } from '../train/trainer.ts';
import { ConfigError, DataError } from '../util/errors.ts';
import { shellQuote } from './arguments.ts';
import { readSource } from './data.ts';
import { catchInterrupt, INTERRUPTED, type Interrupt } from './interrupt.ts';
import { readKernelChoices } from './kernel-choices.ts';
import type { Output } from './output.ts';
import { duration, ProgressLines, rate } from './progress-lines.ts';
import { checkNoRun, checkWritableRun, claimDirectory, writeRun } from './run-directory.ts';
import { printSamples } from './sample.ts';

export interface TrainSettings {
  /** builtin, names, - or a path. */
  readonly source: string;
  readonly choice: EngineChoice;
  readonly model: Omit<ModelConfig, 'vocabSize'>;
  readonly training: TrainingConfig;
  readonly sampling: RunConfig['sampling'];
  /** Where the run is saved, if anywhere. */
  readonly out?: string | undefined;
  /** The run that this one goes on with, read from `out`. */
  readonly resume?: SavedRun | undefined;
}

/** In f64 these take 4 GiB, before any gradient or moment. */
const MAX_PARAMETERS = 2 ** 29;

/** Gives the exit status. */
export async function trainCommand(settings: TrainSettings, output: Output): Promise<number> {
  const { resume, out, model, training } = settings;
  // Before the text is read: what is wrong must not wait for a download or for standard input.
  checkTrainingConfig(training);
  checkModelConfig({ ...model, vocabSize: 2 });
  checkSize(model);
  if (out !== undefined && resume === undefined) await checkNoRun(out);
  const documents = await readSource(settings.source, (text) => output.note(text));
  const data = {
    source: settings.source,
    documents: documents.length,
    sha256: await fingerprintDocuments(documents),
  };
  if (resume !== undefined) checkSameData(resume.config.data, data, out);
  const prepared = prepareRun({ documents, model, training });
  output.detail(`num docs: ${documents.length}`);
  output.detail(`vocab size: ${prepared.tokenizer.vocabSize}`);
  output.detail(`num params: ${prepared.spec.parameters.length}`);

  const claimed = out !== undefined && resume === undefined ? await claimDirectory(out) : undefined;
  if (out !== undefined && resume !== undefined) await checkWritableRun(out);
  const interrupt = catchInterrupt(() => output.note('stopping at the next step (Ctrl-C again: at once)'));
  try {
    const kernels = await readKernelChoices((text) => output.note(text));
    const tuning = { cache: kernels, note: (text: string) => output.note(text) };
    const chosen = await createEngine({ ...settings.choice, tuning }, prepared.spec);
    await kernels.save();
    try {
      return await trainAndSample(settings, prepared, data, chosen, interrupt, output);
    } finally {
      chosen.close();
    }
  } finally {
    interrupt.release();
    claimed?.release();
  }
}

async function trainAndSample(
  { sampling, out, resume }: TrainSettings,
  { spec, tokenizer, random }: PreparedRun,
  data: DataSummary,
  { engine, reason, measured }: ChosenEngine,
  interrupt: Interrupt,
  output: Output,
): Promise<number> {
  if (resume !== undefined) {
    await engine.load(resume.state);
    random.setState(resume.random);
  }
  const { model, training } = spec;
  const from = resume?.state.step ?? 0;
  output.note(`engine: ${reason}`);
  const parameters = spec.parameters.length;
  output.record({
    type: 'config',
    model,
    training,
    parameters,
    data,
    engine: engine.info,
    reason,
    step: from,
  });
  for (const { engine: name, milliseconds } of measured) {
    output.record({ type: 'measurement', name: `${name} step`, value: milliseconds, unit: 'ms' });
  }
  if (resume !== undefined) output.detail(`going on after step ${from} of ${training.steps}`);

  const losses = Array.from(resume?.losses ?? []); // of all steps, where they are saved
  let last: TrainChunk | undefined;
  const meter = new ProgressMeter(spec);
  const lines = new ProgressLines(output, training.steps);
  const signal = AbortSignal.any([interrupt.signal, output.closed]);
  for await (const chunk of train(engine, training, { from, signal })) {
    if (out !== undefined) for (const loss of chunk.losses) losses.push(loss);
    last = chunk;
    lines.show(chunk, meter.update(chunk));
    await output.drained();
  }
  output.endStatus();

  const step = last?.step ?? from;
  const total = meter.total();
  if (step > from) output.note(speed(step - from, total));
  if (out !== undefined && step > from) {
    const { engine: name, launch } = engine.info;
    const config = { model, training, data, engine: launch ? { name, launch } : { name }, sampling };
    await writeRun(out, {
      config,
      tokenizer,
      state: await engine.state(),
      random: random.getState(),
      losses,
    });
    output.record({ type: 'checkpoint', step, directory: out });
    output.note(`saved in ${out}`);
  }
  if (step === training.steps) {
    output.detail('--- inference (new, hallucinated names) ---');
    const options = { temperature: sampling.temperature, blockSize: model.blockSize };
    await printSamples(engine, tokenizer, random, options, sampling.samples, signal, output);
  }
  const interrupted = interrupt.signal.aborted;
  if (interrupted) output.note(stopped(step, training.steps, out, step > 0));
  const loss = last?.losses.at(-1) ?? losses.at(-1);
  output.record({
    type: 'done',
    step,
    ...(loss === undefined ? {} : { loss }),
    ...total,
    ...(interrupted ? { interrupted } : {}),
  });
  return interrupted ? INTERRUPTED : 0;
}

/** Before anything of that size is made. */
function checkSize(model: Omit<ModelConfig, 'vocabSize'>): void {
  const least = countParameters({ ...model, vocabSize: 2 });
  if (least > MAX_PARAMETERS) {
    throw new ConfigError(
      `A model of ${least.toExponential(1)} parameters is too large: expected at most ${MAX_PARAMETERS}. ` +
        'Choose a smaller --n-layer, --n-embd or --block-size.',
    );
  }
}

function checkSameData(was: DataSummary, is: DataSummary, directory = ''): void {
  if (is.sha256 === was.sha256) return;
  throw new DataError(
    `--resume ${directory}: ${is.source} is not the text that this run began with: expected ${was.documents} documents ` +
      `with sha256 ${was.sha256.slice(0, 12)}…, got ${is.documents} with ${is.sha256.slice(0, 12)}…. ` +
      'Give the same text by --data.',
  );
}

function speed(steps: number, total: ReturnType<ProgressMeter['total']>): string {
  return (
    `${steps} ${steps === 1 ? 'step' : 'steps'} in ${total.seconds < 60 ? `${total.seconds.toFixed(2)} s` : duration(total.seconds)}: ` +
    `${rate(total.stepsPerSecond)} steps/s, ${rate(total.tokensPerSecond)} tokens/s`
  );
}

function stopped(step: number, steps: number, out: string | undefined, any: boolean): string {
  const where = `stopped after step ${step} of ${steps}`;
  if (out === undefined) return `${where}; nothing was saved (that takes --out DIR)`;
  if (!any) return `${where}; there was nothing to save`;
  return `${where}; go on with: microgpt train --resume ${shellQuote(out)}`;
}
