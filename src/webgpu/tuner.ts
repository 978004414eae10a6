// Which variant of a kernel is the fastest here: measured on the device, for each op and shape of a plan that is large
// enough for it to matter, after its results were compared with the default's.
//
// The variants of a kernel sum in the same order, so a choice changes the time of a step and not its numbers.

import noiseShader from '../../shaders/lib/noise.wgsl?raw';
import type { Launch } from '../graph/op.ts';
import type { Dispatch, Plan, View } from '../graph/plan.ts';
import { DeviceError } from '../util/errors.ts';
import { adapterName } from './adapter.ts';
import type { GpuDevice } from './adapter.ts';
import type { DeviceBuffers } from './buffers.ts';
import type { ReadyDispatch } from './launch.ts';
import { bindOperands, pipelineFor } from './pipelines.ts';
import { Stopwatch } from './stopwatch.ts';
import type { TuningOptions } from './tuning.ts';

/** 10 ms a round drown what a launch costs and how coarse timestamps are; the shortest of 3 rounds counts. */
const ROUND_MS = 10;
const ROUNDS = 3;
const MOST_TIMES = 256;

/** The sums have one order in all variants; what a driver's compiler makes of them may round otherwise. */
const TUNING_BAR = 1e-5;

/** A variant must be this much faster than the default: less is noise. */
const WORTH = 0.97;

/**
 * The plan with the fastest variants. Uses the plan's buffers, and clears what it used of them: call it before anything is
 * in them. Throws DeviceError where the device fails; a variant that does not compile or gives other results is left out.
 */
export async function tunePlan(
  gpu: GpuDevice,
  plan: Plan,
  buffers: DeviceBuffers,
  options: TuningOptions = {},
): Promise<Plan> {
  const { cache, budget = 2_000, leastFlops = 1e8, software = false, note = () => undefined } = options;
  if (gpu.info.software && !software) return plan;

  const chosen = new Map<Dispatch, Launch>();
  const unknown: { key: string; dispatches: readonly Dispatch[] }[] = [];
  for (const [shape, dispatches] of alike(plan, leastFlops)) {
    const key = `${adapterName(gpu.info)} | ${shape}`;
    const known = cache?.get(key);
    const launch = variantsOf(gpu, dispatches[0]).find(({ variant }) => variant === known);
    if (launch) for (const dispatch of dispatches) chosen.set(dispatch, launch);
    else unknown.push({ key, dispatches });
  }

  if (unknown.length > 0 && budget > 0) {
    note(`measuring kernels for ${unknown.length} shapes, for some ${budget / 1000} s`);
    const bench = new TuningBench(gpu, buffers);
    const end = performance.now() + budget;
    try {
      for (const { key, dispatches } of unknown) {
        if (performance.now() > end) break;
        const launch = await bench.fastest(dispatches[0], end);
        for (const dispatch of dispatches) chosen.set(dispatch, launch);
        cache?.set(key, launch.variant!);
      }
    } finally {
      bench.destroy();
    }
  }
  const dispatches = plan.dispatches.map((dispatch) => {
    return { ...dispatch, launch: chosen.get(dispatch) ?? dispatch.launch };
  });
  return { ...plan, dispatches };
}

/** Dispatches that have a choice, by op and shape; those that take the most operations in a step first. */
function alike(plan: Plan, leastFlops: number): [shape: string, dispatches: readonly Dispatch[]][] {
  const groups = new Map<string, Dispatch[]>();
  for (const dispatch of plan.dispatches) {
    const { op, inputs, attrs } = dispatch.node;
    if (!op.kernel.variants || dispatch.flops < leastFlops) continue;
    const shape = JSON.stringify([op.name, inputs.map((tensor) => tensor.shape), attrs]);
    groups.set(shape, [...(groups.get(shape) ?? []), dispatch]);
  }
  const work = (dispatches: readonly Dispatch[]) => dispatches.reduce((sum, d) => sum + d.flops, 0);
  return [...groups].toSorted((a, b) => work(b[1]) - work(a[1]));
}

function variantsOf(gpu: GpuDevice, { node }: Dispatch): readonly Launch[] {
  const shapes = node.inputs.map((tensor) => tensor.shape);
  return node.op.kernel.variants!(shapes, node.attrs, gpu.device.limits);
}

interface Candidate extends ReadyDispatch {
  readonly launch: Launch;
  /** Runs in a round. */
  times: number;
  /** Milliseconds a run. */
  best: number;
}

/** Compares and times candidates on the buffers of a plan, which hold noise meanwhile. */
class TuningBench {
  private readonly gpu: GpuDevice;
  private readonly buffers: DeviceBuffers;
  private readonly stopwatch: Stopwatch;
  private readonly staging: GPUBuffer;

  constructor(gpu: GpuDevice, buffers: DeviceBuffers) {
    this.gpu = gpu;
    this.buffers = buffers;
    this.stopwatch = new Stopwatch(gpu);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.staging = gpu.device.createBuffer({ label: 'tuner', size: PIECES * PIECE_BYTES, usage });
  }

  destroy(): void {
    this.stopwatch.destroy();
    this.staging.destroy();
  }

  /** The fastest candidate that gives the default's results. */
  async fastest(dispatch: Dispatch, end: number): Promise<Launch> {
    const standard = dispatch.launch;
    const others = variantsOf(this.gpu, dispatch).filter(({ variant }) => variant !== standard.variant);
    // In parallel: a driver takes some tenths of a second for each.
    const made = await Promise.allSettled([standard, ...others].map((l) => this.candidate(dispatch, l)));
    this.gpu.check();
    const ready = made.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    if (ready[0]?.launch !== standard)
      throw new DeviceError(`${dispatch.label}: ${standard.variant} does not compile.`);

    for (const view of dispatch.inputs) await this.fill(view);
    const rows = dispatch.node.inputs[0].shape[0]; // a kernel with variants has its rows in its first input
    this.buffers.write('step', Uint32Array.of(0, rows));
    const expected = await this.results(dispatch, ready[0]);
    let right = [ready[0]];
    for (const candidate of ready.slice(1)) {
      if (agree(await this.results(dispatch, candidate), expected)) right.push(candidate);
    }

    for (let round = 0; round < ROUNDS && (round === 0 || performance.now() < end); round++) {
      for (const candidate of right) {
        const time = (await this.stopwatch.run(candidate, candidate.times)) / candidate.times;
        candidate.best = Math.min(candidate.best, time);
      }
      const limit = 1.5 * Math.min(...right.map(({ best }) => best));
      right = right.filter((candidate) => candidate === ready[0] || candidate.best < limit);
    }
    const best = right.reduce((a, b) => (b.best < a.best ? b : a));
    for (const view of [...dispatch.inputs, ...dispatch.outputs]) this.clear(view);
    this.buffers.write('step', Uint32Array.of(0, 0));
    return best.best < WORTH * ready[0].best ? best.launch : standard;
  }

  private async candidate({ node, label, inputs, outputs }: Dispatch, launch: Launch): Promise<Candidate> {
    const pipeline = await pipelineFor(this.gpu, node.op, launch);
    const operands = [...inputs, ...outputs].map((view) => this.buffers.binding(view));
    const bindGroup = bindOperands(
      this.gpu,
      node,
      pipeline,
      { buffer: this.buffers.region('step') },
      operands,
    );
    return { label, pipeline, bindGroup, workgroups: launch.workgroups, launch, times: 1, best: Infinity };
  }

  /** Pieces of what a candidate gives, and how many runs of it fill a round. The outputs hold noise before, so that what is not written shows. */
  private async results({ outputs }: Dispatch, candidate: Candidate): Promise<Float32Array[]> {
    for (const view of outputs) await this.fill(view);
    const time = await this.stopwatch.run(candidate, 1);
    candidate.times = Math.max(1, Math.min(MOST_TIMES, Math.round(ROUND_MS / time)));
    const found: Float32Array[] = [];
    for (const view of outputs) found.push(await this.pieces(view));
    return found;
  }

  private async fill(view: View): Promise<void> {
    const { device } = this.gpu;
    const op = { name: 'noise', kernel: { source: noiseShader, entry: 'noise' } };
    const pipeline = await pipelineFor(this.gpu, op, { constants: {} });
    const bindGroup = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: this.buffers.binding(view) }],
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(Math.min(4096, Math.ceil(view.length / 256)));
    pass.end();
    device.queue.submit([encoder.finish()]);
  }

  private clear(view: View): void {
    const { buffer, offset, size } = this.buffers.binding(view);
    const encoder = this.gpu.device.createCommandEncoder();
    encoder.clearBuffer(buffer, offset, size);
    this.gpu.device.queue.submit([encoder.finish()]);
  }

  /** All of a small tensor; of a large one pieces from its first to its last element. */
  private async pieces(view: View): Promise<Float32Array> {
    const { buffer, offset = 0, size = 0 } = this.buffers.binding(view);
    const encoder = this.gpu.device.createCommandEncoder();
    const length = Math.min(size, PIECE_BYTES);
    const count = Math.min(PIECES, Math.ceil(size / PIECE_BYTES));
    for (let i = 0; i < count; i++) {
      const at = count === 1 ? 0 : Math.floor(((size - length) / 4) * (i / (count - 1))) * 4;
      encoder.copyBufferToBuffer(buffer, offset + at, this.staging, i * length, length);
    }
    this.gpu.device.queue.submit([encoder.finish()]);
    await this.gpu.settle(this.staging.mapAsync(GPUMapMode.READ));
    const copy = new Float32Array(this.staging.getMappedRange(0, count * length).slice(0));
    this.staging.unmap();
    return copy;
  }
}

/** What is compared of an output: 64 pieces of 16 KiB at most. */
const PIECES = 64;
const PIECE_BYTES = 16_384;

function agree(got: readonly Float32Array[], expected: readonly Float32Array[]): boolean {
  return expected.every((values, n) => {
    let difference = 0;
    let size = 0;
    for (let i = 0; i < values.length; i++) {
      difference += (got[n][i] - values[i]) ** 2;
      size += values[i] ** 2;
    }
    return Math.sqrt(difference) <= TUNING_BAR * Math.sqrt(size); // false for NaN
  });
}
