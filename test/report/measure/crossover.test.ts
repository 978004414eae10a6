// The crossover: which cells are measured, where the frontier lies, what is predicted.

import { describe, expect, test } from 'vitest';
import { powerLaw, predictCells } from '../../../src/report/measure/crossover-prediction.ts';
import {
  coarseGrid,
  crossing,
  frontierOf,
  nextPoint,
  wholeGrid,
  type Known,
} from '../../../src/report/measure/grid.ts';
import type { Cell, Estimate, KernelFigures, LaunchCosts } from '../../../src/report/schema.ts';
import { gridSetting, gridShape, type GridPoint } from '../../../src/report/measure/setting.ts';

describe('the grid', () => {
  test('goes from width 16 to 1,024, batch 1 to 128 and context 16 to 512, and the coarse one spans it', () => {
    const whole = wholeGrid();
    const range = (of: (p: GridPoint) => number) => [Math.min(...whole.map(of)), Math.max(...whole.map(of))];
    expect(range(({ width }) => width)).toEqual([16, 1024]);
    expect(range(({ batch }) => batch)).toEqual([1, 128]);
    expect(range(({ context }) => context)).toEqual([16, 512]);
    for (const point of coarseGrid()) expect(whole).toContainEqual(point);
  });

  test('asks for open cells near the frontier, and none once all are clear', () => {
    // The GPU wins where width × batch exceeds 1,000.
    const truth = (p: GridPoint) => (p.width * p.batch) / 1000;
    const known: Known[] = coarseGrid().map((p) => ({ ...p, ratio: truth(p) }));
    let open = wholeGrid().filter(
      (p) => !known.some((k) => k.width === p.width && k.batch === p.batch && k.context === p.context),
    );
    const asked: GridPoint[] = [];
    for (let next = nextPoint(open, known); next; next = nextPoint(open, known)) {
      asked.push(next);
      known.push({ ...next, ratio: truth(next) });
      open = open.filter((point) => point !== next);
    }
    expect(asked.length).toBeGreaterThan(3);
    expect(open.length).toBeGreaterThan(3);
    // What was left is clear in truth as well, or nearly.
    for (const point of open.filter((p) => p.context === 16)) {
      expect(Math.abs(Math.log(truth(point)))).toBeGreaterThan(Math.log(2));
    }
  });

  test('finds where the ratio passes 1 between two widths', () => {
    expect(crossing([[64, 2], [16, 0.5]])).toBeCloseTo(32, 10); // prettier-ignore
    expect(crossing([[16, 1.5], [32, 3]])).toBe(16); // prettier-ignore
    expect(crossing([[16, 0.1], [32, 0.9]])).toBeNull(); // prettier-ignore
    expect(crossing([])).toBeNull();
  });
});

function exactly(median: number): Estimate {
  return { median, mad: 0, low: median, high: median, samples: [median] };
}

function cell({ width, batch, context }: GridPoint, cpu: number | null, gpu = 100): Cell {
  return {
    width,
    batch,
    context,
    cpu: cpu === null ? null : exactly(cpu),
    gpu: cpu === null ? null : exactly(gpu),
    cpuEngine: 'cpu',
    gpuStrategy: 'fused',
    ratio: cpu === null ? null : { value: cpu / gpu, low: cpu / gpu, high: cpu / gpu },
    predicted: null,
    skipped: cpu === null ? 'clear' : null,
  };
}

describe('prediction', () => {
  const costs = { dispatch: 2, barrier: 1, pass: 5, submit: 20, readback: 64, work: 0 };
  const launch = {
    costs: Object.entries(costs).map(([name, value]) => ({ name, cost: { value, low: value, high: value } })),
  } as LaunchCosts;
  const kernels = {
    ceilings: { gflops: exactly(10_000), gbps: exactly(1000) },
  } as KernelFigures;

  test('a power law is found again, and one point is its own law', () => {
    const law = powerLaw([1, 10, 100].map((x) => [x, 3 * x ** 0.7]));
    expect(law(1000)).toBeCloseTo(3 * 1000 ** 0.7, 6);
    expect(powerLaw([[5, 7]])(99)).toBeCloseTo(7, 10);
  });

  test('a small model costs the GPU its launches, a large one its arithmetic', () => {
    const points = [16, 128, 1024].map((width) => ({ width, batch: 16, context: 16 }));
    const cells = points.map((p) => cell(p, p.width ** 2));
    const [small, , large] = predictCells(cells, { launch, kernels });
    // fused: each dispatch and its barrier 3, a 16th of pass and submit, a 128th of a readback
    const launches = (22 * 3 + 25 / 16 + 0.5) * 1.5;
    expect(small.predicted!).toBeGreaterThan(16 ** 2 / 2 / launches);
    expect(large.predicted!).toBeGreaterThan(100 * small.predicted!);
    expect(predictCells(cells, {})).toEqual(cells);
  });

  test('the frontier stands beside its prediction, for rows that were measured', () => {
    const row = [16, 64, 256].map((width) => cell({ width, batch: 4, context: 16 }, width));
    const none = [16, 64].map((width) => cell({ width, batch: 1, context: 16 }, null));
    const [only, ...more] = frontierOf([...row, ...none]);
    expect(more).toEqual([]);
    expect(only).toMatchObject({ batch: 4, context: 16, predicted: null });
    expect(only.measured).toBeCloseTo(100, 6);
  });
});

test('a cell trains the shape that it says, with documents that fill the context', () => {
  for (const point of [
    { width: 16, batch: 4, context: 16 },
    { width: 512, batch: 1, context: 64 },
  ]) {
    const { shape, spec } = gridSetting(point);
    expect(shape).toEqual(gridShape(point));
    expect(spec.documents.offsets[1] - 1).toBeGreaterThanOrEqual(point.context);
  }
});
