// Bars made of parts, and the key that names the parts. A part is known by its place and its name, not by its
// colour alone.

import { element, label, LETTER, rect } from './svg.ts';

export interface Part {
  readonly name: string;
  readonly value: number;
  /** What stands in the part where there is room. */
  readonly text: string;
}

/** Style classes of parts: dark to light, one in the accent colour, two with a pattern. */
const STYLES: Readonly<Record<string, string>> = {
  gpu: 'accent',
  encode: 'shade-1',
  submit: 'shade-2',
  gaps: 'shade-3',
  wait: 'striped',
  readback: 'dotted',
  unexplained: 'outline',
  parameters: 'accent',
  moments: 'shade-1',
  gradients: 'shade-2',
  activations: 'shade-3',
  data: 'outline',
};
const OTHERS = ['dotted', 'shade-3', 'striped', 'shade-2', 'outline'];

/** Where no letters can be read. */
const PATTERNED = new Set(['striped', 'dotted']);

/** The style of each name, the same in every bar of a drawing. */
export function partStyles(names: readonly string[]): Map<string, string> {
  let others = 0;
  return new Map(
    [...new Set(names)].map((name) => [
      name,
      Object.hasOwn(STYLES, name) ? STYLES[name] : OTHERS[others++ % OTHERS.length],
    ]),
  );
}

/** Parts one after the other from `x` on; `size` turns a value into pixels. Negative parts take no room. */
export function stackedBar(
  parts: readonly Part[],
  styles: ReadonlyMap<string, string>,
  size: (value: number) => number,
  { x, y, height, end }: { x: number; y: number; height: number; end: number },
): string {
  let left = x;
  return parts
    .map(({ name, value, text }) => {
      const width = Math.min(end - left, value > 0 ? size(value) : 0);
      const style = styles.get(name) ?? 'outline';
      const bar = rect(left, y, width - 1, height, { class: style, 'data-value': String(value) });
      const fits = text.length * LETTER + 8 < width && !PATTERNED.has(style);
      const inside = fits ? label(left + width / 2, y + height / 2 + 4.5, text, inPart(style)) : '';
      left += Math.max(0, width);
      return bar + inside;
    })
    .join('');
}

function inPart(style: string) {
  return { class: `in-${style}`, 'text-anchor': 'middle' };
}

/** Swatches with names, in as many lines as they need. */
export function partKey(
  styles: ReadonlyMap<string, string>,
  width: number,
): { readonly body: string; readonly height: number } {
  let x = 0;
  let y = 0;
  let body = '';
  for (const [name, style] of styles) {
    const room = Math.min(name.length, 24) * LETTER + 36;
    if (x > 0 && x + room > width) [x, y] = [0, y + 22];
    body += rect(x + 0.5, y + 3.5, 13, 13, { class: style });
    body += label(x + 20, y + 14.5, name, { room: 24 * LETTER });
    x += room;
  }
  return { body: element('g', {}, body), height: styles.size > 0 ? y + 34 : 0 };
}
