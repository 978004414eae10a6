// The whole measurement, in Node and in a page's worker: which sections there are, how long each may take, and what is
// kept when it is stopped. It loads nothing of Node's, and reads the GPU from the object that it is given.

import { MicrogptError } from '../../util/errors.ts';
import { PythonRandom } from '../../util/python-random.ts';
import { adapterInfo, openDevice, requestAdapter, usedLimits } from '../../webgpu/adapter.ts';
import type { TuningOptions } from '../../webgpu/tuning.ts';
import { measureAnatomy } from './anatomy.ts';
import { measureControl } from './control.ts';
import { measureCrossover } from './crossover.ts';
import { measureKernels } from './kernels.ts';
import { measureLaunch } from './launch.ts';
import { measureLadder } from './ladder.ts';
import type { ForeignRung } from './ladder-rungs.ts';
import { measureMemory } from './memory.ts';
import { REPORT_FORMAT, REPORT_VERSION, type Machine, type Report } from '../schema.ts';
import { SECTION_NAMES, type SectionContext, type SectionName } from './section.ts';
import { realClock, Session } from './session.ts';

export interface MeasureOptions {
  /** What the caller knows of the machine; the adapter is asked here. */
  readonly machine: Omit<Machine, 'adapter' | 'noAdapter' | 'features' | 'limits'>;
  readonly mode: Report['mode'];
  readonly seed: number;
  /** Gives the GPU object: navigator.gpu, or Dawn in Node. Rejects or gives undefined where there is none. */
  readonly gpu: () => Promise<GPU | undefined>;
  /** How to find the fastest kernels, as training does; without it each shape has its default. */
  readonly tuning?: TuningOptions;
  /** Programs of others to time beside ours. */
  readonly foreign?: readonly ForeignRung[];
  /** All unless told. */
  readonly sections?: readonly SectionName[];
  /** Of the whole measurement; the mode's own unless told. */
  readonly seconds?: number;
  /** Ends the measurement at the next sample; what was measured is kept. */
  readonly signal?: AbortSignal;
}

export interface Progress {
  readonly section: SectionName;
  /** Of the section's rounds, or whatever it counts. */
  readonly done: number;
  readonly total: number;
  /** At most, for the whole measurement. */
  readonly secondsLeft: number;
}

export interface MeasureHooks {
  progress?(progress: Progress): void;
  /** A section is done; null where it could not be measured. `soFar` has all that was measured until now. */
  section?(name: SectionName, figures: Report[SectionName], soFar: Report): void;
}

/** Seconds of a whole measurement. What is under way when time is over still ends, for which the rest is kept. */
const SECONDS = { quick: 90, full: 960 } as const;

/** Parts of the time; what a section leaves goes to those after it, and so does what it takes too much, by half at most. */
const SHARES: Readonly<Record<SectionName, number>> = {
  control: 0.06,
  ladder: 0.21,
  anatomy: 0.13,
  kernels: 0.12,
  launch: 0.14,
  crossover: 0.33,
  memory: 0.01,
};

/** Sections that are about a GPU and nothing else. */
const ON_DEVICE: readonly SectionName[] = ['anatomy', 'kernels', 'launch', 'crossover'];

type Measurers = { [Name in SectionName]: (context: SectionContext) => Promise<Report[Name]> };

/** Never throws for what is wrong with the machine: a section that fails is null, and the report's notes say why. */
export async function measureReport(options: MeasureOptions, hooks: MeasureHooks = {}): Promise<Report> {
  const { mode, seed, signal, sections = SECTION_NAMES } = options;
  const start = realClock();
  const time = 1e6 * (options.seconds ?? SECONDS[mode]);
  const session = new Session({
    clock: realClock,
    random: new PythonRandom(seed),
    seed,
    signal,
    time,
  });
  const machine = { ...options.machine, ...(await describeAdapter(options.gpu)) };
  const report: Report = {
    format: REPORT_FORMAT,
    version: REPORT_VERSION,
    date: new Date().toISOString(),
    mode,
    complete: false,
    seconds: 0,
    seed,
    machine,
    control: null,
    ladder: null,
    anatomy: null,
    launch: null,
    crossover: null,
    kernels: null,
    memory: null,
    notes: machine.noAdapter === null ? [] : [machine.noAdapter],
  };

  const measurers: Measurers = {
    control: measureControl,
    ladder: (context) => measureLadder(context, options.foreign ?? []),
    anatomy: measureAnatomy,
    kernels: measureKernels,
    launch: measureLaunch,
    crossover: measureCrossover,
    memory: measureMemory,
  };
  const { tuning } = options;
  const open = async () => openDevice(await options.gpu(), tuning ? { tuning } : {});
  const whole = sections.reduce((sum, name) => sum + SHARES[name], 0);
  let shares = whole;
  for (const name of sections) {
    if (session.stopped) break;
    // A busy machine lengthens the first sections: the crossover comes late, and is not to pay for all of that.
    const part = session.part((session.left * SHARES[name]) / shares, (0.5 * time * SHARES[name]) / whole);
    shares -= SHARES[name];
    if (machine.adapter === null && ON_DEVICE.includes(name)) continue; // the first note says why
    const context: SectionContext = {
      session: part,
      mode,
      openDevice: machine.adapter === null ? null : open,
      found: report,
      note: (text) => report.notes.push(`${name}: ${text}`),
      progress: (done, total) =>
        hooks.progress?.({
          section: name,
          done,
          total,
          secondsLeft: Math.max(session.left, part.left) / 1e6,
        }),
    };
    context.progress(0, 1);
    await measureSection(name, measurers[name], context, report);
    report.seconds = (realClock() - start) / 1e6;
    hooks.section?.(name, report[name], report);
  }
  report.complete = !session.stopped;
  report.seconds = (realClock() - start) / 1e6;
  if (session.stopped) report.notes.push('The measurement was stopped: what is missing was not measured.');
  return report;
}

async function measureSection<Name extends SectionName>(
  name: Name,
  measure: Measurers[Name],
  context: SectionContext,
  report: Report,
): Promise<void> {
  try {
    const figures = await measure(context);
    if (!allFinite(figures)) throw new MicrogptError('One of its figures is not a number.');
    Object.assign(report, { [name]: figures });
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
    context.note(`not measured. ${error.message}`);
  }
}

/** A report can hold nothing else: one such figure is not to cost all others. */
function allFinite(figures: unknown): boolean {
  if (typeof figures === 'number') return Number.isFinite(figures);
  if (typeof figures !== 'object' || figures === null) return true;
  return Object.values(figures).every(allFinite);
}

type AdapterPart = Pick<Machine, 'adapter' | 'noAdapter' | 'features' | 'limits'>;

async function describeAdapter(gpu: MeasureOptions['gpu']): Promise<AdapterPart> {
  try {
    const adapter = await requestAdapter(await gpu());
    return {
      adapter: await adapterInfo(adapter),
      noAdapter: null,
      features: [...adapter.features].toSorted(),
      limits: usedLimits(adapter),
    };
  } catch (error) {
    const noAdapter = error instanceof Error ? error.message : String(error);
    return { adapter: null, noAdapter, features: [], limits: {} };
  }
}
