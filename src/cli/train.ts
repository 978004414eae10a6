// microgpt train: text in, a trained model and its samples out, as microgpt.py does it.

import { textUse } from '../data/text-use.ts';
import type { EngineChoice } from '../engine/choice.ts';
import { createEngine, type ChosenEngine } from '../engine/choose.ts';
import {
  checkModelConfig,
  checkTrainingConfig,
  type ModelConfig,
  type ModelOptions,
  type TrainingConfig,
} from '../config/config.ts';
import { countParameters } from '../model/parameters.ts';
import { prepareRun, type PreparedRun } from '../train/prepare.ts';
import { ProgressMeter } from '../train/progress.ts';
import type { DataSummary } from '../train/records.ts';
import { engineOf, otherEngine } from '../train/run-engine.ts';
import { fingerprintDocuments, type RunConfig, type SavedRun } from '../train/run-files.ts';
import { train, type TrainChunk } from '../train/trainer.ts';
import { firstNotFinite, TrainingError } from '../train/finite.ts';
import { ResilientEngine } from '../engine/resilient.ts';
import type { Engine, TrainingState } from '../engine/engine.ts';
import { CheckpointError, ConfigError, DataError, DeviceError } from '../util/errors.ts';
import { shellQuote, type Every } from './arguments.ts';
import { readSource } from './data.ts';
import { catchInterrupt, INTERRUPTED, type Interrupt } from './interrupt.ts';
import { readKernelChoices } from './kernel-choices.ts';
import type { Output } from './output.ts';
import { duration, ProgressLines, rate } from './progress-lines.ts';
import { checkNoRun, checkWritableRun, claimDirectory, type ClaimedDirectory } from './run-directory.ts';
import { RunSaver } from './run-saver.ts';
import { RunStore } from './run-store.ts';
import { printSamples } from './sample.ts';
import { MOST_LOOKED_UP, noteCut, printCopies, type TrainingText } from './training-text.ts';

export interface TrainSettings {
  /** builtin, names, - or a path. */
  readonly source: string;
  readonly choice: EngineChoice;
  readonly model: ModelOptions;
  readonly training: TrainingConfig;
  readonly sampling: RunConfig['sampling'];
  /** Where the run is saved, if anywhere. */
  readonly out?: string | undefined;
  /** Whether it is taken even where another process seems to write into it. */
  readonly force?: boolean | undefined;
  /** How often it is saved on the way. */
  readonly checkpointEvery: Every;
  /** The run that this one goes on with, read from `resumeFrom`. */
  readonly resume?: SavedRun | undefined;
  /** `out` itself, or a checkpoint's file. */
  readonly resumeFrom?: string | undefined;
  /** What there was to say of it. */
  readonly notices?: readonly string[];
}

/** In f64 these take 4 GiB, before any gradient or moment. */
const MAX_PARAMETERS = 2 ** 29;

/** Gives the exit status. */
export async function trainCommand(settings: TrainSettings, output: Output): Promise<number> {
  const { resume, resumeFrom, out, model, training, notices = [] } = settings;
  /** Whether `out` holds the run already. */
  const again = resume !== undefined && resumeFrom === out;
  for (const notice of notices) output.note(notice);
  // Before the text is read: what is wrong must not wait for a download or for standard input.
  checkTrainingConfig(training);
  checkModelConfig({ ...model, vocabSize: 2 });
  checkSize(model);
  if (out !== undefined && !again) await checkNoRun(out);
  const documents = await readSource(settings.source, (text) => output.note(text));
  const data = {
    source: settings.source,
    documents: documents.length,
    sha256: await fingerprintDocuments(documents),
  };
  if (resume !== undefined) checkSameData(resume.config.data, data, `--resume ${resumeFrom}`);
  const prepared = prepareRun({ documents, model, training });
  if (resume !== undefined) checkSameVocabulary(resume.tokenizer.chars, prepared.tokenizer.chars, resumeFrom);
  output.detail(`num docs: ${documents.length}`);
  output.detail(`vocab size: ${prepared.tokenizer.vocabSize}`);
  output.detail(`num params: ${prepared.spec.parameters.length}`);
  const given = { documents, data, use: textUse(prepared.spec.documents, model.blockSize) };
  noteCut(given.use, model.blockSize, resume !== undefined, output);

  const claimed = out !== undefined && !again ? await claimDirectory(out) : undefined;
  if (out !== undefined && again) await checkWritableRun(out);
  const store = out === undefined ? undefined : await openStore(out, claimed, settings.force);
  const interrupt = catchInterrupt(() =>
    output.note(
      `stopping after this step; press Ctrl-C again to stop now${out === undefined ? '' : ', without saving it'}`,
    ),
  );
  try {
    const kernels = await readKernelChoices((text) => output.note(text));
    const tuning = { cache: kernels, note: (text: string) => output.note(text) };
    const choice = { ...settings.choice, tuning };
    const chosen = await createEngine(choice, prepared.spec);
    await kernels.save();
    const engine =
      chosen.engine.info.engine === 'webgpu'
        ? new ResilientEngine(chosen, choice, prepared.spec, (text) => output.note(text))
        : chosen.engine;
    try {
      return await trainAndSample(settings, prepared, given, { ...chosen, engine }, store, interrupt, output);
    } finally {
      engine.dispose();
      chosen.close();
    }
  } finally {
    interrupt.release();
    store?.close();
    claimed?.release();
  }
}

async function trainAndSample(
  { sampling, out, checkpointEvery, resume, resumeFrom }: TrainSettings,
  { spec, tokenizer, random }: PreparedRun,
  given: TrainingText & { readonly data: DataSummary },
  { engine, reason, measured }: Pick<ChosenEngine, 'engine' | 'reason' | 'measured'>,
  store: RunStore | undefined,
  interrupt: Interrupt,
  output: Output,
): Promise<number> {
  if (resume !== undefined) {
    await engine.load(resume.state);
    random.setState(resume.random);
  }
  const { model, training } = spec;
  const { data, use } = given;
  const from = resume?.state.step ?? 0;
  output.note(`engine: ${reason}`);
  const parameters = spec.parameters.length;
  output.record({
    type: 'config',
    model,
    training,
    parameters,
    data,
    text: use,
    engine: engine.info,
    reason,
    step: from,
  });
  for (const { engine: name, launch, milliseconds } of measured) {
    const of = launch === undefined ? name : `${name} ${launch}`;
    output.record({ type: 'measurement', name: `${of} step`, value: milliseconds, unit: 'ms' });
  }
  if (resume !== undefined) {
    output.detail(`resuming after step ${from} of ${training.steps}`);
    const other = otherEngine(resume.config.engine, engineOf(engine.info));
    if (other !== undefined) output.note(other);
  }

  const run = { model, training, data, engine: engineOf(engine.info), sampling };
  const saver =
    store &&
    new RunSaver(
      store,
      checkpointEvery,
      engine,
      { config: run, tokenizer, random: random.getState() },
      { losses: resume?.losses ?? [], saved: resumeFrom === out ? from : 0 },
    );
  let last: TrainChunk | undefined;
  const meter = new ProgressMeter(spec);
  meter.recall(resume?.losses ?? []);
  let total = meter.total();
  const lines = new ProgressLines(output, training.steps);
  const signal = AbortSignal.any([interrupt.signal, output.closed]);
  try {
    for await (const chunk of train(engine, training, { from, signal, every: checkpointEvery.steps })) {
      last = chunk;
      const progress = meter.update(chunk);
      lines.show(chunk, progress);
      const file = await saver?.add(chunk, progress.smoothedLoss);
      if (file !== undefined) output.record({ type: 'checkpoint', step: chunk.step, directory: out!, file });
      await output.drained();
    }
    output.endStatus();
    const done = last?.step ?? from;
    total = meter.total();
    if (done > from) output.note(speed(done - from, total));
    // Without a new step too where the run goes to another directory, or was killed in the middle of this.
    if (
      saver !== undefined &&
      (done > from || (resume !== undefined && resumeFrom !== out) || store!.holds(done))
    ) {
      await saver.finish();
      output.record({ type: 'checkpoint', step: done, directory: out! });
      output.note(`saved in ${out}`);
    }
  } catch (error) {
    if (error instanceof TrainingError) throw await diagnosed(error, engine, model, out, saver);
    if (error instanceof DeviceError && engine instanceof ResilientEngine)
      throw await rescued(error, engine.kept, out, saver);
    throw error;
  }

  const step = last?.step ?? from;
  let copies = {};
  if (step === training.steps) {
    output.detail('--- inference ---');
    const options = { ...sampling, blockSize: model.blockSize };
    const printed = await printSamples(
      engine,
      tokenizer,
      random,
      options,
      sampling.samples,
      signal,
      output,
      MOST_LOOKED_UP,
    );
    copies = printCopies(printed, given, model.blockSize, output);
  }
  const interrupted = interrupt.signal.aborted;
  if (interrupted || (signal.aborted && step < training.steps)) {
    output.stopped(stopped(step, training.steps, out, step > 0));
  }
  const problem = step === training.steps ? meter.problem() : '';
  if (problem !== '') output.note(problem);
  const loss = last?.losses.at(-1) ?? resume?.losses[resume.losses.length - 1];
  output.record({
    type: 'done',
    step,
    ...(loss === undefined ? {} : { loss }),
    ...total,
    ...copies,
    ...(problem === '' ? {} : { problem }),
    ...(interrupted ? { interrupted } : {}),
  });
  return interrupted ? INTERRUPTED : 0;
}

/** The error, with where the numbers went wrong and what there is to go back to. */
async function diagnosed(
  error: TrainingError,
  engine: Engine,
  model: ModelConfig,
  out: string | undefined,
  saver: RunSaver | undefined,
): Promise<TrainingError> {
  const bad = firstNotFinite(model, await engine.state());
  const tensor =
    bad === undefined || error.message.includes(bad) ? '' : ` At the next readback ${bad} was not finite.`;
  return new TrainingError(`${error.message}${tensor} ${lastState(out, saver)}`, { cause: error });
}

/** The error of a device that is gone for good, with how to go on from the last state, which is saved where there is a place. */
async function rescued(
  error: DeviceError,
  kept: TrainingState | undefined,
  out: string | undefined,
  saver: RunSaver | undefined,
): Promise<DeviceError> {
  if (kept !== undefined) await saver?.rescue(kept);
  const what =
    (saver?.savedStep ?? 0) > 0
      ? `Resume with: microgpt train --resume ${shellQuote(out!)}, on the CPU with --engine cpu.`
      : 'Train again, with --engine cpu if it recurs.';
  return new DeviceError(`${error.message} ${lastState(out, saver)} ${what}`, { cause: error });
}

function lastState(out: string | undefined, saver: RunSaver | undefined): string {
  const saved = saver?.savedStep ?? 0;
  return saved > 0 ? `The last good state, after step ${saved}, is in ${out}.` : 'Nothing was saved.';
}

/** Releases what was made for the run where another process writes into it. */
async function openStore(
  out: string,
  claimed: ClaimedDirectory | undefined,
  force: boolean | undefined,
): Promise<RunStore> {
  try {
    return await RunStore.open(out, force);
  } catch (error) {
    claimed?.release();
    throw error;
  }
}

/** Throws ConfigError before anything of that size is made. */
export function checkSize(model: ModelOptions): void {
  const least = countParameters({ ...model, vocabSize: 2 });
  if (least > MAX_PARAMETERS) {
    throw new ConfigError(
      `A model of ${least.toExponential(1)} parameters is too large: expected at most ${MAX_PARAMETERS}. ` +
        'Choose a smaller --n-layer, --n-embd or --block-size.',
    );
  }
}

/** Throws DataError where the text is another one than what `where` holds began with. */
export function checkSameData(was: DataSummary, is: DataSummary, where: string): void {
  if (is.sha256 === was.sha256) return;
  throw new DataError(
    `${where}: ${is.source} is not the text that this run began with: expected ${was.documents} documents ` +
      `with sha256 ${was.sha256.slice(0, 12)}…, got ${is.documents} with ${is.sha256.slice(0, 12)}…. ` +
      'Give the same text with --data.',
  );
}

/** The text has been found the same: it is the saved vocabulary that was changed. */
function checkSameVocabulary(saved: readonly string[], own: readonly string[], from = ''): void {
  const at = own.findIndex((char, i) => char !== saved[i]);
  if (at < 0 && saved.length === own.length) return;
  throw new CheckpointError(
    `--resume ${from}: the vocabulary does not match its text: expected ${JSON.stringify(own[at])} as character ${at}, ` +
      `got ${JSON.stringify(saved[at])}. The run is damaged: restore tokenizer.json from a copy or train it again.`,
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
  if (out === undefined) return `${where}; nothing was saved (to save, give --out DIR)`;
  if (!any) return `${where}; there was nothing to save`;
  return `${where}; resume with: microgpt train --resume ${shellQuote(out)}`;
}
