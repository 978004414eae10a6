// Each sentence with planted figures: said where they carry it, withheld where they do not.

import { describe, expect, it } from 'vitest';
import { launchShare, ratioOf } from '../../../src/report/judge/claims.ts';
import { verdict } from '../../../src/report/judge/verdict.ts';
import type { Cell, Crossover, Report, StrategyFigures } from '../../../src/report/schema.ts';
import {
  control,
  cpuOnlyReport,
  estimate,
  gpuReport,
  interruptedReport,
  interval,
  rung,
  softwareReport,
} from '../../support/report-fixture.ts';

/** Steps of 10 µs on the CPU and `gpu` µs with the strategy graph, the GPU's only one. */
function twoRungs(gpu: number, more: Partial<Report> = {}): Report {
  const report = gpuReport();
  report.ladder!.rungs = [rung('cpu-simd', 'CPU, SIMD', 10), rung('webgpu-graph', 'WebGPU, graph', gpu)];
  return { ...report, anatomy: null, ...more };
}

const measured = ({ cells }: Crossover): Cell[] => cells.filter(({ strategies }) => strategies.length > 0);

const vague = ({ ratio }: StrategyFigures): void => {
  if (ratio)
    Object.assign(ratio, { low: 0.5 * Math.min(1, ratio.value), high: 2 * Math.max(1, ratio.value) });
};

const SHAPE = 'A training step (1 layer, width 16, context 16, batch 1)';

describe('the first sentence', () => {
  it('says how many times slower the GPU is, and that launching is why', () => {
    const report = twoRungs(31, { anatomy: gpuReport().anatomy });
    expect(verdict(report)[0]).toBe(
      `${SHAPE} takes 10.0 µs (9.8–10.2) on the CPU (SIMD) and 31.0 µs (30.4–31.6) on the GPU (graph): ` +
        'the GPU is 3.1× (3.0–3.2×) slower, because 71% (67–75%) of its step is launch.',
    );
  });

  it('gives no reason where the parts do not close, were not measured or are of software', () => {
    for (const change of [{ closes: false }, { parts: [] }, { software: true }]) {
      const anatomy = gpuReport().anatomy!.map((own) => ({ ...own, ...change }));
      expect(verdict(twoRungs(31, { anatomy }))[0]).toMatch(/slower\.$/);
    }
  });

  it('gives no reason where launch may be less than half', () => {
    const [, graph] = gpuReport().anatomy!;
    graph.parts.forEach(({ time }) => (time.low = 0));
    expect(verdict(twoRungs(31, { anatomy: [graph] }))[0]).toMatch(/slower\.$/);
  });

  it('says how many times faster the GPU is', () => {
    expect(verdict(twoRungs(4))[0]).toMatch(/: the GPU is 2\.5× \(2\.4–2\.6×\) faster\.$/);
  });

  it.each([10, 10.2, 9.8])('claims nothing where the intervals overlap: %s µs', (gpu) => {
    expect(verdict(twoRungs(gpu))[0]).toMatch(/: no difference distinguishable from noise\.$/);
  });

  it('claims nothing that is smaller than the difference of the control pair', () => {
    expect(verdict(twoRungs(13, { control: control(1.04) }))[0]).toMatch(/1\.30× .* slower\.$/);
    expect(verdict(twoRungs(13, { control: control(1.4) }))[0]).toMatch(/no difference/);
    expect(verdict(twoRungs(8, { control: control(1.04) }))[0]).toMatch(/1\.25× .* faster\.$/);
    expect(verdict(twoRungs(8, { control: control(1.4) }))[0]).toMatch(/no difference/);
  });

  it('claims nothing without a control pair', () => {
    expect(verdict(twoRungs(31, { control: null }))[0]).toMatch(
      /no claim, because this run has no control pair/,
    );
  });

  it('does not take a control below 1 for a licence', () => {
    expect(verdict(twoRungs(10, { control: control(0.1) }))[0]).toMatch(/no difference/);
  });

  it('says which side is missing', () => {
    const none = gpuReport();
    expect(verdict({ ...none, ladder: null })[0]).toBe('How fast a training step is was not measured.');
    none.ladder!.rungs = none.ladder!.rungs.filter(({ kind }) => kind === 'webgpu');
    expect(verdict(none)[0]).toMatch(/ on the GPU \(resident\); no CPU engine was measured\.$/);
    expect(verdict(interruptedReport())[0]).toMatch(/; no step on the GPU was measured\.$/);
  });
});

describe('the second sentence', () => {
  const cell = (width: number, ratio: number | null, batch = 1): Cell => ({
    width,
    batch,
    context: 16,
    cpu: estimate(10),
    gpu: estimate(10),
    cpuEngine: 'cpu-simd',
    gpuStrategy: 'fused',
    ratio: ratio === null ? null : interval(ratio),
    predicted: null,
    skipped: null,
    strategies: [],
  });
  const second = (...cells: Cell[]) => {
    const report = gpuReport();
    report.crossover!.cells = cells;
    return verdict(report)[1];
  };

  it('says between which widths the winner changes', () => {
    expect(second(cell(64, 3), cell(16, 0.25), cell(32, 0.5))).toBe(
      'At context 16: batch 1, the CPU wins up to width 32, there by 2.0× (1.9–2.1×), ' +
        'and the GPU from width 64 on, there by 3.0× (2.9–3.2×).',
    );
  });

  it('does not call an undecided cell won', () => {
    expect(second(cell(16, 0.5), cell(32, 1.01), cell(64, 3))).toMatch(
      /CPU .* width 16, .* from width 64 on/,
    );
    expect(second(cell(16, 0.5), cell(32, 1.01))).toMatch(
      /up to width 16, .*, and beyond that no difference/,
    );
    expect(second(cell(16, 1.01))).toBe('At context 16: batch 1, no difference distinguishable from noise.');
  });

  it('says where one of the two wins everywhere', () => {
    expect(second(cell(16, 2), cell(32, 3))).toMatch(
      /batch 1, the GPU wins from width 16 on, there by 2\.0×/,
    );
    expect(second(cell(16, 0.2), cell(32, 0.5))).toMatch(
      /up to width 32, there by .*, the largest measured\.$/,
    );
  });

  it('shows the smallest, a middle and the largest batch', () => {
    const text = second(...[1, 4, 16, 64, 128].map((batch) => cell(16, 2, batch)));
    expect(text.match(/batch \d+/g)).toEqual(['batch 1', 'batch 16', 'batch 128']);
  });

  it('leaves out what was skipped', () => {
    expect(second(cell(16, null))).toBe('Where the GPU overtakes the CPU was not measured.');
    expect(second()).toBe('Where the GPU overtakes the CPU was not measured.');
    expect(verdict({ ...gpuReport(), crossover: null })[1]).toMatch(/was not measured/);
    expect(verdict({ ...gpuReport(), control: null })[1]).toMatch(/no control pair/);
  });
});

describe('the third sentence', () => {
  const third = (eager: number, resident: number, more: Partial<Report> = {}) => {
    const report = gpuReport();
    const rungs = [
      rung('cpu-simd', 'CPU, SIMD', 10),
      rung('webgpu-eager', 'WebGPU, eager', eager),
      rung('webgpu-resident', 'WebGPU, resident', resident),
      rung('webgpu-population', 'WebGPU, a population', 2, { kind: 'population', models: 64 }),
    ];
    report.ladder!.rungs = rungs;
    return verdict({ ...report, ...more })[2];
  };

  it('says how far launching moves a step, and what a population does against the CPU', () => {
    expect(third(600, 30)).toBe(
      'Launching decides much: on the same GPU, resident is 20× (19–21×) faster than eager, which is 60× (58–62×) slower ' +
        'than the CPU; launching moves the crossover at batch 1 from above width 128 (eager) to width 64 or below (resident), ' +
        'by 2.0× to 8.0×; 64 models at once take 2.00 µs (1.96–2.04) a step and model, 5.0× (4.9–5.1×) faster than one model on the CPU.',
    );
  });

  it('says so where it does not help, where nothing can be told and where nothing may be claimed', () => {
    expect(third(30, 60)).toMatch(
      /^Clever launching does not pay here: .* resident is 2\.0× .* slower than eager/,
    );
    expect(third(30, 30)).toMatch(
      /^Between resident and eager there is no difference distinguishable from noise/,
    );
    expect(third(600, 30, { control: null })).toMatch(/no claim, because this run has no control pair.*\.$/);
  });

  it('says how far the crossover moves only where the intervals carry it', () => {
    const after = (change: (crossover: Crossover) => void, more: Partial<Report> = {}) => {
      const { crossover } = gpuReport();
      change(crossover!);
      return third(600, 30, { crossover, ...more });
    };
    const eager = (crossover: Crossover, set: (own: StrategyFigures) => void) =>
      crossover.cells.forEach(({ strategies }) => set(strategies.find((own) => own.strategy === 'eager')!));
    const open = /; the intervals do not show how far launching moves the crossover; 64 models/;
    // Eager may be as fast as the CPU at every width.
    expect(after((own) => own.cells.pop() && eager({ ...own, cells: measured(own) }, vague))).toMatch(open);
    // It was tried and never timed: nothing to hold the others against.
    const silent = after((own) => eager({ ...own, cells: measured(own) }, (timed) => (timed.ratio = null)));
    expect(silent).not.toMatch(/crossover/);
    expect(after((own) => (own.software = true))).not.toMatch(/crossover/);
    expect(third(600, 30, { crossover: null })).not.toMatch(/crossover/);
    // What the control pair shows as noise is larger than any difference.
    expect(after(() => {}, { control: control(1000) })).toMatch(
      /the intervals do not show how far launching moves the crossover\.$/,
    );
  });

  it('says that it was not measured', () => {
    expect(verdict(twoRungs(31))[2]).toBe('What launching does to a step was not measured.');
  });
});

describe('without a GPU', () => {
  it.each([
    [
      'a software adapter',
      softwareReport(),
      /No GPU was measured \(SwiftShader Device \(Subzero\) is software/,
    ],
    ['no adapter', cpuOnlyReport(), /^No GPU was measured \(No WebGPU adapter was found\)/],
  ])('with %s, the verdict says so and speaks of the CPU alone', (_, report, why) => {
    const sentences = verdict(report);
    expect(sentences[0]).toMatch(
      / on the CPU \(WebAssembly SIMD\), 559× .* the oracle's speed; no GPU was measured\.$/,
    );
    expect(sentences[1]).toBe('On the CPU, WebAssembly SIMD is 25× (24–26×) faster than plain typed arrays.');
    expect(sentences[2]).toMatch(why);
    expect(sentences.join(' ')).not.toMatch(/the GPU (is|wins)|on the GPU/);
  });

  it('gives the reason in short, and leaves what to do about it to the disclosure', () => {
    const report = cpuOnlyReport();
    report.machine.noAdapter =
      'No WebGPU adapter was found: WebGPU needs Vulkan on Linux. Install its loader.';
    expect(verdict(report)).toEqual(verdict(cpuOnlyReport()));
    report.machine.noAdapter = 'The GPU was left out: --engine cpu.';
    expect(verdict(report)[2]).toMatch(/^No GPU was measured \(The GPU was left out\): from which/);
  });

  it('no mark on a single rung makes a GPU of a software adapter, nor does its absence', () => {
    const unmarked = softwareReport();
    unmarked.ladder!.rungs.forEach((own) => (own.software = false));
    unmarked.crossover!.software = false;
    expect(verdict(unmarked)).toEqual(verdict(softwareReport()));
    const marked = gpuReport();
    marked.ladder!.rungs.forEach((own) => (own.software = true));
    marked.crossover!.software = true;
    expect(verdict(marked)[0]).toMatch(/no step on the GPU was measured\.$/);
    expect(verdict(marked)[1]).toBe('Where the GPU overtakes the CPU was not measured.');
    expect(verdict(marked)[2]).toBe('What launching does to a step was not measured.');
  });
});

describe('claims', () => {
  it('the interval of a ratio is that of two independent figures', () => {
    const narrow = { ...estimate(10), low: 10, high: 10 };
    const wide = { ...estimate(20), low: 16, high: 25 };
    expect(ratioOf(wide, narrow)).toEqual({
      value: expect.closeTo(2, 12) as number,
      low: expect.closeTo(1.6, 12) as number,
      high: expect.closeTo(2.5, 12) as number,
    });
    const both = ratioOf(wide, wide)!;
    expect(both.low).toBeCloseTo(Math.exp(-Math.hypot(Math.log(20 / 16), Math.log(25 / 20))), 12);
    expect(both.low * both.high).toBeCloseTo(1, 12);
  });

  it('there is no ratio with what is not positive', () => {
    expect(ratioOf(estimate(10), { ...estimate(10), low: 0 })).toBeNull();
    expect(ratioOf(estimate(10), { ...estimate(10), low: -1 })).toBeNull();
    expect(ratioOf(estimate(1e300), estimate(1e-300))).toBeNull();
  });

  it('time in which CPU and GPU both work does not count as launch twice', () => {
    const [, graph] = gpuReport().anatomy!;
    const without = launchShare(graph)!.value;
    graph.parts.find(({ name }) => name === 'wait')!.time = interval(-0.2 * graph.wall.median);
    expect(launchShare(graph)!.value).toBeCloseTo(without - 0.2, 12);
  });
});
