// Pieces of SVG: labels, marks, and what keeps them short.

/** What is drawn below the title, in pixels from the corner of the picture. */
export interface Drawn {
  readonly parts: readonly string[];
  readonly width: number;
  readonly height: number;
}

export const MARGIN = 20;
/** Where the title ends. */
export const TOP = 84;

export function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escape(content)}</text>`;
}

/** Text that reads upwards. */
export function sideways(x: number, y: number, content: string): string {
  const place = `text-anchor="middle" class="muted" transform="rotate(-90 ${round(x)} ${round(y)})"`;
  return text(x, y, content, place);
}

/** Text as it stands between tags; XML has no way to write control characters. */
export function escape(content: string): string {
  const plain = content.replace(/\p{Cc}/gu, '�');
  return plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** To a tenth of a pixel. */
export function round(x: number): number {
  return Math.round(10 * x) / 10;
}

export function cross(x: number, y: number, r: number): string {
  const d = `M${round(x - r)} ${round(y - r)}l${round(2 * r)} ${round(2 * r)}m0 ${round(-2 * r)}l${round(-2 * r)} ${round(2 * r)}`;
  return `<path class="bad" d="${d}"/>`;
}

export function triangle(x: number, y: number): string {
  return `<path class="bad" d="M${x} ${y}l-4 7h8z"/>`;
}

export function ascending(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

/** As many labels, with their places, as have `room` each where values stand `distance` apart. */
export function thinned(
  values: readonly number[],
  distance: number,
  room: number,
): (readonly [number, number])[] {
  const every = Math.ceil(room / distance);
  return values.map((value, i) => [i, value] as const).filter(([i]) => i % every === 0);
}

/** Width of the longest label, in pixels, a little too wide rather than too narrow. */
export function widest(values: readonly number[]): number {
  return 7.5 * Math.max(...values.map((value) => label(value).length));
}

/** A value of an axis, as short as `String` makes it or shorter. */
export function label(value: number): string {
  const plain = String(value);
  return plain.length <= 9 ? plain : value.toExponential();
}

/** A loss: three digits behind the point while they mean something. */
export function figure(loss: number): string {
  return loss < 1000 ? loss.toFixed(3) : loss.toExponential(1);
}
