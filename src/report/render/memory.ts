// Bytes on the device by purpose, against the least that would do.

import { memoryFinding } from '../judge/findings.ts';
import { bytes, count } from '../judge/format.ts';
import type { Memory, Report } from '../schema.ts';
import { number, words, type Drawing, type Section } from './section.ts';
import { partKey, partStyles, stackedBar } from './stack.ts';
import { element, label, line } from './svg.ts';

export function memorySection(report: Report, memory: Memory): Section {
  return {
    id: 'memory',
    title: 'How much memory does it take?',
    finding: memoryFinding(report, memory),
    key: 'Bytes on the device by purpose, each shape on a scale of its own; the upright line is the least that would do.',
    software: false,
    draw: (width) => draw(memory, width),
    tables: [
      {
        id: 'memory',
        caption: 'Bytes on the device',
        columns: [
          { label: 'strategy' },
          { label: 'shape' },
          { label: 'purpose' },
          { label: 'bytes', numeric: true },
          { label: 'least', numeric: true },
        ],
        rows: memory.rows.flatMap(({ strategy, shape, purposes, bytes: all, least }) =>
          [...purposes, { purpose: 'all', bytes: all, least }].map((row) => ({
            cells: [
              words(strategy),
              words(shape),
              words(row.purpose),
              number(row.bytes, count),
              number(row.least, count),
            ],
          })),
        ),
      },
    ],
    notes: [],
  };
}

function draw({ rows }: Memory, width: number): Drawing {
  const styles = partStyles(rows.flatMap(({ purposes }) => purposes.map(({ purpose }) => purpose)));
  const key = partKey(styles, width);
  let y = key.height;
  let body = key.body;
  for (const shape of new Set(rows.map((own) => own.shape))) {
    const group = rows.filter((own) => own.shape === shape);
    const most = Math.max(1, ...group.map((own) => Math.max(own.bytes, own.least)));
    const size = (value: number) => (value / most) * (width - 2);
    body += label(0, y + 14, shape, { class: 'muted', room: width });
    y += HEAD;
    for (const row of group) {
      body += bar(row, size, styles, width, y);
      y += ROW;
    }
  }
  return { height: y, body };
}

const HEAD = 28;
const ROW = 58;

function bar(
  { strategy, purposes, bytes: all, least }: Memory['rows'][number],
  size: (value: number) => number,
  styles: ReadonlyMap<string, string>,
  width: number,
  y: number,
): string {
  const parts = purposes.map(({ purpose, bytes: own }) => ({ name: purpose, value: own, text: bytes(own) }));
  return element(
    'g',
    {},
    label(0, y + 14, strategy, { class: 'value', room: width * 0.4 }),
    label(width, y + 14, `${bytes(all)}, least ${bytes(least)}`, { class: 'value', 'text-anchor': 'end' }),
    stackedBar(parts, styles, size, { x: 0, y: y + 22, height: 22, end: width }),
    line(size(least), y + 18, size(least), y + 48, 'mark'),
  );
}
