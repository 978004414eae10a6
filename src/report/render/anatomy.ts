// The anatomy of a step: its parts as shares of the wall time, one bar for each launch strategy.

import { onGpu } from '../judge/claims.ts';
import { anatomyFinding } from '../judge/findings.ts';
import { figure, list, percent, spread, time, timeSpread } from '../judge/format.ts';
import type { Anatomy, Report } from '../schema.ts';
import { number, ranged, words, type Drawing, type Section, type Table } from './section.ts';
import { partKey, partStyles, stackedBar } from './stack.ts';
import { element, label, line, rect } from './svg.ts';

export function anatomySection(report: Report, anatomies: readonly Anatomy[]): Section {
  const software = (anatomy: Anatomy) => !onGpu(report, anatomy);
  return {
    id: 'anatomy',
    title: 'Where does a step’s time go?',
    finding: anatomyFinding(report),
    key:
      'Parts of the wall time of one step, from left to right in the order of the key; the upright marks are the whole, ' +
      'and what lies beyond them overlaps with other parts. ' +
      'The thin line above each bar is the step’s length, on one scale for all.',
    software: anatomies.some(software),
    draw: (width) => draw(report, anatomies, width),
    tables: [
      partsTable('anatomy', 'Parts of a step', anatomies, software),
      callsTable(
        'anatomy-calls',
        'What the calls of encoding cost, per step',
        'call',
        anatomies,
        software,
        'calls',
      ),
      callsTable(
        'anatomy-kernels',
        'Time on the GPU by kernel, per step',
        'kernel',
        anatomies,
        software,
        'kernels',
      ),
    ],
    notes: [
      'encode: recording the calls; submit: handing them over; gpu: kernels at work; gaps: between kernels; wait: the way to ' +
        'the GPU and back, less its work, and negative where it worked while the CPU was still recording; readback: taking the ' +
        'losses out; unexplained: the rest.',
      ...sharedNotes(anatomies),
    ],
  };
}

/** Each note once, after the strategies that it is about. */
function sharedNotes(anatomies: readonly Anatomy[]): string[] {
  const strategies = new Map<string, string[]>();
  for (const { strategy, notes } of anatomies) {
    for (const note of notes) strategies.set(note, [...(strategies.get(note) ?? []), strategy]);
  }
  return [...strategies].map(([note, names]) => `${list(names)}: ${note}`);
}

type IsSoftware = (anatomy: Anatomy) => boolean;

function partsTable(id: string, caption: string, anatomies: readonly Anatomy[], software: IsSoftware): Table {
  return {
    id,
    caption,
    columns: [
      { label: 'strategy' },
      { label: 'part' },
      { label: 'time (95% interval)', numeric: true },
      { label: 'share', numeric: true },
    ],
    rows: anatomies.flatMap((anatomy) => {
      const { strategy, wall, parts } = anatomy;
      const share = (x: number) => (wall.median > 0 ? { text: percent(x / wall.median) } : words('–'));
      return [
        {
          software: software(anatomy),
          cells: [words(strategy), words('wall time'), ranged(spread(wall), timeSpread), share(wall.median)],
        },
        ...parts.map((part) => ({
          software: software(anatomy),
          cells: [words(strategy), words(part.name), ranged(part.time, timeSpread), share(part.time.value)],
        })),
        {
          software: software(anatomy),
          cells: [
            words(strategy),
            words('unexplained / wall time'),
            words(anatomy.closes ? 'within 10%' : 'more than 10%: the parts do not close'),
            number(anatomy.unexplained, percent),
          ],
        },
      ];
    }),
  };
}

function callsTable(
  id: string,
  caption: string,
  what: string,
  anatomies: readonly Anatomy[],
  software: IsSoftware,
  kind: 'calls' | 'kernels',
): Table {
  return {
    id,
    caption,
    detail: true,
    columns: [
      { label: 'strategy' },
      { label: what },
      { label: 'number', numeric: true },
      { label: 'time (95% interval)', numeric: true },
    ],
    rows: anatomies.flatMap((anatomy) =>
      anatomy[kind].map((call) => ({
        software: software(anatomy),
        cells: [
          words(anatomy.strategy),
          words(call.name),
          number(call.count, figure),
          ranged(call.time, timeSpread),
        ],
      })),
    ),
  };
}

function draw(report: Report, anatomies: readonly Anatomy[], width: number): Drawing {
  const styles = partStyles(anatomies.flatMap(({ parts }) => parts.map(({ name }) => name)));
  const key = partKey(styles, width);
  const row = 66;
  // Parts that overlap add up to more than the wall time: room for a quarter more.
  const most = Math.min(1.25, Math.max(1, ...anatomies.map(sumOfShares)));
  const full = (width - 2) / most;
  const longest = Math.max(...anatomies.map(({ wall }) => wall.median));
  const rows = anatomies.map((anatomy, i) => {
    const { strategy, wall } = anatomy;
    const y = key.height + i * row;
    const whole = wall.median > 0 ? wall.median : 1;
    const parts = anatomy.parts.map(({ name, time: { value } }) => ({
      name,
      value,
      text: percent(value / whole),
    }));
    const mark = onGpu(report, anatomy) ? '' : ' (software)';
    return element(
      'g',
      {},
      label(0, y + 14, `${strategy}${mark}`, { class: 'value', room: width * 0.6 }),
      label(width, y + 14, time(wall.median), { class: 'value', 'text-anchor': 'end' }),
      rect(0, y + 21, longest > 0 ? Math.max(1, (wall.median / longest) * full) : 0, 2, { class: 'length' }),
      stackedBar(parts, styles, (value) => Math.min(2, value / whole) * full, {
        x: 0,
        y: y + 27,
        height: 24,
        end: width,
      }),
      // Not through the bar, where a figure may stand.
      line(full, y + 21, full, y + 27, 'mark'),
      line(full, y + 51, full, y + 57, 'mark'),
    );
  });
  return { height: key.height + anatomies.length * row, body: key.body + rows.join('') };
}

function sumOfShares({ wall, parts }: Anatomy): number {
  let sum = 0;
  for (const { time: part } of parts) sum += wall.median > 0 ? Math.max(0, part.value) / wall.median : 0;
  return sum;
}
