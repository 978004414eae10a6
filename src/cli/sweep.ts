// microgpt sweep: the same training with many settings; the best model becomes an ordinary run.

import { textUse } from '../data/text-use.ts';
import {
  checkModelConfig,
  checkTrainingConfig,
  type CommonTraining,
  type ModelOptions,
  type TrainingConfig,
} from '../config/config.ts';
import type { ModelSource, SweepChoice } from '../engine/choice.ts';
import { chooseEngines } from '../engine/choose.ts';
import { TrainingError } from '../train/finite.ts';
import { pickLosses } from '../train/metrics-file.ts';
import { problemOfBest } from '../train/outcome.ts';
import { prepareRun } from '../train/prepare.ts';
import { ResilientEngines } from '../engine/recovery.ts';
import type { DataSummary } from '../train/records.ts';
import { fingerprintDocuments, type RunConfig, type SavedRun } from '../train/run-files.ts';
import { AXIS_LABELS, gridPoint, gridSize, varyingAxes, type Axes } from '../train/sweep-grid.ts';
import { rankSettings, tiedWithBest, verdictOf } from '../train/sweep-judge.ts';
import {
  runSweep,
  smoothingWindow,
  sweepSource,
  type BestModel,
  type ModelResult,
  type RunSweepOptions,
  type SweepOptions,
  type SweepOutcome,
  type SweepEngines,
} from '../train/sweep.ts';
import { ConfigError } from '../util/errors.ts';
import { PythonRandom } from '../util/python-random.ts';
import { readSource } from './data.ts';
import { catchInterrupt, INTERRUPTED, type Interrupt } from './interrupt.ts';
import type { Output } from './output.ts';
import { duration, rate } from './progress-lines.ts';
import { MOST_VALUES } from './ranges.ts';
import { claimAlone } from './run-directory.ts';
import { engineOf, otherEngine } from '../train/run-engine.ts';
import { printSamples, sampleEngine } from './sample.ts';
import { readUnfinished, SweepSaver, type Unfinished } from './sweep-directory.ts';
import { SweepProgressLines, type SweepTotal } from './sweep-progress.ts';
import { settingTable, sweepTable } from './sweep-table.ts';
import { checkSameData, checkSize } from './train.ts';
import { MOST_LOOKED_UP, noteCut, printCopies } from './training-text.ts';

export interface SweepSettings extends Pick<SweepOptions, 'axes'> {
  readonly model: ModelOptions;
  readonly training: CommonTraining;
  /** builtin, names, - or a path. */
  readonly source: string;
  readonly choice: SweepChoice;
  /** Of the best model. */
  readonly sampling: RunConfig['sampling'];
  /** Where sweep.json, sweep.svg and the best run go, if anywhere; the same sweep there, if it was ended early, goes on. */
  readonly out?: string | undefined;
  /** Whether `out` is taken even where another process seems to write into it. */
  readonly force?: boolean | undefined;
}

/** Gives the exit status. */
export async function sweepCommand(settings: SweepSettings, output: Output): Promise<number> {
  const { out, model, training, axes } = settings;
  // Before the text is read: what is wrong must not wait for a download or for standard input.
  checkTrainingConfig({ ...training, ...gridPoint(axes, 0) });
  checkModelConfig({ ...model, vocabSize: 2 });
  checkSize(model);
  checkModels(axes);
  let before = out === undefined ? undefined : await readUnfinished(out, settings);
  const documents = await readSource(settings.source, (text) => output.note(text));
  const data = {
    source: settings.source,
    documents: documents.length,
    sha256: await fingerprintDocuments(documents),
  };
  const check = async () => {
    before = await readUnfinished(out!, settings);
    if (before !== undefined) checkSameData(before.data, data, `--out ${out}`);
  };
  const claimed = out === undefined ? undefined : await claimAlone(out, check, settings.force);
  const interrupt = catchInterrupt(() =>
    output.note(
      out === undefined
        ? 'stopping after this step; press Ctrl-C again to stop now, without any result'
        : 'stopping after this step; press Ctrl-C again to stop now',
    ),
  );
  try {
    return await sweepAndSave({ ...settings, documents }, data, before, interrupt, output);
  } finally {
    interrupt.release();
    claimed?.release();
  }
}

async function sweepAndSave(
  settings: SweepSettings & SweepOptions,
  data: DataSummary,
  before: Unfinished | undefined,
  interrupt: Interrupt,
  output: Output,
): Promise<number> {
  const { training, axes, out } = settings;
  const source = sweepSource(settings);
  const { model, size } = source;
  const parameters = source.member(0).parameters.length;
  output.detail(`num docs: ${data.documents}`);
  output.detail(`vocab size: ${model.vocabSize}`);
  output.detail(`num params: ${parameters}`);
  output.detail(`models: ${productText(axes)}`);
  const given = { documents: settings.documents, use: textUse(source.documents, model.blockSize) };
  noteCut(given.use, model.blockSize, false, output);
  const signal = AbortSignal.any([interrupt.signal, output.closed]);
  const window = smoothingWindow(training.steps);
  const known = before?.known ?? [];
  if (known.length > 0) output.note(`resuming: ${known.length} of ${size} models in ${out} are done`);
  const choice = choiceOf(settings.choice, before);
  const chosen = await chooseEngines(choice, source);
  const { info: engine, reason } = chosen;
  const engines = new ResilientEngines(chosen, choice, source, (text) => output.note(text));
  const progress = new SweepProgressLines(output, known.length * training.steps);
  const sweep = { model, training, axes, data, engine: engineOf(engine), smoothingWindow: window };
  const saver = out && new SweepSaver(out, sweep, (best) => runOf(settings, data, best));
  let outcome: SweepOutcome;
  try {
    output.note(`engine: ${reason}`);
    const other = before && otherEngine(before.engine, sweep.engine, 'sweep');
    if (other !== undefined) output.note(other);
    const all = { model, training, axes, models: size, parameters, data, text: given.use, engine, reason };
    output.record({ type: 'sweep', ...all, smoothingWindow: window });
    outcome = await runSweep(source, engines, {
      known,
      signal,
      onProgress: (now) => progress.show(now),
      ...(saver && { onDone: (now) => saver.keep(now) }),
    });
    if (before?.best === undefined) outcome = await withBest(outcome, source, engines, { signal });
  } finally {
    engines.close();
  }
  output.endStatus();
  const { results, failure } = outcome;
  const total = progress.total();
  const verdict = await printResults(settings, outcome, total, output);

  const best = outcome.best === undefined ? before?.best : runOf(settings, data, outcome.best);
  if (saver && results.length > 0) {
    const paths = await saver.finish(outcome);
    if (best !== undefined) {
      output.record({ type: 'checkpoint', step: best.state.step, directory: paths[paths.length - 1] });
    }
    output.note(`saved: ${paths.join(', ')}`);
  }
  if (failure !== undefined) {
    output.note(stopped(results, size, training.steps, out));
    throw failure;
  }
  const samples = best?.state.step === training.steps ? await sampleBest(settings, best, signal, output) : [];
  const copies = printCopies(samples, given, model.blockSize, output);

  const interrupted = interrupt.signal.aborted;
  if (interrupted || output.closed.aborted) output.stopped(stopped(results, size, training.steps, out));
  const diverged = results.filter((result) => result.diverged).length;
  const loss = results[0]?.loss;
  const problem =
    best?.state.step === training.steps && loss !== undefined ? problemOfBest(loss, model.vocabSize) : '';
  if (problem !== '') output.note(problem);
  const [setting] = rankSettings(axes, results);
  output.record({
    type: 'done',
    models: results.length,
    diverged,
    ...(loss === undefined ? {} : { loss }),
    ...(setting === undefined ? {} : { setting }),
    ...(verdict === undefined ? {} : { verdict }),
    ...total,
    ...copies,
    ...(problem === '' ? {} : { problem }),
    ...(interrupted ? { interrupted } : {}),
  });
  if (diverged > 0 && diverged === results.length) throw allDiverged(results, axes);
  return interrupted ? INTERRUPTED : 0;
}

/** Where an earlier sweep has begun, its engine and build, which give the same bits, unless another one is asked for. */
function choiceOf(choice: SweepChoice, before: Unfinished | undefined): SweepChoice {
  if (before === undefined || before.engine.name === 'oracle') return choice;
  const { name, build } = before.engine;
  return { ...choice, engine: choice.engine === 'auto' ? name : choice.engine, build };
}

/** With the run of the best model, which is trained again where an earlier sweep was ended before it was saved. */
async function withBest(
  outcome: SweepOutcome,
  source: ModelSource,
  engines: SweepEngines,
  options: RunSweepOptions,
): Promise<SweepOutcome> {
  const result = outcome.results.at(0);
  if (outcome.best !== undefined || outcome.failure !== undefined) return outcome;
  if (result === undefined || result.diverged === true) return outcome;
  const alone = { ...source, size: 1, member: () => source.member(result.index) };
  const { best } = await runSweep(alone, engines, options);
  return best?.result.step === result.step ? { ...outcome, best: { ...best, result } } : outcome;
}

/** Gives the verdict. */
async function printResults(
  { training, axes }: SweepSettings,
  { results }: SweepOutcome,
  { modelSteps, seconds, modelStepsPerSecond }: SweepTotal,
  output: Output,
): Promise<string | undefined> {
  if (results.length === 0) return undefined;
  const time = seconds < 60 ? `${seconds.toFixed(2)} s` : duration(seconds);
  if (modelSteps > 0)
    output.note(`${modelSteps} model-steps in ${time}: ${rate(modelStepsPerSecond)} model-steps/s`);
  for (const [i, result] of results.entries()) {
    output.record({ type: 'model', rank: i + 1, ...gridPoint(axes, result.index), ...result });
    await output.drained();
  }
  const ranked = rankSettings(axes, results);
  const tied = tiedWithBest(ranked);
  for (const [i, own] of ranked.entries()) {
    const { setting, ...found } = own;
    output.record({
      type: 'setting',
      rank: i + 1,
      best: i === 0 || tied.includes(own),
      ...setting,
      ...found,
    });
    await output.drained();
  }
  for (const line of sweepTable(axes, results, training.steps)) output.line(line);
  for (const line of settingTable(axes, ranked, results)) output.line(line);
  const verdict = verdictOf(axes, ranked);
  if (verdict !== undefined) output.line(verdict);
  const window = smoothingWindow(training.steps);
  output.detail(`final loss: mean over the last ${window} steps ± its standard error`);
  return verdict;
}

/** The best model as `microgpt train` with its settings would save it. */
function runOf(
  { documents, model, axes, training, sampling }: SweepSettings & SweepOptions,
  data: DataSummary,
  best: BestModel,
): SavedRun {
  const own: TrainingConfig = { ...training, ...gridPoint(axes, best.result.index) };
  const { spec, tokenizer, random } = prepareRun({ documents, model, training: own });
  const config = { model: spec.model, training: own, data, engine: engineOf(best.engine), sampling };
  const losses = pickLosses(best.losses, training.steps);
  return { config, tokenizer, state: best.state, random: random.getState(), losses };
}

async function sampleBest(
  { choice, sampling }: SweepSettings,
  run: SavedRun,
  signal: AbortSignal,
  output: Output,
): Promise<string[]> {
  if (sampling.samples === 0 || signal.aborted) return [];
  const model = { ...run, parameters: run.state.parameters };
  const { engine, close } = await sampleEngine({ ...choice, engine: 'auto', launch: 'auto' }, model);
  try {
    output.detail('--- inference of the best model ---');
    const random = new PythonRandom(0);
    random.setState(run.random);
    const options = { ...sampling, blockSize: run.config.model.blockSize };
    return await printSamples(
      engine,
      run.tokenizer,
      random,
      options,
      sampling.samples,
      signal,
      output,
      MOST_LOOKED_UP,
    );
  } finally {
    close();
  }
}

function checkModels(axes: Axes): void {
  const size = gridSize(axes);
  if (size <= MOST_VALUES) return;
  throw new ConfigError(
    `sweep: expected at most ${MOST_VALUES} models, got ${productText(axes)}. Use shorter lists or ranges.`,
  );
}

/** `72 = 8 seed × 9 lr` */
function productText(axes: Axes): string {
  const factors = varyingAxes(axes).map((name) => `${axes[name].length} ${AXIS_LABELS[name]}`);
  const size = String(gridSize(axes));
  return factors.length === 0 ? size : `${size} = ${factors.toReversed().join(' × ')}`;
}

function allDiverged(results: readonly ModelResult[], axes: Axes): TrainingError {
  // Before the first update there is no learning rate to blame.
  const rates = results.some(({ step }) => step > 0);
  const what = rates
    ? `learning rates than ${Math.min(...axes.learningRate)}`
    : `initial scales than ${Math.min(...axes.initScale)}`;
  return new TrainingError(
    `sweep: all ${results.length} models diverged: expected finite losses. Try smaller ${what}.`,
  );
}

function stopped(
  results: readonly ModelResult[],
  size: number,
  steps: number,
  out: string | undefined,
): string {
  const whole = results.filter(({ step, diverged }) => diverged || step === steps).length;
  const part = results.length - whole;
  const counts = `stopped: of ${size} models ${whole} were trained to the end, ${part} in part, ${size - results.length} not at all`;
  return out === undefined || whole === 0 ? counts : `${counts}; run the same command again to resume`;
}
