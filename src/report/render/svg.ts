// SVG and HTML as text. Everything that comes from a report passes through `escapeText`.

/** Control characters, and those that turn the direction of the text around them. */
const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu;
const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Elements that are made here and that HTML does not let close themselves. */
const OPEN = new Set(['td', 'th', 'p']);

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Text as it may be shown: line breaks become spaces, other unseen characters U+FFFD. */
export function visible(text: string): string {
  return text.replace(/\s+/g, ' ').replace(UNSEEN, '\ufffd');
}

/** For the content of an element and for a quoted attribute. */
export function escapeText(text: string): string {
  return visible(text).replace(/[&<>"']/g, (c) => ENTITIES[c]);
}

/** An element; `children` are markup. Numbers are places on paper: a tenth of a pixel is enough. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  let head = name;
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    const text = typeof value === 'number' ? String(Math.round(value * 10) / 10) : escapeText(value);
    head += ` ${key}="${text}"`;
  }
  return children.length === 0 && !OPEN.has(name) ? `<${head}/>` : `<${head}>${children.join('')}</${name}>`;
}

/** Text on a drawing, not longer than `room` pixels allow; what is cut off stays in its title. */
export function label(
  x: number,
  y: number,
  text: string,
  { room = Infinity, ...attributes }: Attributes & { readonly room?: number } = {},
): string {
  const shown = cut(text, room);
  const title = shown === visible(text) ? [] : [element('title', {}, escapeText(text))];
  return element('text', { x, y, ...attributes }, escapeText(shown), ...title);
}

/** `text`, or as much of its beginning as `room` pixels hold. */
export function cut(text: string, room: number): string {
  const letters = [...visible(text)];
  const most = Math.max(1, Math.floor(room / LETTER));
  return letters.length <= most ? letters.join('') : `${letters.slice(0, most - 1).join('')}…`;
}

/** Mean width of a letter at the drawings' 13 px, on the safe side. */
export const LETTER = 6.8;

export function line(x1: number, y1: number, x2: number, y2: number, style: string): string {
  return element('line', { x1, y1, x2, y2, class: style });
}

export function rect(x: number, y: number, width: number, height: number, attributes: Attributes): string {
  return element('rect', { x, y, width: Math.max(0, width), height, ...attributes });
}

/** The ends of an interval and the line between them; an arrow where it goes on to the left. */
export function whisker(low: number, high: number, y: number, { tall = 4, beyond = false } = {}): string {
  const end = beyond
    ? `M${at(low + tall)} ${at(y - tall)}l${-tall} ${tall}l${tall} ${tall}`
    : `M${at(low)} ${at(y - tall)}v${2 * tall}`;
  return element('path', {
    class: 'whisker',
    d: `${end}M${at(low)} ${at(y)}H${at(high)}M${at(high)} ${at(y - tall)}v${2 * tall}`,
  });
}

export function at(x: number): string {
  return String(Math.round(x * 10) / 10);
}
