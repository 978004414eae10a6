// microgpt report: measures this machine and writes what it found.

import { measureReport, type MeasureHooks, type Progress } from '../report/measure/measure.ts';
import { verdict } from '../report/judge/verdict.ts';
import { ConfigError } from '../util/errors.ts';
import { cpythonRung } from './cpython.ts';
import { gpu } from './gpu.ts';
import { catchInterrupt, INTERRUPTED } from './interrupt.ts';
import { describeMachine } from './machine.ts';
import { readKernelChoices } from './kernel-choices.ts';
import type { Output, OutputOptions } from './output.ts';
import { peerRungs } from './peer-rungs.ts';
import { duration } from './progress-lines.ts';
import { compareCommand } from './report-compare.ts';
import { checkNoneOf, REPORT_FILES, writeReport } from './report-files.ts';
import { measurements, notTimed, sectionLines } from './report-lines.ts';
import { claimAlone } from './run-directory.ts';

export interface ReportFlags extends OutputOptions {
  out: string;
  quick?: boolean;
  python?: string;
  peers: boolean;
  peerPython?: string;
  name?: string;
  seed: number;
  seconds?: number;
  compare?: string[];
  force?: boolean;
  engine: 'auto' | 'cpu';
}

/** Gives the exit status: INTERRUPTED where Ctrl-C ended it, after what was measured has been written. */
export async function reportCommand(flags: ReportFlags, output: Output): Promise<number> {
  const { out, compare } = flags;
  if (compare !== undefined) return compareCommand(compare, out, output);
  const claimed = await claimAlone(out, () => checkNoneOf(REPORT_FILES, out), flags.force);
  const interrupt = catchInterrupt(() =>
    output.note(
      'stopping after this sample; press Ctrl-C again to stop now, without writing what was measured',
    ),
  );
  try {
    const signal = AbortSignal.any([interrupt.signal, output.closed]);
    const mode = flags.quick === true ? 'quick' : 'full';
    const foreign = [
      ...(flags.python === undefined ? [] : [cpythonRung(flags.python, signal)]),
      ...(flags.peers ? peerRungs(flags.peerPython ?? 'python3', mode) : []),
    ];
    const kernels = await readKernelChoices((text) => output.note(text));
    const machine = describeMachine(flags.name);
    output.detail(`measuring ${machine.name}`);
    const report = await measureReport(
      {
        machine,
        mode,
        seed: flags.seed,
        gpu: flags.engine === 'cpu' ? noGpu : gpu,
        tuning: { cache: kernels, ...(mode === 'quick' && { budget: 0 }) }, // quick: what is known already
        foreign,
        signal,
        ...(flags.seconds === undefined ? {} : { seconds: flags.seconds }),
      },
      hooksFor(flags, output),
    );
    output.endStatus();
    await kernels.save();
    await writeReport(out, report);
    for (const note of report.notes) output.note(note);
    for (const sentence of verdict(report)) output.line(sentence);
    output.record({
      type: 'done',
      seconds: report.seconds,
      ...(report.complete ? {} : { interrupted: true }),
    });
    if (report.complete) output.detail(`written to ${out}`);
    else if (output.closed.aborted) output.stopped(`what was measured is written to ${out}`);
    else output.detail(`stopped; what was measured is written to ${out}`);
    return interrupt.signal.aborted ? INTERRUPTED : 0;
  } finally {
    interrupt.release();
    claimed.release();
  }
}

async function noGpu(): Promise<undefined> {
  throw new ConfigError('The GPU was left out: --engine cpu.');
}

function hooksFor({ python, peerPython }: ReportFlags, output: Output): MeasureHooks {
  const asked = { python: python !== undefined, peer: peerPython !== undefined };
  return {
    progress: (progress) => output.status(progressLine(progress)),
    section(name, figures) {
      output.endStatus();
      for (const record of measurements(name, figures)) output.record(record);
      for (const line of sectionLines(name, figures)) output.detail(line);
      for (const line of notTimed(name, figures, asked)) output.note(line);
    },
  };
}

function progressLine({ section, done, total, secondsLeft }: Progress): string {
  return `${section} ${done}/${total} | at most ${duration(secondsLeft)} left`;
}
