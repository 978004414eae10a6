// Reports side by side: of several machines, or of several commits on one. The first is what the others are compared
// with.

import { ReportError } from '../../util/errors.ts';
import {
  fastest,
  isCpu,
  isGpu,
  kindOf,
  onGpu,
  onSoftware,
  outcome,
  quotient,
  type Measured,
} from './claims.ts';
import { count, list, spread, timeSpread, timesSpread } from './format.ts';
import type { Control, Interval, Report, Rung } from '../schema.ts';
import { shapeText } from './verdict.ts';

export interface NamedReport {
  /** What tells it from the others, such as its file. */
  readonly name: string;
  readonly report: Report;
}

/** A figure of each report, null where it has none. */
export interface ComparedRow {
  readonly id: string;
  readonly label: string;
  /** Microseconds. */
  readonly figures: readonly (Interval | null)[];
  /** Measured on software that imitates a GPU. */
  readonly software: readonly boolean[];
  /** How many times faster (or cheaper) than the first report; null for it, where one is missing, and between software and a GPU. */
  readonly speeds: readonly (Interval | null)[];
}

export interface ComparedFrontier {
  readonly batch: number;
  readonly context: number;
  /** How it launches; null: the fastest way at each width. */
  readonly strategy: string | null;
  /** The width from which on the GPU wins; null where it does not, undefined where it was not looked for. */
  readonly widths: readonly (number | null | undefined)[];
  readonly software: readonly boolean[];
}

export interface Comparison {
  readonly reports: readonly NamedReport[];
  /** What a reader must know before comparing. */
  readonly notices: readonly string[];
  readonly sentences: readonly string[];
  readonly ladder: readonly ComparedRow[];
  readonly launch: readonly ComparedRow[];
  readonly frontiers: readonly ComparedFrontier[];
}

/** Each report has a letter. */
export const MOST_REPORTS = 12;

/** Throws ReportError for fewer than two reports and for more than twelve. */
export function compareReports(reports: readonly NamedReport[]): Comparison {
  if (reports.length < 2 || reports.length > MOST_REPORTS) {
    throw new ReportError(
      `report --compare: expected 2 to ${MOST_REPORTS} reports, got ${reports.length}. Name their report.json files.`,
    );
  }
  return {
    reports,
    notices: notices(reports),
    sentences: sentences(reports),
    ladder: ladderRows(reports),
    launch: launchRows(reports),
    frontiers: frontierRows(reports),
  };
}

/** A, B, C … */
export function letterOf(i: number): string {
  return String.fromCharCode(65 + i);
}

function ladderRows(reports: readonly NamedReport[]): ComparedRow[] {
  const shape = shapeOf(reports.find(({ report }) => report.ladder !== null)?.report);
  // Another shape is another question: its rungs are left out, and a notice says so.
  const ladders = reports.map(({ report }) =>
    shapeOf(report) === shape ? (report.ladder?.rungs ?? []) : [],
  );
  const labels = new Map<string, string>();
  for (const rungs of ladders) for (const { id, label } of rungs) if (!labels.has(id)) labels.set(id, label);
  return [...labels].map(([id, label]) => {
    const rungs = ladders.map((ladder) => ladder.find((rung) => rung.id === id));
    const software = reports.map(({ report }, i) => rungs[i] !== undefined && onSoftware(report, rungs[i]));
    return comparedRow(id, label, rungs.map(stepOf), software);
  });
}

function stepOf(rung: Rung | undefined): Interval | null {
  return rung?.step ? spread(rung.step) : null;
}

/** Of launches, and of what one workgroup does inside a dispatch. */
function launchRows(reports: readonly NamedReport[]): ComparedRow[] {
  const costsOf = ({ report: { launch } }: NamedReport) => [
    ...(launch?.costs ?? []),
    ...(launch?.workgroup?.costs ?? []),
  ];
  const names = new Set(reports.flatMap((named) => costsOf(named).map(({ name }) => name)));
  const software = reports.map(({ report }) => report.launch !== null && !onGpu(report, report.launch));
  return [...names].map((name) => {
    const costs = reports.map((named) => costsOf(named).find((cost) => cost.name === name)?.cost ?? null);
    return comparedRow(name, name, costs, software);
  });
}

function comparedRow(
  id: string,
  label: string,
  figures: readonly (Interval | null)[],
  software: readonly boolean[],
): ComparedRow {
  const [first] = figures;
  const speeds = figures.map((own, i) =>
    i > 0 && first && own && software[i] === software[0] ? quotient(first, own) : null,
  );
  return { id, label, figures, software, speeds };
}

function frontierRows(reports: readonly NamedReport[]): ComparedFrontier[] {
  const software = reports.map(({ report }) => report.crossover !== null && !onGpu(report, report.crossover));
  const rows = new Map<string, Pick<ComparedFrontier, 'batch' | 'context' | 'strategy'>>();
  for (const { report } of reports) {
    for (const { batch, context, strategies } of report.crossover?.frontier ?? []) {
      for (const strategy of [null, ...strategies.map((own) => own.strategy)]) {
        rows.set(JSON.stringify([context, batch, strategy]), { batch, context, strategy });
      }
    }
  }
  return [...rows.values()]
    .sort((a, b) => a.context - b.context || a.batch - b.batch)
    .map((row) => ({ ...row, software, widths: reports.map(({ report }) => frontierWidth(report, row)) }));
}

function frontierWidth(
  { crossover }: Report,
  { batch, context, strategy }: Pick<ComparedFrontier, 'batch' | 'context' | 'strategy'>,
): number | null | undefined {
  const row = crossover?.frontier.find((own) => own.batch === batch && own.context === context);
  return (strategy === null ? row : row?.strategies.find((own) => own.strategy === strategy))?.measured;
}

function notices(reports: readonly NamedReport[]): string[] {
  const found: string[] = [];
  const which = (test: (report: Report) => boolean) =>
    list(reports.flatMap(({ report }, i) => (test(report) ? [letterOf(i)] : [])));
  const shape = shapeOf(reports.find(({ report }) => report.ladder !== null)?.report);
  const others = which((report) => report.ladder !== null && shapeOf(report) !== shape);
  if (others)
    found.push(`The ladder of ${others} is of another shape and is not compared: expected ${shape}.`);
  const software = which(({ machine }) => machine.adapter?.software === true);
  if (software)
    found.push(`The adapter of ${software} is software: its WebGPU figures are not those of a GPU.`);
  const stopped = which(({ complete }) => !complete);
  if (stopped) found.push(`${stopped} ended before everything was measured.`);
  const unproven = which(({ control }) => control === null);
  if (unproven) found.push(`${unproven} has no control pair, so no difference from it is claimed.`);
  if (new Set(reports.map(({ report }) => report.mode)).size > 1) {
    found.push(
      `Quick and full reports stand side by side: the quick ones (${which((r) => r.mode === 'quick')}) have fewer samples.`,
    );
  }
  if (new Set(reports.map(({ report }) => report.machine.version)).size > 1) {
    const versions = reports.map(({ report }, i) => `${letterOf(i)} ${report.machine.version}`);
    found.push(`The versions of this program differ: ${versions.join(', ')}.`);
  }
  return found;
}

function shapeOf(report: Report | undefined): string {
  return report?.ladder ? shapeText(report.ladder.shape) : '';
}

/** The fastest step on the CPU and on the GPU of each report against the first one's. */
function sentences(reports: readonly NamedReport[]): string[] {
  const shape = shapeOf(reports[0].report);
  const comparable = reports.map(({ report }) => (shapeOf(report) === shape ? report : null));
  return [
    fastestSentence('CPU', comparable, () => isCpu),
    fastestSentence('GPU', comparable, (report) => (rung) => isGpu(report, rung)),
    'The runs were not interleaved: the intervals do not cover what changed on the machines between them.',
  ];
}

function fastestSentence(
  where: string,
  reports: readonly (Report | null)[],
  passes: (report: Report) => (rung: Rung) => boolean,
): string {
  const steps = reports.map((report) => report && fastest(report.ladder?.rungs ?? [], passes(report)));
  const [first, ...others] = steps;
  if (!first) return `A has no step on a ${where} to compare with.`;
  const texts = others.flatMap((step, i) => {
    const controls = [reports[0], reports[i + 1]].map((report) => report?.control ?? null);
    return step ? [against(letterOf(i + 1), step, first, coarser(controls[0], controls[1]))] : [];
  });
  const lead = `The fastest step on the ${where} takes ${timeSpread(spread(first.step))} in A (${kindOf(first)})`;
  return texts.length > 0 ? `${lead}; ${texts.join('; ')}.` : `${lead}; no other report has one.`;
}

function against(letter: string, step: Measured, first: Measured, control: Control | null): string {
  const result = outcome(quotient(spread(first.step), spread(step.step)), control);
  const own = `${timeSpread(spread(step.step))} in ${letter} (${kindOf(step)})`;
  switch (result.kind) {
    case 'faster':
    case 'slower':
      return `${own}, ${timesSpread(result.by)} ${result.kind}`;
    case 'undecided':
      return `${own}, no difference distinguishable from noise`;
    case 'unproven':
      return `${own}, no claim without a control pair`;
  }
}

/** Of two control pairs the one that allows less to be claimed. */
function coarser(a: Control | null, b: Control | null): Control | null {
  if (a === null || b === null) return null;
  return a.claimable >= b.claimable ? a : b;
}

/** `B is faster than A in 2 of 9, slower in 3`, and so on for each report after the first. */
export function tally(
  { reports }: Comparison,
  rows: readonly ComparedRow[],
  [better, worse]: readonly [string, string],
): string {
  const texts = reports.slice(1).flatMap(({ report }, i) => {
    const speeds = rows.flatMap((row) => row.speeds[i + 1] ?? []);
    const control = coarser(reports[0].report.control, report.control);
    if (speeds.length === 0 || control === null) return [];
    const kinds = speeds.map((speed) => outcome(speed, control).kind);
    const of = (kind: string) => count(kinds.filter((own) => own === kind).length);
    const all = count(speeds.length);
    return [
      `${letterOf(i + 1)} is ${better} than A in ${of('faster')} of ${all}, ${worse} in ${of('slower')}`,
    ];
  });
  return texts.length > 0 ? `${texts.join('; ')}.` : 'Nothing here can be compared with A.';
}
