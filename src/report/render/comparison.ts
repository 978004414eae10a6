// A comparison as a page in the look of a report.

import { letterOf, tally, type ComparedRow, type Comparison } from '../judge/compare.ts';
import { bytes, count, date, roundTime, timeSpread, timesSpread } from '../judge/format.ts';
import { shortCommit, type Page } from './page.ts';
import { axisAbove, logScale } from './scale.ts';
import {
  NONE,
  number,
  ranged,
  words,
  type Cell,
  type Column,
  type Drawing,
  type Section,
} from './section.ts';
import { at, element, escapeText, label, line, whisker } from './svg.ts';

export function comparisonPage(comparison: Comparison): Page {
  const { reports, notices, sentences, ladder, launch } = comparison;
  return {
    title: `${count(reports.length)} reports side by side`,
    byline: reports
      .map(({ name, report }, i) => `${letterOf(i)}: ${report.machine.name} (${name})`)
      .join(' · '),
    notices,
    lead: { title: 'Verdict', sentences },
    sections: [
      rowsSection('ladder', 'How fast is each rung?', STEPS, ladder, comparison),
      rowsSection('launch', 'What does a launch cost?', COSTS, launch, comparison),
      frontierSection(comparison),
      machinesSection(comparison),
    ],
  };
}

interface Wording {
  readonly what: string;
  readonly better: string;
  readonly worse: string;
}

const STEPS: Wording = { what: 'step', better: 'faster', worse: 'slower' };
const COSTS: Wording = { what: 'cost', better: 'cheaper', worse: 'dearer' };

function rowsSection(
  id: string,
  title: string,
  { what, better, worse }: Wording,
  rows: readonly ComparedRow[],
  comparison: Comparison,
): Section {
  const { reports } = comparison;
  const letters = reports.map((_, i) => letterOf(i));
  const software = rows.some(({ figures, software: on }) => on.some((it, i) => it && figures[i] !== null));
  const section = {
    id,
    title,
    finding: tally(comparison, rows, [better, worse]),
    software,
    notes: [],
    tables: [
      {
        id,
        caption: `${title.replace(/\?$/, '')}: each ${what}, and how many times ${better} than A`,
        columns: [
          { label: what },
          ...letters.flatMap((letter, i): Column[] => [
            { label: letter, numeric: true },
            ...(i > 0 ? [{ label: `${letter} against A`, numeric: true }] : []),
          ]),
        ],
        rows: rows.map((row) => ({
          cells: [words(row.label), ...letters.flatMap((_, i) => figureCells(row, i))],
        })),
      },
    ],
  };
  if (rows.length === 0) return { ...section, finding: 'No report measured it.', tables: [] };
  return {
    ...section,
    key:
      `The ${what} in each report at its letter, on a logarithmic scale, with its 95% interval: further left is ${better}. ` +
      'A dashed circle: on software that imitates a GPU.',
    draw: (width) => draw(rows, letters, width),
  };
}

/** A figure, and from the second report on its ratio to the first report's. */
function figureCells(row: ComparedRow, i: number): Cell[] {
  const tag = row.software[i] ? ' (software)' : '';
  const own = ranged(row.figures[i], (spread) => timeSpread(spread) + tag);
  return i === 0 ? [own] : [own, ranged(row.speeds[i], timesSpread)];
}

function frontierSection({ frontiers, reports }: Comparison): Section {
  const section = {
    id: 'crossover',
    title: 'Where does the GPU overtake the CPU?',
    software: frontiers.some(({ software }) => software.includes(true)),
    notes: [],
  };
  if (frontiers.length === 0) return { ...section, finding: 'No report measured it.', tables: [] };
  return {
    ...section,
    finding:
      'The smallest width from which on each machine’s GPU wins over its own CPU, launched in the fastest way at each ' +
      'width and in each way throughout.',
    tables: [
      {
        id: 'crossover',
        caption: 'Width from which on the GPU wins',
        columns: [
          { label: 'context', numeric: true },
          { label: 'batch', numeric: true },
          { label: 'launched' },
          ...reports.map((_, i) => ({ label: letterOf(i), numeric: true })),
        ],
        rows: frontiers.map(({ context, batch, strategy, widths, software }) => ({
          cells: [
            number(context, count),
            number(batch, count),
            words(strategy ?? 'the fastest way'),
            ...widths.map((width, i) => widthCell(width, software[i])),
          ],
        })),
      },
    ],
  };
}

function widthCell(width: number | null | undefined, software: boolean): Cell {
  const tag = software ? ' (software)' : '';
  if (width === undefined) return NONE;
  return width === null ? words(`not within the grid${tag}`) : number(width, (own) => count(own) + tag);
}

function machinesSection({ reports }: Comparison): Section {
  return {
    id: 'machines',
    title: 'What was compared',
    finding: 'Each report has the details of its machine.',
    software: false,
    tables: [
      {
        id: 'machines',
        caption: 'Machines and runs',
        columns: ['', 'file', 'machine', 'CPU', 'memory', 'adapter', 'runtime', 'commit', 'date', 'mode'].map(
          (name) => ({
            label: name || 'report',
          }),
        ),
        rows: reports.map(({ name, report: { machine, date: day, mode } }, i) => ({
          cells: [
            letterOf(i),
            name,
            machine.name,
            `${machine.cpu}, ${count(machine.cores)} cores`,
            machine.memoryBytes === null ? 'unknown' : bytes(machine.memoryBytes),
            machine.adapter
              ? `${machine.adapter.device || machine.adapter.description}${machine.adapter.software ? ' (software)' : ''}`
              : 'none',
            machine.runtime,
            machine.commit === null ? machine.version : shortCommit(machine.commit),
            date(day),
            mode,
          ].map(words),
        })),
      },
    ],
    notes: [],
  };
}

const LINE = 20;

/** A row for each figure, in it a line for each report. */
function draw(rows: readonly ComparedRow[], letters: readonly string[], width: number): Drawing {
  const narrow = width < 500;
  const top = 28;
  const left = narrow ? 12 : 210;
  const right = width - 20;
  const head = narrow ? 20 : 0;
  const row = head + letters.length * LINE + 12;
  const height = top + rows.length * row + 4;
  const scale = logScale(
    rows.flatMap(({ figures }) => figures.flatMap((own) => (own ? [own.value, own.low, own.high] : []))),
    [left, right],
    narrow ? 4 : 7,
  );
  const body = rows.map(({ label: name, figures, software }, r) => {
    const y = top + r * row + 6;
    const title = narrow
      ? label(0, y + 12, name, { room: width })
      : label(left - 24, y + (letters.length * LINE) / 2 + 4, name, {
          room: left - 24,
          'text-anchor': 'end',
        });
    const marks = figures.map((own, i) => {
      const middle = y + head + (i + 0.5) * LINE;
      if (own === null || !(own.value > 0)) return '';
      const x = scale(own.value);
      return (
        whisker(scale(own.low), scale(own.high), middle, { beyond: own.low <= 0 }) +
        element(
          'circle',
          {
            cx: at(x),
            cy: at(middle),
            r: 8.5,
            class: software[i] ? 'letter software' : 'letter',
            'data-value': String(own.value),
          },
          element('title', {}, escapeText(`${letters[i]}: ${timeSpread(own)}`)),
        ) +
        label(x, middle + 4, letters[i], { class: 'letter-text', 'text-anchor': 'middle' })
      );
    });
    return line(narrow ? 0 : left, y + row - 6, right, y + row - 6, 'grid') + title + marks.join('');
  });
  return { height, body: axisAbove(scale, top, height, roundTime) + body.join('') };
}
