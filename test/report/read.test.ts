import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareReports } from '../../src/report/judge/compare.ts';
import { decodeReport, encodeReport } from '../../src/report/read.ts';
import type { Report } from '../../src/report/schema.ts';
import { ReportError } from '../../src/util/errors.ts';
import {
  cpuOnlyReport,
  extremeReport,
  gpuReport,
  interruptedReport,
  otherReport,
  softwareReport,
} from '../support/report-fixture.ts';

/** Reports as earlier commits wrote them. */
const RESULTS = fileURLToPath(new URL('../../bench/results', import.meta.url));

const ALL: readonly [string, () => Report][] = [
  ['a GPU', gpuReport],
  ['software', softwareReport],
  ['a CPU alone', cpuOnlyReport],
  ['an interrupted run', interruptedReport],
  ['another machine', otherReport],
  ['extreme figures', extremeReport],
];

/** What is said of a file. */
function problem(file: Uint8Array | string): string {
  try {
    decodeReport(file, 'A.json');
  } catch (error) {
    expect(error).toBeInstanceOf(ReportError);
    return (error as ReportError).message;
  }
  throw new Error('It was read.');
}

/** The JSON of a good report with `value` at `path`, or without what stands there. */
function changed(path: string, value?: unknown): string {
  const report: unknown = JSON.parse(encodeReport(gpuReport()));
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], report);
  (parent as Record<string, unknown>)[last] = value;
  return JSON.stringify(report);
}

describe('report.json', () => {
  it.each(ALL)('of %s comes back as it was', (_, make) => {
    const report = make();
    const json = encodeReport(report);
    expect(decodeReport(json, 'A.json')).toEqual(report);
    expect(decodeReport(new TextEncoder().encode(json), 'A.json')).toEqual(report);
  });

  it.each([
    ['', /^A\.json: expected the JSON of a report, got something else\. Name a report\.json as/],
    ['{"format": "microgpt-report", ', /expected the JSON of a report/],
    ['null', /expected "format": "microgpt-report", got nothing/],
    ['[1, 2]', /expected "format": "microgpt-report", got nothing/],
    ['{"format": 7}', /expected "format": "microgpt-report", got 7/],
    ['{"format": "microgpt-run-1"}', /expected "format": "microgpt-report", got "microgpt-run-1"/],
    ['{"format": "microgpt-report"}', /expected "version": 1, got nothing\. Measure it again/],
    ['{"format": "microgpt-report", "version": 2}', /expected "version": 1, got 2/],
  ])('that is something else is named as such: %s', (json, message) => {
    expect(problem(json)).toMatch(message);
  });

  it.each<[string, string, unknown, RegExp]>([
    ['a missing field', 'seed', undefined, /^A\.json: seed: expected "seed", got nothing\./],
    ['a text for a figure', 'seconds', '12', /A\.json: seconds: expected number, got "12"/],
    ['a negative time', 'seconds', -1, /A\.json: seconds: expected >=0, got -1/],
    ['null for a figure', 'control.ratio.low', null, /control\.ratio\.low: expected number, got null/],
    ['an unknown kind', 'ladder.rungs.3.kind', 'gpu', /ladder\.rungs\.3\.kind: expected .*got "gpu"/],
    ['no samples', 'control.first.samples', [], /control\.first\.samples: .*, got a list of 0/],
    ['a date of another form', 'date', 'yesterday', /date: .*got "yesterday"/],
    ['an endless name', 'machine.name', 'x'.repeat(5000), /machine\.name: .*got "x{78}…/],
    ['an object for a list', 'notes', {}, /notes: expected Array, got an object/],
    [
      'a strategy that took less than no time',
      'crossover.cells.3.strategies.0.trial',
      -1,
      /crossover\.cells\.3\.strategies\.0\.trial: expected >=0, got -1/,
    ],
    [
      'an interval upside down',
      'launch.costs.1.cost',
      { value: 2, low: 3, high: 1 },
      /^A\.json: launch\.costs\.1\.cost: expected low ≤ high, got 3 and 1\./,
    ],
    [
      'a phase that took no number of invocations',
      'launch.workgroup.points.0.invocations',
      1.5,
      /launch\.workgroup\.points\.0\.invocations: .*, got 1\.5/,
    ],
    [
      'an endless list',
      'control.first.samples',
      new Array(30_000).fill(1),
      /control\.first\.samples: expected at most 20000 entries, got 30000/,
    ],
  ])('with %s is refused: file, place, expected and got', (_, path, value, message) => {
    expect(problem(changed(path, value))).toMatch(message);
  });

  it('is bounded in bytes and has to be UTF-8', () => {
    expect(problem(' '.repeat(17 * 2 ** 20))).toMatch(/^A\.json: expected at most 16 MiB, got more/);
    expect(problem(new Uint8Array(17 * 2 ** 20))).toMatch(/expected at most 16 MiB/);
    expect(problem(new Uint8Array([0x7b, 0xff]))).toMatch(/expected UTF-8 text/);
  });

  it('is not thrown off by what is deep or long', () => {
    expect(problem('['.repeat(1e6))).toMatch(/^A\.json: /);
    expect(problem(`${'['.repeat(1e5)}${']'.repeat(1e5)}`)).toMatch(/^A\.json: /);
    const deep = `${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}`;
    expect(problem(changed('notes', 7).replace('"notes":', `"extra":${deep},"notes":`))).toMatch(/notes/);
  });

  it('that was damaged anywhere is read or refused with a ReportError', () => {
    const json = encodeReport(interruptedReport());
    const damage = fc.record({
      at: fc.nat(json.length - 1),
      length: fc.nat(40),
      text: fc.oneof(
        fc.string(),
        fc.constantFrom('null', '-1', '1e999', '{}', '[]', '"', '__proto__', '"low":9e9,'),
      ),
    });
    fc.assert(
      fc.property(damage, ({ at, length, text }) => {
        const damaged = json.slice(0, at) + text + json.slice(at + length);
        try {
          encodeReport(decodeReport(damaged, 'A.json'));
        } catch (error) {
          expect(error).toBeInstanceOf(ReportError);
          expect((error as Error).message).toMatch(/^A\.json: /);
          expect((error as Error).message.split('\n')).toHaveLength(1);
          expect((error as Error).message.length).toBeLessThan(400);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('from before strategies were kept is read as one without them', () => {
    const old = JSON.parse(encodeReport(gpuReport())) as {
      crossover: Record<string, { strategies?: unknown }[]>;
    };
    for (const row of [...old.crossover['cells'], ...old.crossover['frontier']]) delete row.strategies;
    const { cells, frontier } = decodeReport(JSON.stringify(old), 'A.json').crossover!;
    for (const { strategies } of [...cells, ...frontier]) expect(strategies).toEqual([]);
    expect(cells.map(({ ratio }) => ratio)).toEqual(gpuReport().crossover!.cells.map(({ ratio }) => ratio));
  });

  it('from before workgroups were measured is read as one without them, and compared', () => {
    const old = JSON.parse(encodeReport(gpuReport())) as { launch: Record<string, unknown> };
    delete old.launch['workgroup'];
    const report = decodeReport(JSON.stringify(old), 'A.json');
    expect(report.launch).toEqual({ ...gpuReport().launch!, workgroup: null });
    expect(decodeReport(encodeReport(report), 'A.json')).toEqual(report);
    const { launch } = compareReports(
      [report, gpuReport()].map((own, i) => ({ name: `${i}.json`, report: own })),
    );
    expect(launch.find(({ id }) => id === 'workgroup barrier')).toMatchObject({
      figures: [null, { value: 0.06 }],
      speeds: [null, null],
    });
  });

  it.each(readdirSync(RESULTS).filter((name) => existsSync(join(RESULTS, name, 'report.json'))))(
    'in bench/results/%s is read and compared',
    (name) => {
      const file = readFileSync(join(RESULTS, name, 'report.json'));
      const report = decodeReport(file, name);
      expect(
        compareReports([
          { name, report },
          { name: 'new', report: gpuReport() },
        ]).ladder.length,
      ).toBeGreaterThan(5);
    },
  );

  it('is checked before it is written', () => {
    const report = gpuReport();
    report.seconds = NaN;
    expect(() => encodeReport(report)).toThrow(/^report\.json to be written: seconds: expected .*, got/);
    report.seconds = 1;
    report.control!.ratio.low = 2;
    expect(() => encodeReport(report)).toThrow(/control\.ratio: expected low ≤ high/);
  });
});
