// report.json: what `microgpt report` measured on one machine. This file is its format; the checks on reading and on
// writing, and the types, come from the same lines.
//
// Times are in microseconds unless a name says otherwise. An estimate keeps every sample, in the order measured.

import * as v from 'valibot';

export const REPORT_FORMAT = 'microgpt-report';
/** Grows when a reader of the present version could misread the file. */
export const REPORT_VERSION = 1;

const finite = v.pipe(v.number(), v.finite());
const positive = v.pipe(finite, v.minValue(0));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Names and sentences from a foreign file: bounded, so that none fills a page. */
const text = v.pipe(v.string(), v.maxLength(2000));

/** A measured figure: the median, its 95% bootstrap interval, the spread, and all samples. */
const ESTIMATE = v.object({
  median: finite,
  /** Median absolute deviation. */
  mad: positive,
  low: finite,
  high: finite,
  /** Outliers stay in. */
  samples: v.pipe(v.array(finite), v.minLength(1)),
});

/** A figure worked out of others, with its 95% interval. */
const INTERVAL = v.object({ value: finite, low: finite, high: finite });

const ADAPTER = v.object({
  vendor: text,
  architecture: text,
  device: text,
  description: text,
  /** A CPU emulates the GPU: its figures never enter a sentence about GPUs. */
  software: v.boolean(),
});

/** Where it was measured. */
const MACHINE = v.object({
  /** What a person calls this machine. */
  name: text,
  cpu: text,
  cores: count,
  memoryBytes: v.nullable(count),
  os: text,
  /** `Node 20.20.2`, or the browser's name and version. */
  runtime: text,
  /** Version of the npm package `webgpu` (Dawn), or null in a browser. */
  dawn: v.nullable(text),
  adapter: v.nullable(ADAPTER),
  /** Why there is no adapter. */
  noAdapter: v.nullable(text),
  features: v.array(text),
  limits: v.record(text, positive),
  version: text,
  commit: v.nullable(text),
  /** Options of the runtime and of Dawn that change figures. */
  flags: v.array(text),
});

const SHAPE = v.object({
  nLayer: count,
  nEmbd: count,
  nHead: count,
  blockSize: count,
  vocabSize: count,
  batchSize: count,
  parameters: count,
  /** Mean number of predicted tokens of a step. */
  tokensPerStep: positive,
});

/** The same thing measured twice, as if it were two: what may be claimed must be larger than this. */
const CONTROL = v.object({
  what: text,
  first: ESTIMATE,
  second: ESTIMATE,
  /** first / second. */
  ratio: INTERVAL,
  /** Ratios between 1 / claimable and claimable are not told from noise here. At least 1. */
  claimable: positive,
});

const RUNG = v.object({
  /** Stable name for comparing reports: `cpu-simd`, `webgpu-graph`, `python`, `torch-cuda-graph`. */
  id: text,
  label: text,
  kind: v.picklist(['python', 'oracle', 'cpu', 'webgpu', 'population', 'peer']),
  /** Measured on an adapter that is software. */
  software: v.boolean(),
  /** Models trained side by side; a step is one step of one of them. */
  models: v.pipe(count, v.minValue(1)),
  /** A step. null where it was not measured, and then `reason` says why. */
  step: v.nullable(ESTIMATE),
  reason: v.nullable(text),
  samplesPerSecond: v.nullable(positive),
  tokensPerSecond: v.nullable(positive),
  /** How many times faster than the oracle. */
  timesOracle: v.nullable(INTERVAL),
  /** Largest difference of a loss from the oracle's over the checked steps. */
  lossDifference: v.nullable(positive),
});

const LADDER = v.object({
  shape: SHAPE,
  /** Steps whose losses were compared before timing, and the largest difference allowed. */
  checkedSteps: count,
  tolerance: positive,
  rungs: v.array(RUNG),
});

const PART = v.object({
  /** `encode`, `submit`, `gpu`, `gaps`, `wait`, `readback`, `unexplained`, … */
  name: text,
  /** Per step. Negative where parts overlap. */
  time: INTERVAL,
});

const ANATOMY = v.object({
  strategy: text,
  software: v.boolean(),
  /** What the clock on the wall says of one step. */
  wall: ESTIMATE,
  parts: v.array(PART),
  /** What the calls of encoding cost, by name. */
  calls: v.array(v.object({ name: text, count: positive, time: INTERVAL })),
  /** GPU time by kernel; empty where timestamps cannot be had. */
  kernels: v.array(v.object({ name: text, count: positive, time: INTERVAL })),
  /** unexplained / wall. */
  unexplained: finite,
  /** |unexplained| is at most a tenth of the wall time. */
  closes: v.boolean(),
  notes: v.array(text),
});

/** Dispatches per pass × passes × submits, and what one run of it took. */
const LAUNCH_POINT = v.object({
  kernel: v.picklist(['empty', 'work']),
  dependent: v.boolean(),
  dispatches: count,
  passes: count,
  submits: count,
  readbacks: count,
  time: ESTIMATE,
  predicted: finite,
});

/** One dispatch of one workgroup: phases, invocations at work in each, multiply-adds of each of these, and what it took. */
const WORKGROUP_POINT = v.object({
  phases: count,
  invocations: count,
  multiplyAdds: count,
  time: ESTIMATE,
  predicted: finite,
});

const WORKGROUP = v.object({
  /** Invocations of the workgroup: as many as resident takes. */
  workers: count,
  points: v.array(WORKGROUP_POINT),
  /** Microseconds each: `dispatch to readback`, `workgroup barrier`, `dependent multiply-add`, `multiply-add`. */
  costs: v.array(v.object({ name: text, cost: INTERVAL })),
  r2: finite,
});

const LAUNCH = v.object({
  software: v.boolean(),
  points: v.array(LAUNCH_POINT),
  /** Microseconds each: `dispatch`, `barrier`, `pass`, `submit`, `readback`, `work`. */
  costs: v.array(v.object({ name: text, cost: INTERVAL })),
  r2: finite,
  /** What the costs say a step of each strategy takes, beside what it took (both per step). */
  predictions: v.array(v.object({ rung: text, predicted: INTERVAL, measured: ESTIMATE })),
  /** What one workgroup does inside a dispatch; null where it was not measured, as in files from before it was. */
  workgroup: v.optional(v.nullable(WORKGROUP), null),
});

/** One way of launching in a cell. */
const STRATEGY = v.object({
  strategy: text,
  /** In turns with the CPU and the other strategies. */
  time: v.nullable(ESTIMATE),
  /** Where it was only tried, the shortest of a few steps: without an interval, so no claim rests on it. */
  trial: v.nullable(positive),
  /** CPU time / its time, where it was timed. */
  ratio: v.nullable(INTERVAL),
  /** The same ratio, as foretold. */
  predicted: v.nullable(finite),
  /** Why it was not timed. */
  reason: v.nullable(text),
});

const CELL = v.object({
  width: count,
  batch: count,
  context: count,
  cpu: v.nullable(ESTIMATE),
  gpu: v.nullable(ESTIMATE),
  cpuEngine: text,
  /** The fastest of those that were timed. */
  gpuStrategy: text,
  /** CPU time / GPU time: above 1 the GPU wins. */
  ratio: v.nullable(INTERVAL),
  predicted: v.nullable(finite),
  /** Why it was not measured. */
  skipped: v.nullable(text),
  /** Every way of launching; none in files from before they were kept. */
  strategies: v.optional(v.array(STRATEGY), []),
});

const CROSSOVER = v.object({
  software: v.boolean(),
  cells: v.array(CELL),
  /** For each batch (and context) the width from which the GPU wins; null: not within the grid. */
  frontier: v.array(
    v.object({
      batch: count,
      context: count,
      measured: v.nullable(positive),
      predicted: v.nullable(positive),
      /** The same for each way of launching that was timed in a cell of the row. */
      strategies: v.optional(
        v.array(
          v.object({ strategy: text, measured: v.nullable(positive), predicted: v.nullable(positive) }),
        ),
        [],
      ),
    }),
  ),
  notes: v.array(text),
});

const CEILINGS = v.object({ gflops: ESTIMATE, gbps: ESTIMATE });

const KERNELS = v.object({
  software: v.boolean(),
  ceilings: CEILINGS,
  rows: v.array(
    v.object({
      name: text,
      shape: text,
      time: ESTIMATE,
      flops: positive,
      bytes: positive,
      gflops: positive,
      gbps: positive,
      /** Share of the nearer ceiling (a roofline), 0 … 1. */
      share: positive,
      bound: v.picklist(['arithmetic', 'memory', 'launch']),
    }),
  ),
});

const MEMORY = v.object({
  rows: v.array(
    v.object({
      strategy: text,
      shape: text,
      purposes: v.array(v.object({ purpose: text, bytes: count, least: count })),
      bytes: count,
      least: count,
    }),
  ),
});

export const REPORT = v.object({
  format: v.literal(REPORT_FORMAT),
  version: v.literal(REPORT_VERSION),
  /** ISO 8601, UTC. */
  date: v.pipe(v.string(), v.isoTimestamp()),
  mode: v.picklist(['quick', 'full']),
  /** False where it was stopped: what stands here was measured, the rest is null. */
  complete: v.boolean(),
  seconds: positive,
  seed: count,
  machine: MACHINE,
  control: v.nullable(CONTROL),
  ladder: v.nullable(LADDER),
  anatomy: v.nullable(v.array(ANATOMY)),
  launch: v.nullable(LAUNCH),
  crossover: v.nullable(CROSSOVER),
  kernels: v.nullable(KERNELS),
  memory: v.nullable(MEMORY),
  /** What was left out, and why. */
  notes: v.array(text),
});

export type Report = v.InferOutput<typeof REPORT>;
export type Estimate = v.InferOutput<typeof ESTIMATE>;
export type Interval = v.InferOutput<typeof INTERVAL>;
export type Machine = v.InferOutput<typeof MACHINE>;
export type ModelShape = v.InferOutput<typeof SHAPE>;
export type Control = v.InferOutput<typeof CONTROL>;
export type Rung = v.InferOutput<typeof RUNG>;
export type Ladder = v.InferOutput<typeof LADDER>;
export type Anatomy = v.InferOutput<typeof ANATOMY>;
export type LaunchPoint = v.InferOutput<typeof LAUNCH_POINT>;
export type WorkgroupPoint = v.InferOutput<typeof WORKGROUP_POINT>;
export type WorkgroupCosts = v.InferOutput<typeof WORKGROUP>;
export type LaunchCosts = v.InferOutput<typeof LAUNCH>;
export type Cell = v.InferOutput<typeof CELL>;
export type StrategyFigures = v.InferOutput<typeof STRATEGY>;
export type Crossover = v.InferOutput<typeof CROSSOVER>;
export type KernelFigures = v.InferOutput<typeof KERNELS>;
export type Memory = v.InferOutput<typeof MEMORY>;
