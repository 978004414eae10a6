// The files of a report: made where none are, never written over.

import { decodeReport, encodeReport, MOST_BYTES } from '../report/read.ts';
import { renderReport, type Rendered } from '../report/render/index.ts';
import type { Report } from '../report/schema.ts';
import { ConfigError, ReportError } from '../util/errors.ts';
import { errorCode, readRegular, reasonOf, writeFilesAtomically } from './files.ts';
import { listed } from './run-directory.ts';

export const REPORT_FILES = ['report.json', 'report.md', 'report.html'];
export const COMPARISON_FILES = ['comparison.md', 'comparison.html'];

/** Throws ConfigError where `directory` has one of `names`: a measurement takes long, and is not replaced by chance. */
export async function checkNoneOf(names: readonly string[], directory: string): Promise<void> {
  const present = await listed(directory);
  const clash = names.find((name) => present.includes(name));
  if (clash === undefined) return;
  throw new ConfigError(
    `--out ${directory}: it already holds ${clash}. Choose another directory, or remove that one.`,
  );
}

/** Throws ReportError where the file cannot be read or holds no report. */
export async function readReport(file: string): Promise<Report> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegular(file, MOST_BYTES);
  } catch (error) {
    throw new ReportError(
      `${file}: ${reasonOf(error)}. Expected a report.json as microgpt report writes it.`,
      {
        cause: error,
      },
    );
  }
  return decodeReport(bytes, file);
}

export async function writeReport(directory: string, report: Report): Promise<void> {
  const { markdown, html } = renderReport(report);
  await write(directory, {
    'report.json': encodeReport(report),
    'report.md': markdown,
    'report.html': html,
  });
}

export async function writeComparison(directory: string, { markdown, html }: Rendered): Promise<void> {
  await write(directory, { 'comparison.md': markdown, 'comparison.html': html });
}

async function write(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  const encoder = new TextEncoder();
  const bytes = Object.entries(files).map(([name, text]) => [name, encoder.encode(text)] as const);
  try {
    await writeFilesAtomically(directory, Object.fromEntries(bytes));
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    throw new ReportError(`${directory}: nothing can be written there: ${reasonOf(error)}.`, {
      cause: error,
    });
  }
}
