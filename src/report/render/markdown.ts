// A page as Markdown (GitHub's): the same text and tables without the drawings.

import type { Page } from './page.ts';
import type { Section, Table } from './section.ts';
import { visible } from './svg.ts';

export function markdownOf({ title, byline, notices, lead, sections }: Page): string {
  const blocks = [
    `# ${escapeMarkdown(title)}`,
    escapeMarkdown(byline),
    ...notices.map((notice) => `> **${escapeMarkdown(notice)}**`),
    `## ${escapeMarkdown(lead.title)}`,
    ...lead.sentences.map(escapeMarkdown),
    ...sections.flatMap(sectionBlocks),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function sectionBlocks({ title, finding, software, tables, notes }: Section): string[] {
  const tag = software ? ' (software adapter)' : '';
  const shown = tables.filter(({ detail, rows }) => !detail && rows.length > 0);
  return [
    `## ${escapeMarkdown(title)}${tag}`,
    escapeMarkdown(finding),
    ...shown.flatMap((table) => [`**${escapeMarkdown(table.caption)}**`, markdownTable(table)]),
    ...(notes.length > 0 ? [notes.map((note) => `- ${escapeMarkdown(note)}`).join('\n')] : []),
  ];
}

function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(({ label }) => escapeMarkdown(label))),
    line(columns.map(({ numeric }) => (numeric ? '---:' : '---'))),
    ...rows.map(({ cells, software }) =>
      line(cells.map(({ text }, i) => escapeMarkdown(text) + (software && i === 0 ? ' (software)' : ''))),
    ),
  ].join('\n');
}

/**
 * Text that Markdown shows as it is: no markup, no HTML, no link, not even one that GitHub makes of a bare address; and
 * no list, heading or quotation at the start of a line.
 */
export function escapeMarkdown(text: string): string {
  return visible(text)
    .trim()
    .replace(/[\\`*_[\]<>|~&$@]/g, '\\$&')
    .replace(/:(?=\/\/)/g, '\\:')
    .replace(/\bwww\./gi, (www) => `${www.slice(0, 3)}\\.`)
    .replace(/^[#+=-]/, '\\$&')
    .replace(/^(\d+)([.)])(?=\s|$)/, '$1\\$2');
}
