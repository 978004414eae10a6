// A map of ratios: columns are widths, rows batches or strategies. Above 1 a cell tends to the accent colour, below 1 to grey;
// the figure and the winner's name stand in each.

import type { Drawing } from './section.ts';
import { at, element, label, rect } from './svg.ts';

export type MapCell =
  | { readonly ratio: number; readonly text: string; readonly who: string; readonly decided: boolean }
  | { readonly skipped: string };

export interface HeatMap<Row extends number | string> {
  readonly title: string;
  /** What a row is. */
  readonly rowName: string;
  readonly columns: readonly number[];
  readonly rows: readonly Row[];
  /** undefined where the grid has no such cell. */
  cell(column: number, row: Row): MapCell | undefined;
  readonly frontiers: readonly {
    readonly style: string;
    /** The column value from which on the other side begins, or null. */
    at(row: Row): number | null;
  }[];
  readonly width: number;
  readonly y: number;
}

const CELL = 40;
/** From 16 times on, a cell has its strongest colour. */
const STRONGEST = Math.log2(16);
/** Of the colour in a cell, from share-0 to this in the style. */
const SHARES = 8;

export function drawMap<Row extends number | string>({
  title,
  rowName,
  columns,
  rows,
  cell,
  frontiers,
  width,
  y,
}: HeatMap<Row>): Drawing {
  const longest = Math.max(...rows.map((row) => String(row).length));
  const left = width < 500 ? Math.max(44, 10 + 6.5 * longest) : 84;
  const step = Math.min(90, (width - left) / columns.length);
  const top = y + 44;
  const place = (column: number) => left + column * step;
  const heads =
    label(0, y + 14, title, { class: 'value' }) +
    label(left + (columns.length * step) / 2, y + 14, 'width →', { class: 'tick', 'text-anchor': 'middle' }) +
    label(0, top - 8, `${rowName} ↓`, { class: 'tick' }) +
    columns
      .map((column, i) =>
        label(place(i) + step / 2, top - 8, String(column), { class: 'tick', 'text-anchor': 'middle' }),
      )
      .join('');
  const body = rows.map((row, r) => {
    const rowTop = top + r * CELL;
    const name = label(left - 10, rowTop + CELL / 2 + 4.5, String(row), {
      class: 'tick',
      'text-anchor': 'end',
    });
    return name + columns.map((column, c) => drawCell(cell(column, row), place(c), rowTop, step)).join('');
  });
  const lines = frontiers.map(({ style, at: frontier }, i) =>
    drawFrontier(rows.map(frontier), columns, { place, top, shift: i * 3, style }),
  );
  return { height: 44 + rows.length * CELL, body: heads + body.join('') + lines.join('') };
}

function drawCell(cell: MapCell | undefined, x: number, y: number, width: number): string {
  if (cell === undefined) return '';
  const middle = x + width / 2;
  if ('skipped' in cell) {
    const text = label(middle, y + CELL / 2 + 4.5, `(${cell.skipped})`, {
      class: 'muted',
      'text-anchor': 'middle',
    });
    return rect(x + 1, y + 1, width - 2, CELL - 2, { class: 'skipped' }) + text;
  }
  const { ratio, text, who, decided } = cell;
  const strength = Math.min(1, Math.abs(Math.log2(ratio > 0 ? ratio : Number.MIN_VALUE)) / STRONGEST);
  const colour = {
    // A class and not a style: a page that holds the drawing may forbid those.
    class: `${ratio >= 1 ? 'cell-above' : 'cell-below'} share-${Math.round(strength * SHARES)}`,
    'data-value': String(ratio),
  };
  return (
    rect(x + 1, y + 1, width - 2, CELL - 2, decided ? colour : { ...colour, class: 'cell-tie' }) +
    label(middle, y + 18, text, { class: decided ? 'cell-text' : 'cell-text tie', 'text-anchor': 'middle' }) +
    label(middle, y + 32, who, { class: 'cell-who', 'text-anchor': 'middle' })
  );
}

/** A stair along the edges of the cells; it is open where a row has no frontier. */
function drawFrontier(
  widths: readonly (number | null)[],
  columns: readonly number[],
  { place, top, shift, style }: { place: (i: number) => number; top: number; shift: number; style: string },
): string {
  let path = '';
  let previous: number | null = null;
  widths.forEach((width, row) => {
    if (width === null) {
      previous = null;
      return;
    }
    const first = columns.findIndex((column) => column >= width);
    const x = place(first < 0 ? columns.length : first) + shift;
    path += `${previous === null ? `M${at(x)} ${at(top + row * CELL)}` : `H${at(x)}`}v${CELL}`;
    previous = x;
  });
  return path === '' ? '' : element('path', { class: style, d: path });
}
