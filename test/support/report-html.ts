// Looking into the HTML of a report without a browser. The reader is strict: what it does not know, it refuses.

import type { Report } from '../../src/report/schema.ts';

/** A table's figures, row by row: null for a word, a figure, or [value, low, high]; undefined where there is no table. */
export function cellsOf(html: string, id: string): (null | number | number[])[][] | undefined {
  const start = html.indexOf(`<table id="table-${id}">`);
  if (start < 0) return undefined;
  const body = html.slice(html.indexOf('<tbody>', start), html.indexOf('</tbody>', start));
  return [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row.matchAll(/<(?:th|td)([^>]*)>/g)].map(([, attributes]) => {
      const read = (name: string) => attributes.match(new RegExp(`data-${name}="([^"]*)"`))?.[1];
      const value = read('value');
      if (value === undefined) return null;
      const low = read('low');
      return low === undefined ? Number(value) : [Number(value), Number(low), Number(read('high'))];
    }),
  );
}

/**
 * The tags of a page in their order, with the names of their attributes, less the titles that cut texts have; throws
 * where `<` or `>` stands elsewhere.
 */
export function structureOf(html: string): string[] {
  const tags: string[] = [];
  const rest = html
    .replace(/<style>.*?<\/style>/s, '')
    .replace(
      /<(\/?[a-zA-Z!][\w:-]*)((?:\s+[\w:-]+(?:="[^"<>]*")?)*)\s*(\/?)>/g,
      (_, name: string, attributes: string) => {
        const names = [...attributes.matchAll(/([\w:-]+)(?:="[^"]*")?/g)].map(([, attribute]) => attribute);
        tags.push([name, ...names].join(' '));
        return '';
      },
    );
  const stray = rest.match(/.{0,40}[<>].{0,40}/);
  if (stray) throw new Error(`A sign of markup outside of a tag: ${stray[0]}`);
  return tags.filter((tag) => tag !== 'title' && tag !== '/title');
}

/** Values that the format chooses from: they are no free text. */
const FIXED = new Set(['format', 'date', 'mode', 'kind', 'kernel', 'bound', 'id']);

/** `report` with every free text, and every name of a limit, replaced. */
export function withTexts(report: Report, text: (old: string) => string): Report {
  const changed = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') return FIXED.has(key) ? value : text(value);
    if (Array.isArray(value)) return value.map((entry) => changed(entry, key));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, entry]) => [name, changed(entry, name)] as const);
    if (key === 'limits') return { [text('limit')]: 1 };
    return Object.fromEntries(entries);
  };
  return changed(report, '') as Report;
}
