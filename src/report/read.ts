// report.json <-> Report. Whatever a file holds, reading it gives a report that was checked or a ReportError that says
// which file, where in it, what was expected and what stood there.

import * as v from 'valibot';
import { ReportError } from '../util/errors.ts';
import { REPORT, REPORT_FORMAT, REPORT_VERSION, type Report } from './schema.ts';

/** A full report has some hundred kilobytes. */
export const MOST_BYTES = 16 * 2 ** 20;
/** Of the samples of a figure. */
const MOST_SAMPLES = 20_000;
/**
 * Of any other list or record in it, and of all of them together: a full report has some thousand. What is longer was measured
 * neither by hand nor by this program, and a page of it would take minutes and gigabytes.
 */
const MOST_ENTRIES = 500;
const MOST_TOGETHER = 30_000;
/** Columns of the maps of the crossover, one map a context. */
const MOST_COLUMNS = 1_000;

/** The report that a file's bytes or text hold. `where` names the file. Throws ReportError. */
export function decodeReport(file: Uint8Array | string, where: string): Report {
  const json = typeof file === 'string' ? file : decodeText(file, where);
  if (json.length > MOST_BYTES) throw tooLarge(where);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ReportError(`${where}: expected the JSON of a report, got something else. ${ADVICE}`);
  }
  checkHead(value, where);
  return check(value, where);
}

/** The text of report.json. Throws ReportError where `report` does not keep to the format. */
export function encodeReport(report: Report): string {
  return `${JSON.stringify(check(report, 'report.json to be written'), null, 1)}\n`;
}

const ADVICE = 'Name a report.json as `microgpt report` writes it.';

function decodeText(bytes: Uint8Array, where: string): string {
  if (bytes.length > MOST_BYTES) throw tooLarge(where);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ReportError(`${where}: expected UTF-8 text, got other bytes. ${ADVICE}`);
  }
}

function tooLarge(where: string): ReportError {
  return new ReportError(`${where}: expected at most ${MOST_BYTES / 2 ** 20} MiB, got more. ${ADVICE}`);
}

/** Foreign files and other versions get a plainer message than the first field that differs. */
function checkHead(value: unknown, where: string): void {
  const head = (value ?? {}) as { format?: unknown; version?: unknown };
  if (head.format !== REPORT_FORMAT) {
    throw new ReportError(
      `${where}: expected "format": "${REPORT_FORMAT}", got ${shown(head.format)}. ${ADVICE}`,
    );
  }
  if (head.version !== REPORT_VERSION) {
    throw new ReportError(
      `${where}: expected "version": ${REPORT_VERSION}, got ${shown(head.version)}. ` +
        'Measure it again with this version, or read it with the one that wrote it.',
    );
  }
}

function check(value: unknown, where: string): Report {
  const result = v.safeParse(REPORT, value, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const expected = issue.expected === null ? issue.message : `expected ${issue.expected}`;
    throw new ReportError(
      `${where}: ${bounded(v.getDotPath(issue) ?? 'contents')}: ${bounded(expected)}, got ${shown(issue.input)}. ${ADVICE}`,
    );
  }
  checkFigures(result.output, '', where);
  checkGrid(result.output, where);
  return result.output;
}

/** Each context has a map with a column for every width that any of them has. */
function checkGrid({ crossover }: Report, where: string): void {
  const cells = crossover?.cells ?? [];
  const contexts = new Set(cells.map(({ context }) => context)).size;
  const widths = new Set(cells.map(({ width }) => width)).size;
  if (contexts * widths <= MOST_COLUMNS) return;
  const got = `${contexts} × ${widths}`;
  throw new ReportError(
    `${where}: crossover.cells: expected at most ${MOST_COLUMNS} contexts × widths, got ${got}. ${ADVICE}`,
  );
}

/** Every list is of a length that can be shown, all together are, and every interval begins before it ends. */
function checkFigures(value: unknown, path: string, where: string, seen = { entries: 0 }): void {
  if (typeof value !== 'object' || value === null) return;
  const entries = Object.entries(value);
  const samples = Array.isArray(value) && typeof value[0] === 'number';
  const most = samples ? MOST_SAMPLES : MOST_ENTRIES;
  if (entries.length > most)
    throw tooLong(`${path}: expected at most ${most} entries`, entries.length, where);
  if (samples) return;
  seen.entries += entries.length;
  if (seen.entries > MOST_TOGETHER) {
    throw tooLong(`${path}: expected at most ${MOST_TOGETHER} entries up to here`, seen.entries, where);
  }
  const { low, high } = value as { low?: unknown; high?: unknown };
  if (typeof low === 'number' && typeof high === 'number' && low > high) {
    throw new ReportError(`${where}: ${path}: expected low ≤ high, got ${low} and ${high}. ${ADVICE}`);
  }
  for (const [key, entry] of entries) {
    checkFigures(entry, path === '' ? key : `${path}.${key}`, where, seen);
  }
}

function tooLong(expected: string, got: number, where: string): ReportError {
  return new ReportError(`${where}: ${expected}, got ${got}. ${ADVICE}`);
}

/** What stood there, short enough for a line. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return bounded(JSON.stringify(value) ?? typeof value);
}

function bounded(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
