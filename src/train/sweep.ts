// A sweep: the same training with many settings, a population at a time, ranked by how well each model ends.

import { createTokenizer, tokenizeDocuments } from '../data/tokenizer.ts';
import {
  DEFAULT_MODEL,
  DEFAULT_TRAINING,
  type CommonTraining,
  type ModelConfig,
  type ModelOptions,
  type TrainingConfig,
} from '../config/config.ts';
import type { ModelSource } from '../engine/choice.ts';
import type { ChosenEngines } from '../engine/choose.ts';
import type { Engine, EngineInfo, TrainingState } from '../engine/engine.ts';
import { orderLength, partOf, statesOf } from '../engine/models.ts';
import { initParameters } from '../model/parameters.ts';
import { DeviceError } from '../util/errors.ts';
import { PythonRandom } from '../util/python-random.ts';
import { nextCount, turn } from '../util/turns.ts';
import { gridPoint, gridSize, type Axes } from './sweep-grid.ts';

export interface SweepOptions {
  /** In the order of the file. */
  readonly documents: readonly string[];
  /** What is left out is as in microgpt.py; the vocabulary comes from the documents. */
  readonly model: Partial<ModelOptions>;
  /** What all models have in common, likewise; of the rest the axes have the values. */
  readonly training: Partial<CommonTraining>;
  readonly axes: Axes;
}

/** How one model ended. */
export interface ModelResult {
  /** Its place in the grid. */
  readonly index: number;
  /** Steps that have a finite loss: fewer than the run's where it diverged or was stopped. */
  readonly step: number;
  /** Final loss: the mean over the last `smoothingWindow` steps, nats per token. Absent without a step or after divergence. */
  readonly loss?: number;
  /** Standard error of that mean: how far it may be off because it saw these documents and not others. */
  readonly error?: number;
  /** True where the loss of step `step` + 1 was no finite number. */
  readonly diverged?: boolean;
}

export interface BestModel {
  readonly result: ModelResult;
  readonly losses: Float64Array;
  readonly state: TrainingState;
  /** What trained it: another one than the first models', where the device was lost. */
  readonly engine: EngineInfo;
}

export interface SweepOutcome {
  /** Of all models that were begun, the best first. */
  readonly results: readonly ModelResult[];
  /** The first of them, if it did not diverge and was not known before, with all that a run needs. */
  readonly best?: BestModel;
  /** Why the rest was not trained: the device failed after some populations were. */
  readonly failure?: DeviceError;
}

export interface SweepProgress {
  /** Steps done of all models together, and of how many. */
  readonly modelSteps: number;
  readonly allModelSteps: number;
  /** Models done, and of how many. */
  readonly models: number;
  readonly allModels: number;
  /** Steps done of those that train now, and of how many. */
  readonly step: number;
  readonly steps: number;
  readonly best?: ModelResult;
}

export interface SweepEngines extends Pick<ChosenEngines, 'capacity' | 'create'> {
  /**
   * Makes engines possible again after an error of the device, `done` models having been trained so far; what was under way
   * begins anew. Throws DeviceError where that is in vain. Without it every such error ends the sweep.
   */
  recover?(lost: DeviceError, done: number): Promise<void>;
}

export interface RunSweepOptions {
  /** How the first models of the grid ended, where an earlier sweep has trained them: `doneBefore`. */
  readonly known?: readonly ModelResult[];
  /** Stops at the next step boundary once it is aborted. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SweepProgress) => void;
  /** All losses so far of the models from `first` on, whenever there are more of them. */
  readonly onLosses?: (first: number, losses: readonly Float64Array[]) => void;
  /** Told, and waited for, whenever models are done: what the outcome would be now. */
  readonly onDone?: (outcome: SweepOutcome) => Promise<void>;
  /** How the models from `first` on end. Without it only the best one's state is asked for. */
  readonly onStates?: (first: number, states: readonly TrainingState[]) => void;
}

/** How long an engine may keep the thread, and how long other work may wait, in milliseconds. */
const INTERVAL = 100;
const PATIENCE = 20;
/** Losses of one population that are kept, in bytes. */
const LOSS_BYTES = 2 ** 28;

/**
 * Models of the same seed share their documents' order and, at one initial scale, their initial values: those that
 * `prepareRun` gives a run with these settings.
 */
export function sweepSource({ documents, model, training, axes }: SweepOptions): ModelSource {
  const tokenizer = createTokenizer(documents);
  const config: ModelConfig = { ...DEFAULT_MODEL, ...model, vocabSize: tokenizer.vocabSize };
  let last: { seed: number; initScale: number; order: Uint32Array; parameters: Float64Array } | undefined;
  const start = (own: TrainingConfig) => {
    const { seed, initScale } = own;
    if (last?.seed === seed && last.initScale === initScale) return last;
    const random = new PythonRandom(seed);
    const order = documents.map((_, i) => i);
    random.shuffle(order);
    const parameters = initParameters(config, random, initScale);
    const needed = order.slice(0, orderLength(documents.length, own));
    return (last = { seed, initScale, order: Uint32Array.from(needed), parameters });
  };
  return {
    model: config,
    documents: tokenizeDocuments(tokenizer, documents),
    size: gridSize(axes),
    member(index) {
      const own: TrainingConfig = { ...DEFAULT_TRAINING, ...training, ...gridPoint(axes, index) };
      const { order, parameters } = start(own);
      return { training: own, order, parameters };
    },
  };
}

/**
 * Trains all models of `source`, as many at a time as fit. Divergence is a result. Throws what engines throw; where the device
 * fails for good later than in the first population, the results of those before it are given, with the error.
 */
export async function runSweep(
  source: ModelSource,
  engines: SweepEngines,
  { known = [], signal, onProgress, onLosses, onDone, onStates }: RunSweepOptions = {},
): Promise<SweepOutcome> {
  const { steps } = source.member(0).training;
  const results = [...known];
  let bestResult = known.toSorted(compareResults).find(({ diverged }) => !diverged);
  let best: BestModel | undefined;
  let failure: DeviceError | undefined;
  const pace: Pace = { k: 1, lastTurn: performance.now() };
  let stopped = false;

  const outcome = (): SweepOutcome => ({
    results: results.toSorted(compareResults),
    ...(best === undefined ? {} : { best }),
    ...(failure === undefined ? {} : { failure }),
  });
  let from = known.length;
  while (from < source.size && !stopped) {
    const first = from;
    const together = Math.max(1, Math.min(engines.capacity, Math.floor(LOSS_BYTES / (8 * steps))));
    const size = Math.min(together, source.size - from);
    const members = Array.from({ length: size }, (_, i) => source.member(first + i));
    let engine: Engine | undefined;
    try {
      engine = await engines.create(members);
      const report = (step: number, losses: readonly Float64Array[]) => {
        onLosses?.(
          first,
          losses.map((all) => all.subarray(0, step)),
        );
        onProgress?.({
          modelSteps: first * steps + size * step,
          allModelSteps: source.size * steps,
          models: step === steps ? first + size : first,
          allModels: source.size,
          step,
          steps,
          ...(bestResult === undefined ? {} : { best: bestResult }),
        });
      };
      const { step, losses, finite } = await trainAll(engine, steps, pace, signal, report);
      stopped = signal?.aborted === true;
      if (step === 0) break;
      const own = losses.map((all, i) => {
        const diverged = finite[i] < step;
        return resultOf(first + i, all.subarray(0, finite[i]), diverged, steps);
      });
      const winner = own.reduce((a, b) => (compareResults(a, b) <= 0 ? a : b));
      const better = !winner.diverged && (bestResult === undefined || compareResults(winner, bestResult) < 0);
      if (better || onStates !== undefined) {
        const states = statesOf(await engine.state(), size);
        onStates?.(first, states);
        if (better) {
          const state = states[winner.index - first];
          best = { result: winner, losses: losses[winner.index - first].slice(), state, engine: engine.info };
          bestResult = winner;
        }
      }
      results.push(...own);
      from += size;
      if (!stopped) await onDone?.(outcome());
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      engine?.dispose();
      failure = await inVain(error, engines, from, signal);
      if (failure === undefined) continue;
      if (results.length === 0) throw failure;
      break;
    } finally {
      engine?.dispose();
    }
  }
  return outcome();
}

/** Of what a sweep has left, the first models of the grid that need no training: those before the first that was not done. */
export function doneBefore(results: readonly ModelResult[], steps: number): ModelResult[] {
  const done: ModelResult[] = [];
  for (const result of results) {
    if (result.diverged || result.step === steps) done[result.index] = result;
  }
  const missing = done.findIndex((result) => result === undefined);
  return missing < 0 ? done : done.slice(0, missing);
}

/** Why the sweep cannot go on after an error of the device, if it cannot. */
async function inVain(
  lost: DeviceError,
  engines: SweepEngines,
  done: number,
  signal: AbortSignal | undefined,
): Promise<DeviceError | undefined> {
  if (engines.recover === undefined || signal?.aborted) return lost;
  try {
    await engines.recover(lost, done);
    return undefined;
  } catch (error) {
    if (error instanceof DeviceError) return error;
    throw error;
  }
}

interface Pace {
  /** Steps to ask for at once, learnt from one population to the next. */
  k: number;
  /** When other work last had its turn. */
  lastTurn: number;
}

/** Trains until the last step, the signal, or the divergence of every model. */
async function trainAll(
  engine: Engine,
  steps: number,
  pace: Pace,
  signal: AbortSignal | undefined,
  report: (step: number, losses: readonly Float64Array[]) => void,
): Promise<{ step: number; losses: Float64Array[]; finite: Uint32Array }> {
  const losses = Array.from({ length: engine.size }, () => new Float64Array(steps));
  const finite = new Uint32Array(engine.size); // steps before the first loss that is not finite
  let step = 0;
  while (step < steps && finite.includes(step)) {
    if (performance.now() - pace.lastTurn > PATIENCE) {
      await turn();
      pace.lastTurn = performance.now();
    }
    if (signal?.aborted) break;
    const asked = Math.min(pace.k, steps - step);
    const began = performance.now();
    const pieces = await engine.advance(asked);
    pace.k = nextCount(asked, performance.now() - began, INTERVAL, pace.k, engine.latency);
    for (const [i, own] of losses.entries()) {
      const piece = partOf(pieces, i, engine.size);
      own.set(piece, step);
      if (finite[i] < step) continue; // it diverged before
      const bad = piece.findIndex((loss) => !Number.isFinite(loss));
      finite[i] = step + (bad < 0 ? asked : bad);
    }
    step += asked;
    report(step, losses);
  }
  return { step, losses: losses.map((all) => all.subarray(0, step)), finite };
}

/**
 * Steps that the final loss is a mean of: the last fifth of the run, at least 50. Another seed sees other documents in
 * the end, whose losses differ by some tenths each, so a short mean (such as a progress line's) would rank the luck of
 * the draw; a longer one would count steps from when the model was worse. The learning rate has fallen to a fifth by
 * then, and the loss falls little.
 */
export function smoothingWindow(steps: number): number {
  return Math.min(steps, Math.max(50, Math.ceil(steps / 5)));
}

function resultOf(index: number, losses: Float64Array, diverged: boolean, steps: number): ModelResult {
  const step = losses.length;
  if (diverged) return { index, step, diverged };
  const last = losses.subarray(-smoothingWindow(steps));
  const n = last.length;
  let sum = 0;
  for (const loss of last) sum += loss;
  const mean = sum / n;
  if (n === 1) return { index, step, loss: mean };
  let squares = 0;
  for (const loss of last) squares += (loss - mean) ** 2;
  return { index, step, loss: mean, error: Math.sqrt(squares / (n - 1) / n) };
}

/** The better model first: not diverged, then trained further, then with the lower loss; of equals the first in the grid. */
export function compareResults(a: ModelResult, b: ModelResult): number {
  const diverged = Number(a.diverged ?? false) - Number(b.diverged ?? false);
  return diverged || b.step - a.step || (a.loss ?? 0) - (b.loss ?? 0) || a.index - b.index;
}
