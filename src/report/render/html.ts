// A page as one HTML file: style and drawings inside, no script, nothing from any network.

import type { Page } from './page.ts';
import css from './report.css?raw';
import type { Cell, Column, Row, Section, Table } from './section.ts';
import { element, escapeText, label } from './svg.ts';

/** Drawings for a wide page (and for paper), and for a phone; the style shows the one that fits. */
const WIDTHS = { wide: 720, narrow: 350 } as const;

/** A drawing may be shown without its page. */
const STAMP = 'with figures of a software adapter, not a GPU';

export function htmlOf(page: Page): string {
  const { title, byline, notices, lead, sections } = page;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title)}</title>
<style>
${css}</style>
</head>
<body>
${PATTERNS}
<header>
<h1>${escapeText(title)}</h1>
<p class="byline">${escapeText(byline)}</p>
${noticesOf(notices)}
</header>
<main>
${leadOf(lead)}
<nav aria-label="Contents">
<ol>
${sections.map(({ id, title: name }) => `<li><a href="#${id}">${escapeText(name)}</a></li>`).join('\n')}
</ol>
</nav>
${sections.map(sectionOf).join('\n')}
</main>
</body>
</html>
`;
}

/** A part of a page, for another page to hold beneath a style of its own. */
export interface Fragment {
  /** Of the section; `lead` and `patterns` beside. */
  readonly id: string;
  readonly markup: string;
}

/** A page without its frame: no title, no contents, nothing that links. For a shadow root with `REPORT_STYLE`. */
export function fragmentsOf({ notices, lead, sections }: Page): Fragment[] {
  return [
    { id: 'patterns', markup: PATTERNS },
    ...(notices.length > 0 ? [{ id: 'notices', markup: noticesOf(notices) }] : []),
    ...(lead.sentences.length > 0 ? [{ id: 'lead', markup: leadOf(lead) }] : []),
    ...sections.map((section) => ({ id: section.id, markup: sectionOf(section) })),
  ];
}

export const REPORT_STYLE: string = css;

function noticesOf(notices: Page['notices']): string {
  return notices.map((notice) => paragraph(notice, 'notice')).join('\n');
}

function leadOf({ title, sentences }: Page['lead']): string {
  return `<section class="lead" aria-labelledby="lead">
<h2 id="lead">${escapeText(title)}</h2>
${sentences.map((sentence) => paragraph(sentence)).join('\n')}
</section>`;
}

/** What hatched, striped and dotted parts are filled with. */
const PATTERNS = `<svg width="0" height="0" class="patterns" aria-hidden="true" focusable="false"><defs>
${['accent', 'ink'].map(hatch).join('\n')}
<pattern id="dots" width="4" height="4" patternUnits="userSpaceOnUse"><circle cx="2" cy="2" r="1" class="p-ink"/></pattern>
</defs></svg>`;

function hatch(colour: string): string {
  return (
    `<pattern id="hatch-${colour}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
    `<rect width="2" height="5" class="p-${colour}"/></pattern>`
  );
}

function sectionOf(section: Section): string {
  const { id, title, finding, key, software, draw, tables, notes } = section;
  const tag = software ? ' <span class="tag">software adapter</span>' : '';
  const figure = draw
    ? `<figure>
${drawing(section, draw, 'wide')}
${drawing(section, draw, 'narrow')}
<figcaption>${escapeText(key ?? '')}</figcaption>
</figure>`
    : '';
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${escapeText(title)}${tag}</h2>
${paragraph(finding, 'finding')}
${figure}
${tables.map(foldedTable).join('\n')}
${notes.length > 0 ? `<ul class="notes">${notes.map((note) => `<li>${escapeText(note)}</li>`).join('')}</ul>` : ''}
</section>`;
}

function drawing(
  { id, title, finding, software }: Section,
  draw: NonNullable<Section['draw']>,
  size: keyof typeof WIDTHS,
): string {
  const width = WIDTHS[size];
  const { height, body } = draw(width);
  const bottom = software ? height + 24 : height;
  const stamp = software ? label(width, height + 16, STAMP, { class: 'muted', 'text-anchor': 'end' }) : '';
  const name = `${id}-${size}`;
  return element(
    'svg',
    {
      class: size,
      viewBox: `0 0 ${width} ${Math.ceil(bottom)}`,
      role: 'img',
      'aria-labelledby': `${name}-title ${name}-desc`,
    },
    element('title', { id: `${name}-title` }, escapeText(title)),
    element('desc', { id: `${name}-desc` }, escapeText(`${finding} The table below has all figures.`)),
    body,
    stamp,
  );
}

function foldedTable(table: Table): string {
  const { id, caption, columns, rows } = table;
  return `<details>
<summary>Table: ${escapeText(caption)}</summary>
<div class="scroll" role="region" aria-label="${escapeText(caption)}" tabindex="0">
<table id="table-${id}">
<caption>${escapeText(caption)}</caption>
<thead><tr>${columns.map(head).join('')}</tr></thead>
<tbody>
${rows.map((row) => bodyRow(row, columns)).join('\n')}
</tbody>
</table>
</div>
</details>`;
}

function head({ label: name, numeric }: Column): string {
  return element('th', { scope: 'col', class: numeric ? 'numeric' : undefined }, escapeText(name));
}

function bodyRow({ cells, software }: Row, columns: readonly Column[]): string {
  const tag = software ? ' <span class="tag">software</span>' : '';
  const [first, ...rest] = cells;
  const markup = [
    element('th', { scope: 'row', ...cellAttributes(first, columns[0]) }, escapeText(first.text), tag),
    ...rest.map((cell, i) => element('td', cellAttributes(cell, columns[i + 1]), escapeText(cell.text))),
  ];
  return `<tr>${markup.join('')}</tr>`;
}

/** The report's own figures stand beside what is shown, digit for digit. */
function cellAttributes({ value, low, high }: Cell, { numeric }: Column) {
  return {
    class: numeric ? 'numeric' : undefined,
    'data-value': value === undefined ? undefined : String(value),
    'data-low': low === undefined ? undefined : String(low),
    'data-high': high === undefined ? undefined : String(high),
  };
}

function paragraph(text: string, style?: string): string {
  return element('p', { class: style }, unbroken(escapeText(text)));
}

const FIGURE = /−?\d[\d.,]*(?: (?:ns|µs|ms|s|[KMG]iB)|[×%])(?: \([−\d][\d.,–]*[×%]?\))?/g;

/** Keeps a figure, its unit and its interval on one line. */
function unbroken(markup: string): string {
  return markup.replace(FIGURE, (text) => `<span class="figure">${text}</span>`);
}
