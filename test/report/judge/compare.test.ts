import { describe, expect, it } from 'vitest';
import { compareReports, type NamedReport } from '../../../src/report/judge/compare.ts';
import { renderComparison } from '../../../src/report/render/index.ts';
import type { Report } from '../../../src/report/schema.ts';
import { ReportError } from '../../../src/util/errors.ts';
import {
  control,
  cpuOnlyReport,
  gpuReport,
  interruptedReport,
  otherReport,
  softwareReport,
} from '../../support/report-fixture.ts';
import { cellsOf } from '../../support/report-html.ts';

const named = (...reports: Report[]): NamedReport[] =>
  reports.map((report, i) => ({ name: `${i}.json`, report }));
const compare = (...reports: Report[]) => compareReports(named(...reports));

describe('reports side by side', () => {
  it('compares each rung with the first report, planted 1.5 times as fast', () => {
    const { ladder } = compare(gpuReport(), otherReport());
    const simd = ladder.find(({ id }) => id === 'cpu-simd')!;
    expect(simd.figures.map((own) => own?.value)).toEqual([10.5, 7]);
    expect(simd.speeds[0]).toBeNull();
    expect(simd.speeds[1]!.value).toBeCloseTo(1.5, 12);
    expect(simd.speeds[1]!.low).toBeGreaterThan(1.4);
    expect(simd.speeds[1]!.high).toBeLessThan(1.6);
    expect(ladder.map(({ id }) => id)).toEqual(gpuReport().ladder!.rungs.map(({ id }) => id));
  });

  it('compares launch costs, planted twice as dear, and frontiers', () => {
    const { launch, frontiers } = compare(gpuReport(), otherReport());
    expect(launch.map(({ speeds }) => speeds[1]!.value)).toEqual(
      [...gpuReport().launch!.costs, ...gpuReport().launch!.workgroup!.costs].map(
        () => expect.closeTo(0.5, 12) as number,
      ),
    );
    const best = frontiers.filter(({ strategy }) => strategy === null);
    expect(best.map(({ batch, widths }) => [batch, ...widths])).toEqual([
      [1, 48, 96],
      [4, 24, 48],
      [16, 16, 32],
    ]);
    const first = frontiers.filter(({ batch }) => batch === 1);
    expect(first.map(({ strategy, widths }) => [strategy, ...widths])).toEqual([
      [null, 48, 96],
      ['eager', 230, 460],
      ['graph', 107, 214],
      ['fused', 77, 154],
      ['resident', 48, 96],
    ]);
  });

  it('says what is faster in sentences, and that the runs were not interleaved', () => {
    expect(compare(gpuReport(), otherReport()).sentences).toEqual([
      'The fastest step on the CPU takes 10.5 µs (10.3–10.7) in A (WebAssembly SIMD); ' +
        '7.00 µs (6.86–7.14) in B (WebAssembly SIMD), 1.50× (1.46–1.54×) faster.',
      'The fastest step on the GPU takes 34.0 µs (33.3–34.7) in A (resident); ' +
        '22.7 µs (22.2–23.1) in B (resident), 1.50× (1.46–1.54×) faster.',
      'The runs were not interleaved: the intervals do not cover what changed on the machines between them.',
    ]);
    expect(compare(otherReport(), gpuReport()).sentences[0]).toMatch(/ in B .*, 1\.50× .* slower\.$/);
  });

  it('claims no difference that the coarser of the control pairs does not allow', () => {
    const coarse = { ...otherReport(), control: control(1.6) };
    for (const comparison of [compare(gpuReport(), coarse), compare(coarse, gpuReport())]) {
      expect(comparison.sentences[0]).toMatch(/no difference distinguishable from noise\.$/);
    }
    const unproven = compare(gpuReport(), { ...otherReport(), control: null });
    expect(unproven.sentences[0]).toMatch(/no claim without a control pair\.$/);
    expect(unproven.notices).toContain('B has no control pair, so no difference from it is claimed.');
    expect(compare(gpuReport(), gpuReport()).sentences[0]).toMatch(
      /no difference distinguishable from noise/,
    );
  });

  it('never sets software against a GPU', () => {
    const { ladder, launch, notices, sentences } = compare(gpuReport(), softwareReport());
    for (const { id, speeds, software } of ladder) {
      expect(software).toEqual([false, id.startsWith('webgpu')]);
      if (id.startsWith('webgpu')) expect(speeds).toEqual([null, null]);
    }
    expect(launch.flatMap(({ speeds }) => speeds)).toEqual(launch.flatMap(() => [null, null]));
    expect(notices).toContain('The adapter of B is software: its WebGPU figures are not those of a GPU.');
    expect(sentences[1]).toMatch(/in A \(resident\); no other report has one\.$/);
    expect(compare(softwareReport(), gpuReport()).sentences[1]).toBe(
      'A has no step on a GPU to compare with.',
    );
    const both = compare(softwareReport(), softwareReport());
    expect(both.ladder.find(({ id }) => id === 'webgpu-graph')!.speeds[1]!.value).toBe(1);
  });

  it('leaves out the rungs of another shape, and says so', () => {
    const wide = otherReport();
    wide.ladder!.shape.nEmbd = 64;
    const { ladder, notices, sentences } = compare(gpuReport(), wide);
    expect(ladder.every(({ figures }) => figures[1] === null)).toBe(true);
    expect(notices).toContain(
      'The ladder of B is of another shape and is not compared: expected 1 layer, width 16, context 16, batch 1.',
    );
    expect(sentences[0]).toMatch(/no other report has one/);
  });

  it('says what else is not alike', () => {
    const old = otherReport();
    old.machine.version = '0.0.9';
    old.mode = 'quick';
    expect(compare(gpuReport(), interruptedReport(), old).notices).toEqual([
      'B ended before everything was measured.',
      'Quick and full reports stand side by side: the quick ones (C) have fewer samples.',
      'The versions of this program differ: A 0.1.0, B 0.1.0, C 0.0.9.',
    ]);
    expect(compare(gpuReport(), otherReport()).notices).toEqual([]);
  });

  it('compares with a report from before strategies were kept by what both have', () => {
    const old = otherReport();
    old.crossover!.cells.forEach((cell) => (cell.strategies = []));
    old.crossover!.frontier.forEach((row) => (row.strategies = []));
    const first = compare(gpuReport(), old).frontiers.filter(({ batch }) => batch === 1);
    expect(first.map(({ strategy, widths }) => [strategy, ...widths])).toEqual([
      [null, 48, 96],
      ['eager', 230, undefined],
      ['graph', 107, undefined],
      ['fused', 77, undefined],
      ['resident', 48, undefined],
    ]);
  });

  it('takes reports with next to nothing in them', () => {
    const empty: Report = { ...cpuOnlyReport(), ladder: null, control: null };
    const { ladder, launch, frontiers, sentences } = compare(empty, empty);
    expect([ladder, launch, frontiers]).toEqual([[], [], []]);
    expect(sentences[0]).toBe('A has no step on a CPU to compare with.');
    expect(renderComparison(compare(empty, gpuReport())).markdown).toContain(
      'Nothing here can be compared with A.',
    );
  });

  it.each([0, 1, 13])('refuses %s reports', (n) => {
    const reports = named(...Array.from({ length: n }, gpuReport));
    expect(() => compareReports(reports)).toThrow(ReportError);
    expect(() => compareReports(reports)).toThrow(`expected 2 to 12 reports, got ${n}`);
  });
});

describe('the page of a comparison', () => {
  const comparison = compare(gpuReport(), otherReport(), softwareReport());
  const { html, markdown } = renderComparison(comparison);

  it('holds the figures of the comparison', () => {
    for (const [id, rows] of [
      ['ladder', comparison.ladder],
      ['launch', comparison.launch],
    ] as const) {
      const expected = rows.map(({ figures, speeds }) => [
        null,
        ...figures.flatMap((own, i) => {
          const cells = [own && [own.value, own.low, own.high]];
          const speed = speeds[i];
          return i === 0 ? cells : [...cells, speed && [speed.value, speed.low, speed.high]];
        }),
      ]);
      expect(cellsOf(html, id)).toEqual(expected);
    }
    expect(cellsOf(html, 'crossover')).toEqual(
      comparison.frontiers.map(({ context, batch, widths }) => [
        context,
        batch,
        null,
        ...widths.map((width) => width ?? null),
      ]),
    );
  });

  it('marks each figure of software, and names each report', () => {
    expect(markdown).toMatch(/^\| WebGPU, graph \| 148 µs .* \(software\) \| – \|$/m);
    expect(markdown).not.toMatch(/^\| CPU, .*software/m);
    expect(markdown).toMatch(
      /^\| 16 \| 1 \| the fastest way \| 48 \| 96 \| not within the grid \(software\) \|$/m,
    );
    expect(markdown).toMatch(/^\| 16 \| 1 \| eager \| 230 \| 460 \| not within the grid \(software\) \|$/m);
    expect(markdown).toMatch(/^\| B \| 1\.json \| laptop/m);
    expect(markdown).toContain(
      'B is faster than A in 9 of 9, slower in 0; C is faster than A in 0 of 4, slower in 0.',
    );
  });
});
