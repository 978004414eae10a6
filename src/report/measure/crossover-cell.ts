// One cell of the crossover: the CPU engine against every way of launching. Each is tried for a few steps; then the CPU, the
// fastest, and as many of the others as there is time for are timed in turns.

import { MicrogptError } from '../../util/errors.ts';
import type { Cell, StrategyFigures } from '../schema.ts';
import { estimateIn, ratioIn, resolvedBy, turnOptions, type SectionContext } from './section.ts';
import type { Session } from './session.ts';
import type { GridPoint } from './setting.ts';
import { timeInTurns } from './subjects.ts';

/** Something that trains. */
export interface Contestant {
  readonly description: string;
  advance(steps: number): Promise<unknown>;
  dispose(): void;
}

export interface Contest {
  cpu(): Promise<Contestant>;
  /** By the names of the strategies; gives why one cannot take part, or throws MicrogptError. */
  readonly gpu: ReadonlyMap<string, () => Promise<Contestant | string>>;
}

/** A sample is made in so many steps at least. A strategy that is only tried makes two. */
const TIMED_STEPS = 8;
const TRIED_STEPS = 2;
/** A cell may cost so much of the time that is left, and a little in any case. */
export const CELL_SHARE = 0.25;
/** Samples of a contestant: warm-up and rounds, at least. */
const LEAST_SAMPLES = 10;
const MOST_ROUNDS = 15;

/** Microseconds of a step. */
export interface CellTimes {
  readonly cpu: number;
  /** Of the fastest strategy. */
  readonly gpu: number;
  /** Of all strategies together. */
  readonly tried: number;
}

/** Microseconds that a cell takes at least. */
export function costOf({ cpu, gpu, tried: all }: CellTimes): number {
  return TIMED_STEPS * (cpu + gpu) + TRIED_STEPS * all;
}

export interface MeasuredCell {
  readonly cell: Cell;
  /** For what other cells may cost; null where it was stopped. */
  readonly times: CellTimes | null;
}

interface Trial {
  readonly strategy: string;
  readonly contestant: Contestant;
  /** Microseconds of a step, the shortest of a few. */
  readonly time: number;
}

/** Throws MicrogptError where the CPU or every strategy fails. */
export async function measureCell(
  point: GridPoint,
  contest: Contest,
  context: SectionContext,
): Promise<MeasuredCell> {
  const { session } = context;
  const cpu = await contest.cpu();
  const alive = new Set([cpu]);
  try {
    const { trials, reasons } = await tryAll(contest, alive, session);
    if (trials.length === 0) throw new MicrogptError([...new Set(reasons.values())].join('; '));
    const part = session.part(CELL_SHARE * session.left);
    const sample = sampleOf(context);
    const timed = trials.slice(0, affordable(trials, sample, part.left));
    for (const { contestant } of trials.slice(timed.length)) end(contestant, alive);
    const { least, most } = turnOptions(context);
    const results = await timeInTurns(
      [cpu, ...timed.map(({ contestant }) => contestant)].map((own) => ({
        name: own.description,
        run: (steps) => own.advance(steps),
      })),
      part,
      { sample, least: Math.min(least, 5), most: Math.min(most, MOST_ROUNDS) },
    );
    const [cpuSamples, ...gpuSamples] = results.map(({ samples }) => samples);
    if (cpuSamples.length === 0) return { cell: skipped(point, 'the measurement was stopped'), times: null };
    const strategies = [...contest.gpu.keys()].map((strategy): StrategyFigures => {
      const none = { strategy, time: null, trial: null, ratio: null, predicted: null, reason: null };
      const which = timed.findIndex((own) => own.strategy === strategy);
      const trial = trials.find((own) => own.strategy === strategy);
      if (which >= 0) {
        const samples = gpuSamples[which];
        const time = estimateIn(context, samples);
        return { ...none, time, ratio: ratioIn(context, cpuSamples, samples) };
      }
      if (trial) return { ...none, trial: trial.time, reason: 'no time was left for more than a trial' };
      return { ...none, reason: reasons.get(strategy) ?? 'not tried' };
    });
    const best = strategies
      .filter((own) => own.time !== null)
      .reduce((a, b) => (b.time!.median < a.time!.median ? b : a));
    const cpuTime = estimateIn(context, cpuSamples);
    return {
      cell: {
        ...skipped(point, ''),
        skipped: null,
        cpu: cpuTime,
        gpu: best.time,
        cpuEngine: cpu.description,
        gpuStrategy: best.strategy,
        ratio: best.ratio,
        strategies,
      },
      times: {
        cpu: cpuTime.median,
        gpu: best.time!.median,
        tried: trials.reduce((sum, { time }) => sum + time, 0),
      },
    };
  } finally {
    for (const contestant of alive) contestant.dispose();
  }
}

/** Samples of a cell, in microseconds. */
const SAMPLE = { quick: 5_000, full: 30_000 } as const;
/** A sample ends in a readback, which takes milliseconds in some browsers; a run reads back far less often than that. */
const READBACKS = 20;
const MOST_SAMPLE = 100_000;

/** Long enough for the clock, and for a readback to be a small part of it, as the launch experiment has found it. */
function sampleOf(context: SectionContext): number {
  const readback = context.found.launch?.costs.find(({ name }) => name === 'readback')?.cost.value ?? 0;
  return Math.max(resolvedBy(context, SAMPLE[context.mode]), Math.min(READBACKS * readback, MOST_SAMPLE));
}

function end(contestant: Contestant, alive: Set<Contestant>): void {
  alive.delete(contestant);
  contestant.dispose();
}

export function skipped({ width, batch, context }: GridPoint, reason: string): Cell {
  return {
    width,
    batch,
    context,
    cpu: null,
    gpu: null,
    cpuEngine: '',
    gpuStrategy: '',
    ratio: null,
    predicted: null,
    skipped: reason,
    strategies: [],
  };
}

/** The trials, fastest first, and why the others are not among them. */
async function tryAll(
  { gpu }: Contest,
  alive: Set<Contestant>,
  session: Session,
): Promise<{ trials: Trial[]; reasons: ReadonlyMap<string, string> }> {
  const trials: Trial[] = [];
  const reasons = new Map<string, string>();
  for (const [strategy, make] of gpu) {
    if (session.stopped) {
      reasons.set(strategy, 'the measurement was stopped');
      continue;
    }
    try {
      const contestant = await make();
      if (typeof contestant === 'string') {
        reasons.set(strategy, contestant);
        continue;
      }
      alive.add(contestant);
      trials.push({ strategy, contestant, time: await tried(contestant, session) });
    } catch (error) {
      if (!(error instanceof MicrogptError)) throw error;
      reasons.set(strategy, error.message);
    }
  }
  return { trials: trials.sort((a, b) => a.time - b.time), reasons };
}

async function tried(contestant: Contestant, { clock }: Session): Promise<number> {
  await contestant.advance(1);
  let time = Infinity;
  for (const steps of [1, 4]) {
    const start = clock();
    await contestant.advance(steps);
    time = Math.min(time, (clock() - start) / steps);
    if (time > 100_000) break;
  }
  return time;
}

/** How many of the trials, from the fastest on, can be timed in half of `time`: the fastest in any case. */
function affordable(trials: readonly Trial[], sample: number, time: number): number {
  let sum = 0;
  const over = trials.findIndex((trial) => {
    sum += LEAST_SAMPLES * Math.max(sample, trial.time);
    return sum > time / 2;
  });
  return over < 0 ? trials.length : Math.max(1, over);
}
