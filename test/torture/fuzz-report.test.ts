// Reports that are damaged, foreign or hostile: read or refused, and what was read is rendered and compared, soon and safely.

import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { compareReports } from '../../src/report/judge/compare.ts';
import { decodeReport, encodeReport } from '../../src/report/read.ts';
import { renderComparison, renderReport, type Rendered } from '../../src/report/render/index.ts';
import type { Report } from '../../src/report/schema.ts';
import { verdict } from '../../src/report/judge/verdict.ts';
import { gpuReport } from '../support/report-fixture.ts';
import { FULL } from './full.ts';
import { changed, changes, edited, edits, PLANTED, survives } from './hostile.ts';

if (FULL) vi.setConfig({ testTimeout: 3_600_000 });

const RUNS = FULL ? 10_000 : 150;

/** A whole report with few entries in each list: a case takes milliseconds. */
function smallReport(): Report {
  const short = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.slice(0, 3).map(short);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, short(inner)]));
  };
  return short(gpuReport()) as Report;
}

const report = smallReport();
const file = new TextEncoder().encode(encodeReport(report));

/** All that the program makes of reports that it has read. */
function use(bytes: Uint8Array | string): void {
  const read = decodeReport(bytes, 'a.json');
  verdict(read);
  const pages = [renderReport(read)];
  for (const pair of [
    [read, report],
    [report, read],
  ]) {
    pages.push(renderComparison(compareReports(pair.map((own) => ({ name: PLANTED, report: own })))));
  }
  for (const page of pages) checkPage(page);
}

function checkPage({ html, markdown }: Rendered): void {
  for (const text of [html, markdown]) {
    expect(text).not.toContain(PLANTED);
    expect(text).not.toMatch(/\bNaN\b|\bundefined\b|\[object/);
  }
}

describe('nothing but a page or an error of ours comes of', () => {
  it(`${RUNS} damaged reports`, async () => {
    await fc.assert(
      fc.asyncProperty(changes, (list) => survives(() => use(changed(file, list)))),
      { numRuns: RUNS },
    );
  });

  it(`${RUNS} reports with other values`, async () => {
    await fc.assert(
      fc.asyncProperty(edits, (list) => survives(() => use(JSON.stringify(edited(report, list))))),
      { numRuns: RUNS },
    );
  });

  /** Uses a report of this text; gives what it was refused with, or ''. */
  const refusal = async (json: string) => {
    let refused = '';
    await survives(() => {
      try {
        use(json);
      } catch (error) {
        refused = String(error);
        throw error;
      }
    });
    return refused;
  };

  it.each(listsOf(report))('%s as long as it may be, and longer', async (path) => {
    const most = path.endsWith('samples') ? 20_000 : 500;
    if (path === 'crossover.cells') {
      expect(await refusal(JSON.stringify(lengthened(path, 400)))).toMatch(
        /contexts × widths, got 400 × 400/,
      );
    }
    // What is long itself may not be there so often.
    expect(await refusal(JSON.stringify(lengthened(path, most, false)))).toMatch(/^$|entries up to here/);
    const longer = JSON.stringify(lengthened(path, most + 1, false));
    expect(await refusal(longer)).toMatch(/expected at most/);
  });

  it('all lists as long as they may be, together', async () => {
    let most = 0;
    for (const count of [5, 10, 20, 40, 80]) {
      const long = structuredClone(report) as unknown;
      // The inner ones first: what is copied then has long lists itself.
      for (const path of listsOf(report).toReversed()) {
        if (!path.endsWith('samples')) lengthen(long, path, count, false);
      }
      const json = JSON.stringify(long);
      await survives(() => {
        use(json);
        most = count;
      });
    }
    expect(most).toBeGreaterThan(5);
  });
});

/** Paths of all lists and records of any length. */
function listsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) || path === 'machine.limits' ? [path] : [];
  const inner = Array.isArray(value) ? [['0', value[0]] as const] : Object.entries(value);
  return [...own, ...inner.flatMap(([key, next]) => listsOf(next, path === '' ? key : `${path}.${key}`))];
}

function lengthened(path: string, count: number, contexts?: boolean): unknown {
  const long: unknown = structuredClone(report);
  lengthen(long, path, count, contexts);
  return long;
}

/** Gives the list at `path` so many entries, all different. */
function lengthen(root: unknown, path: string, count: number, contexts = true): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  const parent = keys.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], root);
  const list = (parent as Record<string, unknown>)[last];
  const next = Array.isArray(list)
    ? Array.from({ length: count }, (_, i) => numbered(list[0], i + 1, contexts))
    : Object.fromEntries(Array.from({ length: count }, (_, i) => [`limit${i}`, i]));
  (parent as Record<string, unknown>)[last] = next;
}

/** `entry` with another text or size wherever it may have any; another context only with `contexts`. */
function numbered(entry: unknown, i: number, contexts: boolean): unknown {
  if (typeof entry === 'string') return `${entry} ${i}`;
  if (typeof entry !== 'object' || entry === null) return entry;
  const names = ['id', 'name', 'label', 'strategy', 'purpose', 'shape', 'rung'];
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => {
      if (key === 'width' || key === 'batch') return [key, i];
      if (key === 'context') return [key, contexts ? i : value];
      return [key, names.includes(key) && typeof value === 'string' ? `${value} ${i}` : value];
    }),
  );
}
