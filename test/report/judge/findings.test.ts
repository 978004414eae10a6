import { describe, expect, it } from 'vitest';
import {
  anatomyFinding,
  crossoverFinding,
  kernelsFinding,
  ladderFinding,
  launchFinding,
  memoryFinding,
  strategiesFinding,
} from '../../../src/report/judge/findings.ts';
import type { Interval } from '../../../src/report/schema.ts';
import {
  cpuOnlyReport,
  estimate,
  gpuReport,
  interval,
  softwareReport,
} from '../../support/report-fixture.ts';

const CAVEAT = /^On a software adapter, so not a finding about GPUs: /;

describe('ladder', () => {
  it('names the shortest step and the next', () => {
    expect(ladderFinding(gpuReport())).toBe(
      'Fastest with one model is CPU (WebAssembly SIMD) at 10.5 µs (10.3–10.7) a step, 559× (542–576×) the ' +
        "oracle's speed; WebGPU (resident) comes next and takes 3.2× (3.1–3.3×) as long.",
    );
  });

  it('does not put two rungs in an order that noise could have made', () => {
    const report = gpuReport();
    const resident = report.ladder!.rungs.find(({ id }) => id === 'webgpu-resident')!;
    resident.step = estimate(10.6);
    expect(ladderFinding(report)).toMatch(
      /; against WebGPU \(resident\), no difference distinguishable from noise/,
    );
    expect(ladderFinding({ ...report, control: null })).toMatch(
      /no claim, because this run has no control pair/,
    );
  });

  it('lets no software rung compete', () => {
    const report = softwareReport();
    report.ladder!.rungs.forEach((rung) => (rung.step &&= rung.software ? estimate(0.1) : rung.step));
    expect(ladderFinding(report)).toMatch(
      /is CPU \(WebAssembly SIMD\) at .*; CPU \(plain typed arrays\) comes next/,
    );
  });

  it('says that there is none', () => {
    expect(ladderFinding({ ...gpuReport(), ladder: null })).toBe('No rung was measured.');
  });
});

describe('anatomy', () => {
  it('names the strategies with the largest and the smallest share of launch', () => {
    expect(anatomyFinding(gpuReport())).toBe(
      'Launching (encoding, submitting, gaps between kernels) is 77% (73–81%) of a step with eager and 3.0% (2.8–3.2%) ' +
        'of a step with resident; the parts of every step add up to its wall time within 10%.',
    );
  });

  it('says which do not close, and by how much', () => {
    const report = gpuReport();
    Object.assign(report.anatomy![1], { closes: false, unexplained: 0.18 });
    expect(anatomyFinding(report)).toMatch(/do not add up to the wall time of graph \(18% unexplained\)\.$/);
  });

  it('withholds a share that is not known well enough', () => {
    const vague = (change: object) => {
      const report = gpuReport();
      report.anatomy!.forEach(({ parts }) => Object.assign(parts[0].time, change));
      return anatomyFinding(report);
    };
    for (const change of [{ low: -1e4 }, { high: 1e4 }, { value: -1e4, low: -2e4, high: -1e4 }]) {
      expect(vague(change)).toBe(
        'How much of a step is launch is not known; the parts of every step add up to its wall time within 10%.',
      );
    }
    const open = gpuReport();
    open.anatomy!.forEach((own) => (own.closes = false));
    expect(anatomyFinding(open)).toMatch(
      /^How much of a step is launch is not known; the parts do not add up/,
    );
  });

  it('says where it comes from software, and that there is none', () => {
    expect(anatomyFinding(softwareReport())).toMatch(CAVEAT);
    expect(anatomyFinding(cpuOnlyReport())).toBe('No step was broken down.');
  });
});

describe('launch', () => {
  it('names the costs and how well they predict', () => {
    const report = gpuReport();
    expect(launchFinding(report, report.launch!)).toBe(
      'A dispatch costs 1.90 µs (1.81–1.99), a pass 4.80 µs (3.84–5.76) and a submit 11.0 µs (10.5–11.6) ' +
        '(R² 0.997). Inside a dispatch, a workgroup barrier costs 60.0 ns (55.2–64.8), a dependent multiply-add 10.2 ns ' +
        '(9.6–10.8) and a multiply-add 0.0400 ns (0.0280–0.0520) (R² 0.994). ' +
        'Steps predicted from that take 0.94 (eager), 1.08 (graph), 1.05 (fused) and 0.7 (resident) times as long as measured.',
    );
  });

  it('says of what happens inside a dispatch what its intervals support, and nothing where it was not measured', () => {
    const report = gpuReport();
    const launch = report.launch!;
    launch.workgroup!.costs.slice(2).forEach(({ cost }) => (cost.low = -1));
    expect(launchFinding(report, launch)).toContain(
      'a workgroup barrier costs 60.0 ns (55.2–64.8); what a dependent multiply-add and a multiply-add cost is indistinguishable from zero (R² 0.994).',
    );
    launch.workgroup!.costs[1].cost.low = 0;
    expect(launchFinding(report, launch)).not.toMatch(/a workgroup barrier costs/);
    expect(launchFinding(report, { ...launch, workgroup: null })).not.toMatch(/Inside a dispatch/);
  });

  it('gives no cost that may be nothing, and no prediction that may be', () => {
    const report = gpuReport();
    const { costs, predictions } = report.launch!;
    costs[2].cost.low = -1;
    costs[3].cost.low = 0;
    predictions.slice(1).forEach(({ predicted }) => (predicted.low = -1));
    report.launch!.workgroup = null;
    expect(launchFinding(report, report.launch!)).toBe(
      'A dispatch costs 1.90 µs (1.81–1.99); what a pass and a submit cost is indistinguishable from zero (R² 0.997). ' +
        'Steps predicted from that take 0.94 (eager) times as long as measured.',
    );
  });

  it('works without costs and predictions, and says where they come from software', () => {
    const report = softwareReport();
    expect(launchFinding(report, report.launch!)).toMatch(CAVEAT);
    const empty = { ...gpuReport().launch!, costs: [], predictions: [], workgroup: null };
    expect(launchFinding(gpuReport(), empty)).toBe('No cost could be fitted (R² 0.997).');
  });
});

describe('crossover', () => {
  it('counts who wins, what is open and what was skipped', () => {
    const report = gpuReport();
    report.crossover!.cells[0].ratio = interval(1);
    expect(crossoverFinding(report)).toBe(
      'Of 46 sizes measured, the CPU is faster in 2 and the GPU in 43; too close to tell in 1; ' +
        'at 1 batch size the winner changes with the width; 1 more was skipped.',
    );
  });

  it('claims nothing for a GPU on software, nothing without a control pair', () => {
    expect(crossoverFinding(softwareReport())).toMatch(CAVEAT);
    expect(crossoverFinding(softwareReport())).not.toMatch(/the GPU in/);
    expect(crossoverFinding({ ...gpuReport(), control: null })).toMatch(/^Of 46 sizes measured, no claim/);
    expect(crossoverFinding(cpuOnlyReport())).toBe('No size was measured.');
    const none = gpuReport();
    none.crossover!.cells.forEach((cell) => (cell.ratio = null));
    expect(crossoverFinding(none)).toBe('No size was measured; 47 were skipped.');
  });
});

describe('strategies', () => {
  it('names the width from which each overtakes the CPU, and how far apart they are', () => {
    expect(strategiesFinding(gpuReport())).toBe(
      'Launching moves the crossover: at batch 1 from above width 128 (eager) to width 64 or below (resident), by 2.0× to ' +
        '8.0×; at batch 16 from above width 32 (eager) to width 16 or below (resident), by more than 2.0×; at batch 128 from ' +
        'above width 16 (eager) to width 16 or below (resident). At batch 1 and context 16, the GPU overtakes the CPU between ' +
        'widths 128 and 256 with eager, between widths 64 and 128 with graph, between widths 64 and 128 with fused and between ' +
        'widths 32 and 64 with resident.',
    );
  });

  it('takes a trial for no measurement', () => {
    const report = gpuReport();
    const cells = report.crossover!.cells.filter(({ batch, context }) => batch === 1 && context === 16);
    for (const { strategies } of cells) {
      strategies[0] = { ...strategies[0], time: null, ratio: null, trial: 1 };
    }
    expect(strategiesFinding(report)).not.toMatch(/eager, between|at batch 1 from/);
  });

  it('says of a strategy that wins nowhere, or nowhere for certain, no more than that', () => {
    const finding = (ratio: Interval) => {
      const report = gpuReport();
      const cells = report.crossover!.cells.filter(({ batch, context }) => batch === 1 && context === 16);
      for (const { strategies } of cells) strategies[0].ratio = ratio;
      return strategiesFinding(report);
    };
    expect(finding(interval(0.5))).toMatch(
      /overtakes the CPU above width 1,024, if at all, with eager, between/,
    );
    expect(finding({ value: 1, low: 0.5, high: 2 })).toMatch(
      /CPU at a width that these figures do not show with eager,/,
    );
    expect(finding(interval(3))).toMatch(/CPU at width 16 already with eager,/);
  });

  it('claims nothing for a GPU on software, nothing without a control pair, nothing where nothing was timed', () => {
    const software = strategiesFinding(softwareReport());
    expect(software).toMatch(CAVEAT);
    expect(software).toMatch(/the software adapter overtakes .* is open: eager was not timed\.$/);
    expect(software).not.toMatch(/the GPU|moves the crossover:/);
    expect(strategiesFinding({ ...gpuReport(), control: null })).toMatch(/context 16, no claim/);
    expect(strategiesFinding(cpuOnlyReport())).toBe('No strategy was timed on its own.');
  });
});

describe('kernels and memory', () => {
  it('names the ceilings, the kernel nearest to its own, and those that are too small', () => {
    const report = gpuReport();
    expect(kernelsFinding(report, report.kernels!)).toBe(
      'The ceilings are 41,000 GFLOP/s and 870 GB/s; adam (12,582,912) comes nearest to its own, 83% of it; 2 of 6 are ' +
        'too small for either.',
    );
    report.kernels!.rows.forEach((row) => (row.share *= row.bound === 'launch' ? 1000 : 1.5));
    expect(kernelsFinding(report, report.kernels!)).toMatch(
      /; adam \(12,582,912\) goes beyond its own, 1\d\d% of it, as data from a cache can; 2 of 6/,
    );
    report.kernels!.rows.forEach((row) => (row.bound = 'launch'));
    expect(kernelsFinding(report, report.kernels!)).toMatch(/870 GB\/s; 6 of 6 are too small for either\.$/);
    const software = softwareReport();
    expect(kernelsFinding(software, software.kernels!)).toMatch(CAVEAT);
    expect(kernelsFinding(report, { ...report.kernels!, rows: [] })).toMatch(/and 870 GB\/s\.$/);
  });

  it('names the strategies that hold the least and the most too much', () => {
    expect(memoryFinding(gpuReport(), gpuReport().memory!)).toBe(
      'The device holds 1.37× to 2.2× the least possible: resident (microGPT) 153 KiB where 112 KiB would do, ' +
        'graph (width 256, batch 16) 5.16 MiB where 2.3 MiB would do.',
    );
    expect(memoryFinding(gpuReport(), { rows: [] })).toBe('No memory was counted.');
  });
});
