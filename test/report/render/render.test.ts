// What a reader sees is what report.json holds, and nothing that stands in it becomes markup.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareReports } from '../../../src/report/judge/compare.ts';
import { moves } from '../../../src/report/judge/crossings.ts';
import { fragmentsOf } from '../../../src/report/render/html.ts';
import { renderComparison, renderReport } from '../../../src/report/render/index.ts';
import { reportPage } from '../../../src/report/render/page.ts';
import type { Estimate, Interval, Report } from '../../../src/report/schema.ts';
import {
  cpuOnlyReport,
  extremeReport,
  gpuReport,
  interruptedReport,
  otherReport,
  softwareReport,
} from '../../support/report-fixture.ts';
import { cellsOf, structureOf, withTexts } from '../../support/report-html.ts';

const estimate = (own: Estimate | null) => own && [own.median, own.low, own.high];
const interval = (own: Interval | null) => own && [own.value, own.low, own.high];
const plain = (value: number | null) => value;

describe.each([
  ['a GPU', gpuReport],
  ['software', softwareReport],
  ['a CPU alone', cpuOnlyReport],
  ['an interrupted run', interruptedReport],
  ['extreme figures', extremeReport],
])('the tables of the HTML, for %s', (_, make) => {
  const report = make();
  const { html } = renderReport(report);
  const cells = (id: string) => cellsOf(html, id);

  it('hold the figures of the ladder', () => {
    const expected = report.ladder?.rungs.map((rung) => [
      null,
      estimate(rung.step),
      plain(rung.step && rung.step.mad),
      rung.step && rung.step.samples.length,
      plain(rung.samplesPerSecond),
      plain(rung.tokensPerSecond),
      interval(rung.timesOracle),
      plain(rung.lossDifference),
    ]);
    expect(cells('ladder')).toEqual(expected);
  });

  it('hold the figures of the anatomy', () => {
    const parts = report.anatomy?.flatMap(({ wall, parts: own, unexplained }) => [
      [null, null, estimate(wall), null],
      ...own.map((part) => [null, null, interval(part.time), null]),
      [null, null, null, unexplained],
    ]);
    const calls = (kind: 'calls' | 'kernels') =>
      report.anatomy?.flatMap((own) =>
        own[kind].map((call) => [null, null, call.count, interval(call.time)]),
      );
    expect(cells('anatomy')).toEqual(parts);
    expect(cells('anatomy-calls')).toEqual(calls('calls'));
    expect(cells('anatomy-kernels')).toEqual(calls('kernels'));
  });

  it('hold the figures of the launch', () => {
    const { launch } = report;
    expect(cells('launch')).toEqual(launch?.costs.map(({ cost }) => [null, interval(cost)]));
    expect(cells('launch-predictions')).toEqual(
      launch?.predictions.map((own) => [null, interval(own.predicted), estimate(own.measured), null]),
    );
    expect(cells('launch-points')).toEqual(
      launch?.points.map((point) => [
        null,
        point.dispatches,
        point.passes,
        point.submits,
        point.readbacks,
        estimate(point.time),
        point.predicted,
      ]),
    );
    const inside = launch?.workgroup;
    expect(cells('launch-workgroup')).toEqual(inside?.costs.map(({ cost }) => [null, interval(cost)]));
    expect(cells('launch-phases')).toEqual(
      inside?.points.map((point) => [
        point.phases,
        point.invocations,
        point.multiplyAdds,
        estimate(point.time),
        point.predicted,
      ]),
    );
  });

  it('hold the figures of the crossover', () => {
    const { crossover } = report;
    expect(cells('crossover')).toEqual(
      crossover?.cells.map((cell) => [
        cell.context,
        cell.batch,
        cell.width,
        null,
        estimate(cell.cpu),
        null,
        estimate(cell.gpu),
        interval(cell.ratio),
        plain(cell.predicted),
      ]),
    );
    expect(cells('crossover-frontier')).toEqual(
      crossover?.frontier.map((own) => [own.context, own.batch, own.measured, own.predicted]),
    );
  });

  it('hold the figures of the strategies', () => {
    const { crossover, control } = report;
    expect(cells('strategies-cells')).toEqual(
      crossover?.cells.flatMap(({ context, batch, width, strategies }) =>
        strategies.map((own) => [
          context,
          batch,
          width,
          null,
          own.time ? estimate(own.time) : own.trial,
          interval(own.ratio),
          own.predicted,
        ]),
      ),
    );
    const widths = crossover?.frontier.flatMap(({ context, batch, strategies }) =>
      strategies.map((own) => [context, batch, null, own.measured, own.predicted]),
    );
    const table = cells('strategies');
    expect(table?.map((row) => row.filter((_own, i) => i !== 3 && i !== 4))).toEqual(widths);
    const found = crossover ? moves(crossover, control) : [];
    const expected = found.map((own) => [
      own.context,
      own.batch,
      own.above,
      own.below,
      null,
      own.atLeast,
      own.atMost,
    ]);
    expect(cells('strategies-moves')).toEqual(found.length > 0 ? expected : undefined);
  });

  it('hold the figures of the kernels, the memory, the control pair and the limits', () => {
    const { kernels, memory, control, machine } = report;
    expect(cells('kernels-ceilings')).toEqual(
      kernels
        ? [
            [null, estimate(kernels.ceilings.gflops)],
            [null, estimate(kernels.ceilings.gbps)],
          ]
        : undefined,
    );
    expect(cells('kernels')).toEqual(
      kernels?.rows.map((row) => [
        null,
        null,
        estimate(row.time),
        row.flops,
        row.bytes,
        row.gflops,
        row.gbps,
        row.share,
        null,
      ]),
    );
    expect(cells('memory')).toEqual(
      memory?.rows.flatMap((row) => [
        ...row.purposes.map((own) => [null, null, null, own.bytes, own.least]),
        [null, null, null, row.bytes, row.least],
      ]),
    );
    expect(cells('control')).toEqual(
      control
        ? [
            [null, estimate(control.first)],
            [null, estimate(control.second)],
            [null, interval(control.ratio)],
            [null, control.claimable],
          ]
        : undefined,
    );
    const limits = Object.values(machine.limits).map((limit) => [null, limit]);
    expect(cells('limits')).toEqual(machine.adapter === null ? undefined : limits);
  });
});

it('has parts for other pages: all of report.html but its frame, and no style that a page might forbid', () => {
  for (const report of [gpuReport(), softwareReport(), interruptedReport()]) {
    const { html } = renderReport(report);
    const fragments = fragmentsOf(reportPage(report));
    expect(fragments.map(({ id }) => id)).toEqual(expect.arrayContaining(['lead', 'ladder', 'crossover']));
    for (const { markup } of fragments) {
      expect(html).toContain(markup);
      expect(markup).not.toMatch(/ style=|<style|href=/);
    }
  }
});

describe('the drawings', () => {
  /** Figures of the marks of one class in one drawing. */
  const marks = (report: Report, id: string, style: RegExp) => {
    const { html } = renderReport(report);
    const [drawing] = html.slice(html.indexOf(`aria-labelledby="${id}-wide-title`)).split('</svg>');
    return [...drawing.matchAll(/<(?:rect|circle)[^>]* class="([^"]*)"[^>]* data-value="([^"]*)"/g)]
      .filter(([, own]) => style.test(own))
      .map(([, , value]) => Number(value));
  };

  const ascending = (values: readonly number[]) => [...values].sort((a, b) => a - b);

  it('show the figures of the report', () => {
    const report = gpuReport();
    const steps = report.ladder!.rungs.flatMap(({ step }) => (step ? [step.median] : []));
    expect(marks(report, 'ladder', /./)).toEqual(steps);
    const parts = report.anatomy!.flatMap((own) => own.parts.map(({ time }) => time.value));
    expect(marks(report, 'anatomy', /./)).toEqual(parts);
    const ratios = report.crossover!.cells.flatMap(({ ratio }) => (ratio ? [ratio.value] : []));
    expect(ascending(marks(report, 'crossover', /cell/))).toEqual(ascending(ratios));
    const each = report
      .crossover!.cells.filter(({ context, batch }) => context === 16 && [1, 16, 128].includes(batch))
      .flatMap(({ cpu, strategies }) =>
        strategies.flatMap(({ ratio, trial }) => ratio?.value ?? (trial === null ? [] : cpu!.median / trial)),
      );
    expect(ascending(marks(report, 'strategies', /cell/))).toEqual(ascending(each));
    const shares = report.kernels!.rows.map(({ share }) => share);
    expect(ascending(marks(report, 'kernels', /./))).toEqual(ascending(shares));
  });

  it('hatch what ran on software, and only that', () => {
    expect(marks(gpuReport(), 'ladder', /hatched/)).toEqual([]);
    const report = softwareReport();
    const steps = report.ladder!.rungs.flatMap(({ step, software }) =>
      step && software ? [step.median] : [],
    );
    expect(marks(report, 'ladder', /hatched/)).toEqual(steps);
    expect(marks(report, 'ladder', /accent/)).toEqual([]);
  });

  it('have no place that is not a number, whatever the figures', () => {
    for (const report of [extremeReport(), cpuOnlyReport()])
      expect(renderReport(report).html).not.toMatch(/NaN|undefined/);
    const { html } = renderReport(extremeReport());
    expect(html).not.toMatch(/(?:x|y|width|height|cx|cy|d|x1|x2|y1|y2)="[^"]*(?:Infinity|e\+)/);
  });
});

it('says how resident is predicted, and why it is not where its workgroup was not measured', () => {
  const report = gpuReport();
  expect(renderReport(report).markdown).toMatch(
    /^- resident is predicted from its barriers, .* Left out: exponentials/m,
  );
  const launch = report.launch!;
  const notes = (own: Partial<typeof launch>) =>
    renderReport({ ...report, launch: { ...launch, ...own } }).markdown.match(
      /^- .*predict.* resident.*|^- resident is .*/gm,
    );
  const planned = launch.predictions.filter(({ rung }) => rung !== 'webgpu-resident');
  expect(notes({ workgroup: null, predictions: planned })).toEqual([
    expect.stringMatching(/^- There is no prediction for resident/),
  ]);
  // Of a report without a ladder, say.
  expect(notes({ predictions: [] })).toBeNull();
});

it('is known by the beginning of its commit, and by what was changed since', () => {
  const hash = '3c7daa5'.padEnd(40, '0');
  const byline = (commit: string) => {
    const report = gpuReport();
    report.machine.commit = commit;
    return reportPage(report).byline;
  };
  expect(byline(hash)).toMatch(/commit 3c7daa5$/);
  expect(byline(`${hash}+`)).toMatch(/commit 3c7daa5\+$/);
  expect(byline('v1-dirty')).toMatch(/commit v1-dirty$/);
});

describe('marks of what the report is not', () => {
  const tags = (html: string) => html.split('<span class="tag">software</span>').length - 1;

  it('every row of a software adapter says so, in HTML and in Markdown', () => {
    const { html, markdown } = renderReport(softwareReport());
    const rows = html.split('\n').filter((line) => line.startsWith('<tr><th scope="row"'));
    expect(tags(html)).toBeGreaterThan(100);
    expect(rows.filter((row) => row.includes('>WebGPU, ') && tags(row) === 0)).toEqual([]);
    expect(markdown).toMatch(/^\| WebGPU, graph \(software\) \|/m);
    expect(markdown).toMatch(/^> \*\*This is not a GPU result: no GPU was measured/m);
    expect(html).toMatch(/<p class="notice">This is not a GPU result: no GPU was measured/);
    expect(tags(renderReport(gpuReport()).html)).toBe(0);
  });

  it('a stopped report says so and keeps a place for each question', () => {
    const { html, markdown } = renderReport(interruptedReport());
    expect(html).toContain(
      '<p class="notice">Stopped after <span class="figure">7 s</span>: only what stands here',
    );
    expect(markdown.match(/Not measured: the run was stopped before\./g)).toHaveLength(6);
    const headings = (text: string) => text.match(/^## .*/gm);
    expect(headings(markdown)).toEqual(headings(renderReport(gpuReport()).markdown));
  });

  it('names each reason for skipping once, whatever its figures', () => {
    const report = gpuReport();
    report.crossover!.cells.slice(0, 3).forEach((cell, i) => {
      cell.ratio = null;
      cell.skipped = `it would take about ${i + 1}.5e+2 s, and 8 s were left`;
    });
    report.crossover!.cells.forEach((cell) => (cell.strategies = []));
    const { markdown } = renderReport(report);
    expect(markdown.match(/^- Skipped .*/gm)).toEqual([
      '- Skipped (a): it would take about … s, and … s were left.',
      '- Skipped (b): the answer was clear at width 512.',
    ]);
    expect(markdown).toContain('skipped: it would take about 2.5e+2 s, and 8 s were left');
  });

  it('says why there is nothing about a GPU', () => {
    expect(renderReport(cpuOnlyReport()).markdown).toMatch(/Not measured: No WebGPU adapter was found\./);
    const left = cpuOnlyReport();
    left.machine.noAdapter = 'The GPU was left out: --engine cpu.';
    const { markdown } = renderReport({ ...left, memory: gpuReport().memory });
    expect(markdown).toMatch(/^Not measured: The GPU was left out\.$/m);
    expect(markdown).not.toMatch(/no adapter/i);
    expect(markdown).toMatch(/^A device would hold 1\.37× to 2\.2× the least possible/m);
    const report = { ...gpuReport(), kernels: null, notes: ['kernels: the device was lost.'] };
    expect(renderReport(report).markdown).toMatch(/Not measured: the device was lost\./);
    expect(renderReport({ ...gpuReport(), control: null }).html).toMatch(
      /so this report claims no difference/,
    );
  });
});

describe('texts of a foreign report', () => {
  const letters = [
    '<',
    '>',
    '"',
    "'",
    '&',
    '`',
    '|',
    '\\',
    '\n',
    '*',
    '_',
    '[',
    ']',
    '(',
    ')',
    '#',
    '!',
    '~',
    'a',
    ' ',
    '{',
  ];
  const traps = [
    '</style><script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    '</title></svg><a href="javascript:1">x</a>',
    '&lt;b&gt;',
    '| x | y |\n| --- | --- |',
    '](https://example.com)',
    '\u202egpj.exe\u0000\u0007',
    '<!-- --><![CDATA[ ]]>',
  ];
  const hostile = fc.oneof(
    fc
      .array(fc.constantFrom(...letters), { minLength: 4, maxLength: 40 })
      .map((chars) => `q${chars.join('')}`),
    fc.constantFrom(...traps),
    fc.string({ minLength: 4, unit: 'binary' }).map((text) => `q${text}`),
  );

  it('never become markup: the page has the elements of one with harmless texts', () => {
    const harmless = structureOf(renderReport(withTexts(gpuReport(), () => 'harmless')).html);
    const compared = (text: string) =>
      renderComparison(
        compareReports(
          [gpuReport(), otherReport()].map((report) => ({
            name: text,
            report: withTexts(report, () => text),
          })),
        ),
      ).html;
    const harmlessComparison = structureOf(compared('harmless'));
    fc.assert(
      fc.property(hostile, (text) => {
        expect(structureOf(renderReport(withTexts(gpuReport(), () => text)).html)).toEqual(harmless);
        expect(structureOf(compared(text))).toEqual(harmlessComparison);
      }),
      { numRuns: 40 },
    );
  });

  it('never change the lines or the columns of the Markdown', () => {
    const shape = (text: string) => {
      const { markdown } = renderReport(withTexts(gpuReport(), () => text));
      return markdown.split('\n').map((line) => line.match(/(?<!\\)\|/g)?.length ?? 0);
    };
    const harmless = shape('harmless');
    fc.assert(
      fc.property(hostile, (text) => {
        expect(shape(text)).toEqual(harmless);
      }),
      { numRuns: 40 },
    );
  });

  it('stand in Markdown with every sign of its own escaped', () => {
    const text = 'q<b>*x*</b> [a](http://b) `c` | $d$ ~e~ https://f www.g.h i@j &lt;';
    const { markdown } = renderReport(withTexts(gpuReport(), () => text));
    expect(markdown).toContain(
      'q\\<b\\>\\*x\\*\\</b\\> \\[a\\](http\\://b) \\`c\\` \\| \\$d\\$ \\~e\\~ https\\://f www\\.g.h i\\@j \\&lt;',
    );
  });
});
