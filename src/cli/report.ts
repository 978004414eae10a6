// microgpt report: measures this machine and writes what it found.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { measureReport, type MeasureHooks, type Progress } from '../report/measure.ts';
import { REPORT, type Report } from '../report/schema.ts';
import { ConfigError, MicrogptError } from '../util/errors.ts';
import { cpythonRung } from './cpython.ts';
import { errorCode, reasonOf, writeFilesAtomically } from './files.ts';
import { gpu } from './gpu.ts';
import { catchInterrupt, INTERRUPTED } from './interrupt.ts';
import { describeMachine } from './machine.ts';
import type { Output, OutputOptions } from './output.ts';
import { duration } from './progress-lines.ts';
import { measurements, sectionLines } from './report-lines.ts';
import { claimDirectory } from './run-directory.ts';

export interface ReportFlags extends OutputOptions {
  out: string;
  quick?: boolean;
  python?: string;
  name?: string;
  seed: number;
  seconds?: number;
  engine: 'auto' | 'cpu';
}

const REPORT_FILES = ['report.json', 'report.md', 'report.html'];

/** Gives the exit status: INTERRUPTED where Ctrl-C ended it, after what was measured has been written. */
export async function reportCommand(flags: ReportFlags, output: Output): Promise<number> {
  const { out } = flags;
  await checkNoReport(out);
  const claimed = await claimDirectory(out);
  const interrupt = catchInterrupt(() =>
    output.note('stopping at the next sample, what was measured is kept (Ctrl-C again: at once)'),
  );
  try {
    const signal = AbortSignal.any([interrupt.signal, output.closed]);
    const foreign = flags.python === undefined ? [] : [cpythonRung(flags.python, signal)];
    const mode = flags.quick === true ? 'quick' : 'full';
    const machine = describeMachine(flags.name);
    output.detail(`measuring ${machine.name}`);
    const report = await measureReport(
      {
        machine,
        mode,
        seed: flags.seed,
        gpu: flags.engine === 'cpu' ? noGpu : gpu,
        foreign,
        signal,
        ...(flags.seconds === undefined ? {} : { seconds: flags.seconds }),
      },
      hooksFor(output),
    );
    output.endStatus();
    await writeReport(out, report);
    for (const note of report.notes) output.note(note);
    output.record({
      type: 'done',
      seconds: report.seconds,
      ...(report.complete ? {} : { interrupted: true }),
    });
    output.line(`${report.complete ? 'written' : 'stopped; what was measured is written'} to ${out}`);
    return interrupt.signal.aborted ? INTERRUPTED : 0;
  } finally {
    interrupt.release();
    claimed.release();
  }
}

async function noGpu(): Promise<undefined> {
  throw new ConfigError('The GPU was left out: --engine cpu.');
}

function hooksFor(output: Output): MeasureHooks {
  return {
    progress: (progress) => output.status(progressLine(progress)),
    section(name, figures) {
      output.endStatus();
      for (const record of measurements(name, figures)) output.record(record);
      for (const line of sectionLines(name, figures)) output.detail(line);
    },
  };
}

function progressLine({ section, done, total, secondsLeft }: Progress): string {
  return `${section} ${done}/${total} | at most ${duration(secondsLeft)} left`;
}

/** Throws ConfigError where `directory` holds a report: a measurement takes long, and is not replaced by chance. */
async function checkNoReport(directory: string): Promise<void> {
  const present = await readdir(directory).catch((): string[] => []); // claimDirectory tells what is wrong
  const clash = REPORT_FILES.find((name) => present.includes(name));
  if (clash === undefined) return;
  throw new ConfigError(
    `--out ${directory}: it already holds a report (${clash}). Choose another directory, or remove it.`,
  );
}

async function writeReport(directory: string, report: Report): Promise<void> {
  const files = { 'report.json': `${JSON.stringify(v.parse(REPORT, report), null, 1)}\n` };
  const bytes = Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]);
  try {
    await writeFilesAtomically(directory, Object.fromEntries(bytes) as Record<string, Uint8Array>);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    throw new MicrogptError(`${join(directory, REPORT_FILES[0])}: cannot be written: ${reasonOf(error)}.`, {
      cause: error,
    });
  }
}
