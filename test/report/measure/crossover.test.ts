// The crossover: which cells are measured, where the frontier lies, what is predicted.

import { describe, expect, test } from 'vitest';
import { LAUNCH_STRATEGIES } from '../../../src/engine/choice.ts';
import { moves } from '../../../src/report/judge/crossings.ts';
import { measureCell, type Contest, type Contestant } from '../../../src/report/measure/crossover-cell.ts';
import { crossoverOf, engineContest } from '../../../src/report/measure/crossover.ts';
import { powerLaw, predictCells } from '../../../src/report/measure/crossover-prediction.ts';
import {
  coarseGrid,
  crossing,
  frontierOf,
  nextPoint,
  wholeGrid,
  type Known,
} from '../../../src/report/measure/grid.ts';
import type { Cell, Control, Estimate, KernelFigures, LaunchCosts } from '../../../src/report/schema.ts';
import { gridSetting, gridShape, type GridPoint } from '../../../src/report/measure/setting.ts';
import { DeviceError } from '../../../src/util/errors.ts';
import { deviceForTest, noAdapter } from '../../support/device.ts';
import { PlantedClock } from '../../support/planted-clock.ts';
import { testContext } from '../../support/section-context.ts';

describe('the grid', () => {
  test('goes from width 16 to 1,024, batch 1 to 128 and context 16 to 512, and the coarse one spans it', () => {
    const whole = wholeGrid();
    const range = (of: (p: GridPoint) => number) => [Math.min(...whole.map(of)), Math.max(...whole.map(of))];
    expect(range(({ width }) => width)).toEqual([16, 1024]);
    expect(range(({ batch }) => batch)).toEqual([1, 128]);
    expect(range(({ context }) => context)).toEqual([16, 512]);
    for (const point of coarseGrid()) expect(whole).toContainEqual(point);
  });

  test('looks for the frontier of the first list as long as a cell is open to it, then for that of the next', () => {
    const at = (width: number) => ({ width, batch: 1, context: 16 });
    const open = [32, 64, 256, 512].map(at);
    const best = [16, 1024].map((width) => ({ ...at(width), ratio: width / 16 }));
    const slow = [16, 1024].map((width) => ({ ...at(width), ratio: width / 512 }));
    expect(nextPoint(open, [best, slow])!.width).toBe(32);
    const clear = best.map((own) => ({ ...own, ratio: 100 }));
    expect(nextPoint(open, [clear, slow])!.width).toBe(512);
    expect(nextPoint(open, [clear, clear])).toBeUndefined();
    expect(nextPoint(open, [[], []])).toBeUndefined();
  });

  test('asks for open cells near the frontier, and none once all are clear', () => {
    // The GPU wins where width × batch exceeds 1,000.
    const truth = (p: GridPoint) => (p.width * p.batch) / 1000;
    const known: Known[] = coarseGrid().map((p) => ({ ...p, ratio: truth(p) }));
    let open = wholeGrid().filter(
      (p) => !known.some((k) => k.width === p.width && k.batch === p.batch && k.context === p.context),
    );
    const asked: GridPoint[] = [];
    for (let next = nextPoint(open, [known]); next; next = nextPoint(open, [known])) {
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

const exactInterval = (value: number) => ({ value, low: value, high: value });

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
    strategies: [],
  };
}

/** A step takes the CPU this, and a GPU what its launches take and a fortieth of it. */
const cpuStep = ({ width, batch, context }: GridPoint) => (width ** 2 * batch * context) / 500;

interface Planted {
  /** What launching takes, µs a step; null: why the strategy cannot take part. */
  readonly floor: number | string;
  readonly fails?: boolean;
}

/** Contestants on a clock that they move, and how many of them were made and not ended. */
function planted(clock: PlantedClock, strategies: Readonly<Record<string, Planted>>) {
  let alive = 0;
  const contestant = (description: string, step: number, fails = false): Contestant => {
    let ended = false;
    alive++;
    return {
      description,
      async advance(steps) {
        if (fails) throw new DeviceError(`${description} was lost`);
        clock.pass(steps * step);
      },
      dispose() {
        if (!ended) alive--;
        ended = true;
      },
    };
  };
  const contestAt = (point: GridPoint): Contest => ({
    cpu: async () => contestant('a planted CPU', cpuStep(point)),
    gpu: new Map(
      Object.entries(strategies).map(([name, { floor, fails }]) => [
        name,
        async () =>
          typeof floor === 'string' ? floor : contestant(name, floor + cpuStep(point) / 40, fails),
      ]),
    ),
  });
  return { contestAt, alive: () => alive };
}

describe('crossoverOf, with planted engines', () => {
  const at = (cells: readonly Cell[], { width, batch, context }: GridPoint) =>
    cells.find((own) => own.width === width && own.batch === batch && own.context === context)!;

  test('finds by how much resident moves the crossover: planted 8 times', async () => {
    const clock = new PlantedClock(0.03);
    // The CPU takes 8 µs at width 16 and 4 times as much for twice the width: a launch of 64 times as much is 8 widths further on.
    const { contestAt, alive } = planted(clock, {
      eager: { floor: 10_000 },
      graph: { floor: 2500 },
      fused: { floor: 625 },
      resident: { floor: 10_000 / 64 },
    });
    const context = testContext({ clock: clock.now, seconds: 10_000 });
    const crossover = await crossoverOf(contestAt, false, context);
    expect(alive()).toBe(0);
    const row = crossover.frontier.find((own) => own.batch === 16 && own.context === 16)!;
    const width = (strategy: string) => row.strategies.find((own) => own.strategy === strategy)!.measured!;
    expect(row.measured).toBe(width('resident'));
    // Interpolated between widths 2 apart, on a line that is not quite straight.
    for (const [strategy, factor] of [
      ['graph', 4],
      ['fused', 2],
      ['eager', 8],
    ] as const)
      // prettier-ignore
      expect(Math.abs(width(strategy) / width('resident') / factor - 1), strategy).toBeLessThan(0.1);

    const noise: Control = { what: '', first: exactly(1), second: exactly(1), ratio: exactInterval(1), claimable: 1.05 }; // prettier-ignore
    const move = moves(crossover, noise).find((own) => own.batch === 16 && own.context === 16)!;
    expect(move.strategy).toBe('resident');
    expect(move.atLeast).toBeLessThan(8);
    expect(move.atMost!).toBeGreaterThan(8);
    expect(move.atLeast).toBeGreaterThanOrEqual(4);
    expect(move.atMost!).toBeLessThanOrEqual(16);
  });

  test('without a difference between the strategies there is no move', async () => {
    const clock = new PlantedClock(0.03, 2);
    const { contestAt } = planted(clock, { eager: { floor: 600 }, resident: { floor: 600 } });
    const crossover = await crossoverOf(contestAt, false, testContext({ clock: clock.now, seconds: 1e4 }));
    const noise: Control = { what: '', first: exactly(1), second: exactly(1), ratio: exactInterval(1), claimable: 1.05 }; // prettier-ignore
    expect(crossover.frontier.some(({ measured }) => measured !== null)).toBe(true);
    expect(moves(crossover, noise)).toEqual([]);
  });

  test('says of each strategy whether it was timed, tried or why neither, and ends all engines', async () => {
    const clock = new PlantedClock(0);
    const { contestAt, alive } = planted(clock, {
      eager: { floor: 100_000 },
      graph: { floor: 50, fails: true },
      fused: { floor: 50 },
      resident: { floor: 'too much for one workgroup' },
    });
    const point = { width: 64, batch: 4, context: 16 };
    // A quarter of the time is the cell's, and half of that is not enough to time eager.
    const context = testContext({ clock: clock.now, seconds: 6 });
    const { cell: found, times } = await measureCell(point, contestAt(point), context);
    const fused = 50 + cpuStep(point) / 40;
    const [eager, graph, timed, resident] = found.strategies;
    expect(eager).toMatchObject({ strategy: 'eager', time: null, ratio: null, trial: expect.closeTo(100_000 + cpuStep(point) / 40, 3) }); // prettier-ignore
    expect(graph).toMatchObject({ time: null, trial: null, reason: 'graph was lost' });
    expect(timed.time!.median).toBeCloseTo(fused, 6);
    expect(timed.ratio!.value).toBeCloseTo(cpuStep(point) / fused, 6);
    expect(resident).toMatchObject({ time: null, trial: null, reason: 'too much for one workgroup' });
    expect(found).toMatchObject({ gpuStrategy: 'fused', gpu: timed.time, ratio: timed.ratio });
    expect(times!.tried).toBeCloseTo(eager.trial! + fused, 3);
    expect(alive()).toBe(0);

    const long = testContext({ clock: clock.now, seconds: 100 });
    const { cell: better } = await measureCell(point, contestAt(point), long);
    expect(better.strategies[0].time!.median).toBeCloseTo(eager.trial!, 3);
  });

  test('samples are long enough for a slow readback to be a small part of them', async () => {
    const clock = new PlantedClock(0);
    const readback = 2000;
    const { contestAt } = planted(clock, { fused: { floor: 50 } });
    const point = { width: 64, batch: 4, context: 16 };
    const { cpu, gpu } = contestAt(point);
    const fused = async () => {
      const contestant = (await gpu.get('fused')!()) as Contestant;
      const advance = async (steps: number) => {
        clock.pass(readback);
        await contestant.advance(steps);
      };
      return { ...contestant, advance };
    };
    const costs = [{ name: 'readback', cost: exactInterval(readback) }];
    const found = { launch: { costs } as unknown as LaunchCosts };
    const context = { ...testContext({ clock: clock.now, seconds: 1000 }), found };
    const { cell: measured } = await measureCell(point, { cpu, gpu: new Map([['fused', fused]]) }, context);
    expect(measured.gpu!.median / (50 + cpuStep(point) / 40)).toBeLessThan(1.06);
  });

  test('a cell in which every strategy fails is skipped for that reason, one that would take too long for another', async () => {
    const clock = new PlantedClock(0);
    const { contestAt, alive } = planted(clock, { fused: { floor: 9, fails: true } });
    const { cells, frontier } = await crossoverOf(contestAt, false, testContext({ clock: clock.now }));
    expect(at(cells, { width: 16, batch: 1, context: 16 }).skipped).toBe('fused was lost');
    expect(at(cells, { width: 1024, batch: 128, context: 16 }).skipped).toMatch(/^it would take about/);
    expect(at(cells, { width: 32, batch: 1, context: 16 }).skipped).toMatch(/no cell around it/);
    expect(frontier).toEqual([]);
    expect(alive()).toBe(0);
  });
});

describe.skipIf(noAdapter !== '')('engineContest', () => {
  test('has every way of launching of a small cell, and spares software what takes long', async () => {
    const gpu = await deviceForTest();
    const point = { width: 16, batch: 1, context: 16 };
    const context = testContext({ seconds: 10 });
    const { cell: found } = await measureCell(point, engineContest(point, gpu, LAUNCH_STRATEGIES), context);
    expect(found.strategies.map(({ strategy }) => strategy)).toEqual([...LAUNCH_STRATEGIES]);
    // A busy machine may leave time for no more than trials of all but the fastest.
    for (const { strategy, time, trial, ratio } of found.strategies) {
      expect(time === null, strategy).toBe(trial !== null);
      expect(time === null, strategy).toBe(ratio === null);
      expect(time?.median ?? trial!, strategy).toBeGreaterThan(0);
    }
    const timed = found.strategies.flatMap(({ time }) => time?.median ?? []);
    expect(found.gpu!.median).toBe(Math.min(...timed));

    const spared = engineContest(point, { ...gpu, info: { ...gpu.info, software: true } });
    expect(await spared.gpu.get('graph')!()).toMatch(/left out: a software adapter compiles/);
    const wide = engineContest({ width: 1024, batch: 128, context: 16 }, gpu, LAUNCH_STRATEGIES);
    expect(await wide.gpu.get('resident')!()).toMatch(/too much for one workgroup/);
  });
});

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

  const none = { time: null, trial: null, ratio: null, predicted: null, reason: null };
  const strategies = LAUNCH_STRATEGIES.map((strategy) => ({ ...none, strategy }));
  const cells = [16, 128, 1024].map((width) => ({
    ...cell({ width, batch: 16, context: 16 }, width ** 2),
    strategies,
  }));

  test('each strategy has its own prediction, those with fewer launches a better one', () => {
    for (const { predicted, strategies: own } of predictCells(cells, { launch, kernels })) {
      const [eager, graph, fused, resident] = own.map((one) => one.predicted);
      expect(eager!).toBeLessThan(graph!);
      expect(graph!).toBeLessThan(fused!);
      expect(resident).toBeNull(); // the phases of a workgroup were not measured
      expect(predicted).toBe(fused);
    }
  });

  test('resident has one from the phases of a workgroup, where one workgroup may train the model', () => {
    const predicted = (barrier: number) => {
      const phases = [{ name: 'workgroup barrier', cost: { value: barrier, low: barrier, high: barrier } }];
      const workgroup = { workers: 512, points: [], costs: phases, r2: 1 };
      return predictCells(cells, { launch: { ...launch, workgroup }, kernels });
    };
    const [small, ...wide] = predicted(0.1);
    expect(small.strategies.at(-1)!.predicted).toBe(small.predicted);
    const [half] = predicted(0.2);
    expect(small.predicted! / half.predicted!).toBeCloseTo(2, 9);
    for (const { strategies: own, predicted: best } of wide) {
      expect(own.at(-1)!.predicted).toBeNull();
      expect(best).toBe(own.at(-2)!.predicted);
    }
  });

  test('the frontier stands beside its prediction, for rows that were measured', () => {
    const row = [16, 64, 256].map((width) => cell({ width, batch: 4, context: 16 }, width));
    const unmeasured = [16, 64].map((width) => cell({ width, batch: 1, context: 16 }, null));
    const [only, ...more] = frontierOf([...row, ...unmeasured]);
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
