// Full reports with figures that nobody measured, for tests of what is made of a report. Each says so in its machine's
// name, in its adapter's description and in its notes.

import type { Anatomy, Cell, Control, Estimate, Interval, Report, Rung } from '../../src/report/schema.ts';
import { REPORT_FORMAT, REPORT_VERSION } from '../../src/report/schema.ts';
import { PythonRandom } from '../../src/util/python-random.ts';

export const MADE_UP = 'MADE UP FOR TESTS, measured by nobody';

/** A report is the same each time it is made. */
let random = new PythonRandom(4192);

/** `rounds` samples about `median`; the interval is narrower than their spread, as a median's is. */
export function estimate(median: number, spread = 0.02, rounds = 9): Estimate {
  const samples = Array.from({ length: rounds }, () => median * (1 + Math.abs(random.gauss(0, spread))));
  samples[0] = median * (1 - spread);
  samples[rounds >> 1] = median;
  return {
    median,
    mad: median * spread * 0.67,
    low: median * (1 - spread),
    high: median * (1 + spread),
    samples,
  };
}

export function interval(value: number, spread = 0.05): Interval {
  const half = Math.abs(value) * spread;
  return { value, low: value - half, high: value + half };
}

export function control(claimable = 1.04): Control {
  const first = estimate(10.5);
  const second = estimate(10.55);
  return {
    what: 'CPU, WebAssembly SIMD',
    first,
    second,
    ratio: { value: 0.995, low: 0.97, high: 1.02 },
    claimable,
  };
}

const ORACLE_STEP = 5870;

export function rung(id: string, label: string, step: number, more: Partial<Rung> = {}): Rung {
  return {
    id,
    label,
    kind: id.startsWith('webgpu') ? 'webgpu' : 'cpu',
    software: false,
    models: 1,
    step: estimate(step),
    reason: null,
    samplesPerSecond: 1e6 / step,
    tokensPerSecond: 7.13e6 / step,
    timesOracle: interval(ORACLE_STEP / step, 0.03),
    lossDifference: 6.6e-7,
    ...more,
  };
}

export function missingRung(id: string, label: string, reason: string): Rung {
  const nothing = { step: null, samplesPerSecond: null, tokensPerSecond: null, timesOracle: null };
  return rung(id, label, 1, { ...nothing, kind: 'peer', lossDifference: null, reason });
}

/** Steps of the strategies on the made-up GPU, µs. */
const GPU_STEPS = { eager: 620, graph: 148, fused: 79, resident: 34 };
// prettier-ignore
const SHARES: Record<string, readonly [string, number][]> = {
  eager: [['encode', 0.36], ['submit', 0.31], ['gpu', 0.14], ['gaps', 0.1], ['wait', 0.03], ['readback', 0.02]],
  graph: [['encode', 0.37], ['submit', 0.08], ['gpu', 0.22], ['gaps', 0.26], ['wait', 0.02], ['readback', 0.01]],
  fused: [['encode', 0.28], ['submit', 0.12], ['gpu', 0.32], ['gaps', 0.21], ['wait', 0.02], ['readback', 0.02]],
  resident: [['encode', 0.01], ['submit', 0.02], ['gpu', 0.93], ['gaps', 0], ['wait', 0.01], ['readback', 0.01]],
};

function anatomy(strategy: string, wall: number, software: boolean): Anatomy {
  const shares = SHARES[strategy];
  const unexplained = 1 - shares.reduce((sum, [, share]) => sum + share, 0);
  const part = (name: string, share: number) => ({ name, time: interval(wall * share) });
  return {
    strategy,
    software,
    wall: estimate(wall),
    parts: [...shares.map(([name, share]) => part(name, share)), part('unexplained', unexplained)],
    calls: [
      { name: 'setPipeline', count: 47, time: interval(wall * 0.1) },
      { name: 'dispatchWorkgroups', count: 47, time: interval(wall * 0.06) },
    ],
    kernels: [
      { name: 'linear_grad_w', count: 7, time: interval(wall * 0.05) },
      { name: 'adam', count: 1, time: interval(wall * 0.02) },
    ],
    unexplained,
    closes: Math.abs(unexplained) <= 0.1,
    notes: ['Wrapping the calls made a step 1.5% longer.'],
  };
}

/** CPU time / GPU time of a made-up machine: the GPU has a floor of 34 µs and a hundred times the arithmetic. */
function cell(width: number, batch: number, context: number, software: boolean): Cell {
  const names = {
    width,
    batch,
    context,
    cpuEngine: 'cpu-simd',
    gpuStrategy: width > 64 ? 'fused' : 'resident',
  };
  if (width === 1024 && batch === 128) {
    const skipped = 'the answer was clear at width 512';
    return { ...names, cpu: null, gpu: null, ratio: null, predicted: 38, skipped, strategies: [] };
  }
  const cpu = (10.5 + 0.012 * width ** 2 * batch) * (context / 16) ** 0.9;
  const gpu = (software ? 5000 : 34) + cpu / (software ? 0.8 : 45);
  const ratio = interval(cpu / gpu, 0.04);
  return {
    ...names,
    cpu: estimate(cpu),
    gpu: estimate(gpu),
    ratio,
    predicted: ratio.value * 1.12,
    skipped: null,
    strategies: (['eager', 'graph', 'fused', 'resident'] as const).map((strategy) => {
      const own = { strategy, time: null, trial: null, ratio: null, predicted: null, reason: null };
      if (software && (strategy === 'eager' || strategy === 'graph')) return { ...own, reason: 'left out' };
      if (strategy === 'resident' && width > 64) return { ...own, reason: 'too much for one workgroup' };
      const step = strategy === names.gpuStrategy ? gpu : gpu - 34 + GPU_STEPS[strategy];
      const predicted = strategy === 'resident' ? null : (cpu / step) * 1.12;
      if (strategy === 'eager' && batch === 16 && width === 256) {
        return { ...own, trial: step, predicted, reason: 'no time was left for more than a trial' };
      }
      return { ...own, time: estimate(step), ratio: interval(cpu / step, 0.04), predicted };
    }),
  };
}

/** `widths` by strategy; the last is the best one's. */
function frontier(batch: number, widths: readonly (number | null)[], predicted: number) {
  const strategies = ['eager', 'graph', 'fused', 'resident'].map((strategy, i) => ({
    strategy,
    measured: widths[i],
    predicted: strategy === 'resident' ? null : predicted + 10 * (3 - i),
  }));
  return { batch, context: 16, measured: widths.at(-1) ?? null, predicted, strategies };
}

/** A report as of a machine with a fast GPU. */
export function gpuReport(): Report {
  return fullReport(false);
}

/** The same machine with nothing but a software adapter. */
export function softwareReport(): Report {
  const report = fullReport(true);
  report.machine.name = `software adapter (${MADE_UP})`;
  report.machine.adapter = {
    vendor: 'google',
    architecture: 'swiftshader',
    device: 'SwiftShader Device (Subzero)',
    description: MADE_UP,
    software: true,
  };
  return report;
}

/** A later commit on another machine: all steps 1.5 times as fast, launches twice as dear. */
export function otherReport(): Report {
  const report = gpuReport();
  report.machine.name = `laptop (${MADE_UP})`;
  report.machine.commit = 'abcdef0';
  report.ladder?.rungs.forEach((own) => (own.step &&= scaled(own.step, 1 / 1.5)));
  for (const { cost } of [...(report.launch?.costs ?? []), ...(report.launch?.workgroup?.costs ?? [])]) {
    cost.value *= 2;
    cost.low *= 2;
    cost.high *= 2;
  }
  report.crossover?.frontier.forEach((row) => {
    for (const own of [row, ...row.strategies]) own.measured &&= own.measured * 2;
  });
  return report;
}

export function scaled({ median, mad, low, high, samples }: Estimate, by: number): Estimate {
  return {
    median: median * by,
    mad: mad * by,
    low: low * by,
    high: high * by,
    samples: samples.map((x) => x * by),
  };
}

/** No adapter at all: what needs one is null. */
export function cpuOnlyReport(): Report {
  const report = fullReport(false);
  const reason = 'No WebGPU adapter was found';
  report.machine.name = `no GPU (${MADE_UP})`;
  report.machine.adapter = null;
  report.machine.noAdapter = reason;
  report.ladder?.rungs.forEach((r, i, rungs) => {
    if (r.id.startsWith('webgpu')) rungs[i] = { ...missingRung(r.id, r.label, reason), kind: r.kind };
  });
  return { ...report, anatomy: null, launch: null, crossover: null, kernels: null, memory: null };
}

/** Stopped in the ladder's turn: control and a part of the ladder stand. */
export function interruptedReport(): Report {
  const report = gpuReport();
  report.ladder?.rungs.splice(4);
  const rest = { anatomy: null, launch: null, crossover: null, kernels: null, memory: null };
  return { ...report, ...rest, complete: false, seconds: 7.4 };
}

/** Figures at the ends of what a number can be, and lists that are empty. */
export function extremeReport(): Report {
  const report = gpuReport();
  const { ladder, anatomy: anatomies, launch, crossover, kernels, memory } = report;
  if (!ladder || !anatomies || !launch || !crossover || !kernels || !memory) throw new Error('incomplete');
  const values = [Number.MAX_VALUE, Number.MIN_VALUE, 0, 1e-300, 1e300, 1];
  ladder.rungs.forEach((r, i) => {
    const x = values[i % values.length];
    r.step = { median: x, mad: 0, low: 0, high: x, samples: [x, 0] };
    r.timesOracle = { value: x, low: 0, high: x };
  });
  anatomies[0].wall = { median: 0, mad: 0, low: 0, high: 0, samples: [0] };
  anatomies[1].parts.forEach(({ time }) => Object.assign(time, { value: -1e300, low: -1e300, high: 1e300 }));
  anatomies[2].parts = [];
  launch.costs.forEach(({ cost }, i) =>
    Object.assign(cost, { value: 0 - values[i], low: 0 - values[i], high: 0 }),
  );
  launch.workgroup?.costs.forEach(({ cost }, i) =>
    Object.assign(cost, { value: values[i], low: 0 - values[i], high: values[i] }),
  );
  launch.points = [];
  launch.predictions = [];
  crossover.cells.forEach(({ ratio }, i) => {
    if (ratio) Object.assign(ratio, { value: values[i % 5], low: 0, high: Number.MAX_VALUE });
  });
  kernels.rows.forEach((row, i) => Object.assign(row, { share: values[i], gflops: values[i], gbps: 0 }));
  memory.rows.forEach((row) =>
    Object.assign(row, { bytes: 0, least: Number.MAX_SAFE_INTEGER, purposes: [] }),
  );
  return report;
}

function fullReport(software: boolean): Report {
  random = new PythonRandom(4192);
  const slow = software ? 60 : 1;
  const gpu = (strategy: keyof typeof GPU_STEPS) => GPU_STEPS[strategy] * slow;
  const strategies = ['eager', 'graph', 'fused', 'resident'] as const;
  const widths = [16, 32, 64, 128, 256, 512, 1024];
  const cells = [
    ...[1, 4, 16, 64, 128].flatMap((batch) => widths.map((width) => cell(width, batch, 16, software))),
    ...[64, 512].flatMap((context) =>
      [1, 16].flatMap((batch) => [16, 64, 256].map((width) => cell(width, batch, context, software))),
    ),
  ];
  const shape = { nLayer: 1, nEmbd: 16, nHead: 4, blockSize: 16, vocabSize: 27, batchSize: 1 };
  return {
    format: REPORT_FORMAT,
    version: REPORT_VERSION,
    date: '2026-11-22T14:03:00.000Z',
    mode: 'full',
    complete: true,
    seconds: 1042,
    seed: 42,
    machine: {
      name: `workstation (${MADE_UP})`,
      cpu: 'Example CPU 9000 8-Core',
      cores: 16,
      memoryBytes: 64 * 2 ** 30,
      os: 'Linux 6.1 x64',
      runtime: 'Node 20.20.2',
      dawn: '0.6.2',
      adapter: {
        vendor: 'example',
        architecture: 'imaginary',
        device: 'Imaginary 4090',
        description: MADE_UP,
        software: false,
      },
      noAdapter: null,
      features: ['timestamp-query', 'shader-f16', 'subgroups'],
      limits: { maxComputeWorkgroupStorageSize: 49152, maxStorageBufferBindingSize: 2 ** 31 - 4 },
      version: '0.1.0',
      commit: '3c7daa5',
      flags: ['disable-dawn-features=timestamp_quantization'],
    },
    control: control(),
    ladder: {
      shape: { ...shape, parameters: 4192, tokensPerStep: 7.13 },
      checkedSteps: 100,
      tolerance: 1e-5,
      rungs: [
        rung('python', 'microgpt.py, CPython 3.11', 220_000, { kind: 'python', lossDifference: 6.5e-16 }),
        rung('oracle', 'oracle, f64 scalars', ORACLE_STEP, { kind: 'oracle', lossDifference: 0 }),
        missingRung('numpy', 'NumPy, f64', 'NumPy is not installed'),
        rung('cpu-plain', 'CPU, plain typed arrays', 263),
        rung('cpu-simd', 'CPU, WebAssembly SIMD', 10.5),
        ...strategies.map((name) => rung(`webgpu-${name}`, `WebGPU, ${name}`, gpu(name), { software })),
        rung('webgpu-population', 'WebGPU, a population of 256', 0.92 * slow, {
          kind: 'population',
          models: 256,
          software,
        }),
      ],
    },
    anatomy: strategies.map((name) => anatomy(name, gpu(name), software)),
    launch: {
      software,
      points: [1, 4, 16, 64, 256].flatMap((dispatches) =>
        (['empty', 'work'] as const).flatMap((kernel) =>
          [1, 4].map((submits) => {
            const us = (30 + submits * (11 + dispatches * (kernel === 'empty' ? 1.9 : 3.1))) * slow;
            const rest = { kernel, dependent: submits === 4, dispatches, passes: 1, submits, readbacks: 1 };
            return { ...rest, time: estimate(us, 0.04), predicted: us * 1.03 };
          }),
        ),
      ),
      costs: [
        { name: 'dispatch', cost: interval(1.9 * slow) },
        { name: 'barrier', cost: interval(1.2 * slow, 0.3) },
        { name: 'pass', cost: interval(4.8 * slow, 0.2) },
        { name: 'submit', cost: interval(11 * slow) },
        { name: 'readback', cost: interval(310 * slow, 0.12) },
      ],
      r2: 0.9971,
      predictions: strategies.map((name, i) => ({
        rung: `webgpu-${name}`,
        predicted: interval(gpu(name) * [0.94, 1.08, 1.05, 0.7][i], 0.06),
        measured: estimate(gpu(name)),
      })),
      workgroup: {
        workers: 512,
        points: [256, 1024].flatMap((phases) =>
          [0, 16, 64].map((multiplyAdds) => {
            const us = (320 + phases * (0.06 + 0.011 * multiplyAdds)) * slow;
            return { phases, invocations: 512, multiplyAdds, time: estimate(us, 0.03), predicted: us * 0.98 };
          }),
        ),
        costs: [
          { name: 'dispatch to readback', cost: interval(320 * slow, 0.02) },
          { name: 'workgroup barrier', cost: interval(0.06 * slow, 0.08) },
          { name: 'dependent multiply-add', cost: interval(0.0102 * slow, 0.06) },
          { name: 'multiply-add', cost: interval(4e-5 * slow, 0.3) },
        ],
        r2: 0.9942,
      },
    },
    crossover: {
      software,
      cells,
      frontier: [
        frontier(1, software ? [null, null, null, null] : [230, 107, 77, 48], 45),
        frontier(4, software ? [null, null, null, null] : [115, 54, 39, 24], 22),
        frontier(16, software ? [null, null, null, null] : [57, 27, 19, 16], 16),
      ],
      notes: ['Predicted from the costs of a launch and the ceilings of the kernels.'],
    },
    kernels: {
      software,
      ceilings: { gflops: estimate(41_000 / slow), gbps: estimate(870 / slow) },
      rows: [
        kernelRow('linear', '112 × 64 → 256', 5.1 * slow, 'arithmetic', 0.11),
        kernelRow('linear_grad_w', '256 × 64', 6.4 * slow, 'arithmetic', 0.07),
        kernelRow('attention_qkv_grad', '16 × 112 × 4', 8.8 * slow, 'launch', 0.01),
        kernelRow('adam', '4,192', 2.2 * slow, 'launch', 0.02),
        kernelRow('adam', '12,582,912', 391 * slow, 'memory', 0.83),
        kernelRow('softmax_loss', '2,048 × 27', 3.3 * slow, 'memory', 0.21),
      ],
    },
    memory: {
      rows: [
        memoryRow('graph', 'microGPT', 1),
        memoryRow('fused', 'microGPT', 0.8),
        memoryRow('resident', 'microGPT', 0.6),
        memoryRow('graph', 'width 256, batch 16', 110),
        memoryRow('fused', 'width 256, batch 16', 88),
      ],
    },
    notes: [MADE_UP, 'PyTorch is not installed: its rows are missing.'],
  };
}

function kernelRow(
  name: string,
  shape: string,
  us: number,
  bound: 'arithmetic' | 'memory' | 'launch',
  share: number,
) {
  const flops = 4.1e6 * share * us;
  const bytes = 8.7e5 * share * us;
  return {
    name,
    shape,
    time: estimate(us),
    flops: Math.round(flops),
    bytes: Math.round(bytes),
    gflops: flops / us / 1000,
    gbps: bytes / us / 1000,
    share,
    bound,
  };
}

function memoryRow(strategy: string, shape: string, scale: number) {
  const purposes = [
    { purpose: 'parameters', bytes: 16768, least: 16768 },
    { purpose: 'moments', bytes: 33536, least: 33536 },
    { purpose: 'gradients', bytes: 16768, least: 0 },
    { purpose: 'activations', bytes: Math.round(48_000 * scale), least: Math.round(21_000 * scale) },
    { purpose: 'data', bytes: 61_000, least: 52_000 },
  ];
  const sum = (key: 'bytes' | 'least') => purposes.reduce((total, purpose) => total + purpose[key], 0);
  return { strategy, shape, purposes, bytes: sum('bytes'), least: sum('least') };
}
