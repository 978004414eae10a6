// Every kernel on its own, at the sizes of microgpt.py's model and of a larger one, against the ceilings of the device.

import type { Dispatch } from '../../graph/plan.ts';
import { trainingPlan } from '../../model/plans.ts';
import { parameterLayout, scatterParameters } from '../../model/parameters.ts';
import { packCorpus } from '../../ops/batch.ts';
import type { GpuDevice } from '../../webgpu/adapter.ts';
import { DeviceBuffers } from '../../webgpu/buffers.ts';
import {
  LAUNCHERS,
  prepareDispatches,
  RULES,
  type PlannedLaunch,
  type ReadyDispatch,
} from '../../webgpu/launch.ts';
import { PassTimer } from '../../webgpu/timing.ts';
import { tunePlan } from '../../webgpu/tuner.ts';
import { ceilingKernels } from './ceilings.ts';
import { rooflineOf } from './counts.ts';
import type { KernelFigures } from '../schema.ts';
import { estimateIn, resolvedBy, turnOptions, type SectionContext } from './section.ts';
import { realClock } from './session.ts';
import { defaultSetting, gridSetting, type Setting } from './setting.ts';
import { timeInTurns, type Subject, type Timed } from './subjects.ts';

/** A model whose kernels fill a large GPU, and one that software gets done. */
const LARGER = { width: 768, batch: 8, context: 256 };
const LARGER_IN_SOFTWARE = { width: 64, batch: 4, context: 16 };

/** Below so many times an empty dispatch, a kernel's time says more of the launch than of the kernel. */
const LAUNCH_BOUND = 2;

export async function measureKernels(context: SectionContext): Promise<KernelFigures | null> {
  const gpu = await context.openDevice!();
  const { software } = gpu.info;
  let timer: PassTimer | null = null;
  const models: PreparedKernels[] = [];
  try {
    const ceiling = await ceilingKernels(gpu);
    timer = await workingTimer(gpu, ceiling.arithmetic);
    if (!timer) context.note('no usable timestamps: times are wall-clock, with a share of one submit');
    const settings = [defaultSetting()];
    if (software && context.mode === 'quick')
      context.note('only the default model: a software adapter compiles slowly');
    else settings.push(gridSetting(software ? LARGER_IN_SOFTWARE : LARGER));
    for (const setting of settings) {
      for (const launch of ['graph', 'fused'] as const)
        models.push(await prepareKernels(setting, launch, gpu));
    }
    const rows = uniqueKernels(models);
    const dispatches = [
      ceiling.arithmetic,
      ceiling.triad,
      ceiling.nothing,
      ...rows.map(({ ready }) => ready),
    ];
    const { least, most, progress } = turnOptions(context);
    const timed = await timeInTurns(
      dispatches.map((ready) => kernelSubject(ready, gpu, timer)),
      context.session,
      // By the GPU's own clock a short sample will do; the wall's has a submit and a readback in it.
      { sample: timer ? 500 : resolvedBy(context, 20_000), least, most, progress },
    );
    if (timed[0].samples.length === 0) return null;
    // The GPU's clock may tick every 100 µs, and time may have been over before samples were long enough for that.
    const told = ({ samples }: Timed) => samples.every((time) => time > 0);
    const [first, ...others] = timed.filter((own) => !told(own)).map(({ name }) => name);
    if (first !== undefined) {
      const more = others.length === 0 ? '' : ` and ${others.length} more`;
      context.note(`${first}${more}: no time was left for samples that the GPU's clock can resolve`);
    }
    if (!timed.slice(0, 3).every(told)) return null;
    const perDispatch = ({ samples }: Timed, of: (time: number) => number) =>
      estimateIn(context, samples.map(of)); // prettier-ignore
    const ceilings = {
      gflops: perDispatch(timed[0], (time) => ceiling.flops / time / 1000),
      gbps: perDispatch(timed[1], (time) => ceiling.bytes / time / 1000),
    };
    const empty = perDispatch(timed[2], (time) => time).median;
    return {
      software,
      ceilings,
      rows: rows.flatMap(({ name, shape, flops, bytes }, i) => {
        if (!told(timed[3 + i])) return [];
        const time = perDispatch(timed[3 + i], (own) => own);
        const gflops = flops / time.median / 1000;
        const gbps = bytes / time.median / 1000;
        const arithmetic = flops / ceilings.gflops.median > bytes / ceilings.gbps.median;
        return {
          name,
          shape,
          time,
          flops,
          bytes,
          gflops,
          gbps,
          share: rooflineOf({ flops, bytes }, ceilings) / time.median,
          bound: time.median < LAUNCH_BOUND * empty ? 'launch' : arithmetic ? 'arithmetic' : 'memory',
        };
      }),
    };
  } finally {
    for (const { buffers } of models) buffers.destroy();
    timer?.destroy();
    gpu.destroy();
  }
}

/** Stamps every few µs, 100 µs or never: doubled so often, the work takes long enough for all but the last. */
const DOUBLINGS = 10;
/** Microseconds of the wall that no GPU spends without its clock moving. */
const SURELY = 50_000;

/** A timer whose stamps tell how long a run of `work` takes; null where there are none, as some drivers write only zeros. */
export async function workingTimer(gpu: GpuDevice, work: ReadyDispatch): Promise<PassTimer | null> {
  if (!PassTimer.available(gpu)) return null;
  const timer = new PassTimer(gpu);
  const subject = kernelSubject(work, gpu, timer);
  for (let times = 1; times <= 2 ** DOUBLINGS; times *= 2) {
    const start = realClock();
    const time = await subject.run(times);
    if (typeof time === 'number' && time > 0) return timer;
    if (realClock() - start > SURELY) break;
  }
  timer.destroy();
  return null;
}

interface PreparedKernels {
  readonly buffers: DeviceBuffers;
  readonly dispatches: readonly Dispatch[];
  readonly ready: readonly ReadyDispatch[];
}

/** The kernels of a training step, with the data that they would have: a step has been made with them. */
async function prepareKernels(
  { spec }: Setting,
  launch: PlannedLaunch,
  gpu: GpuDevice,
): Promise<PreparedKernels> {
  const { model, documents, parameters } = spec;
  // Adam runs thousands of times on the same gradients here: at this rate it changes nothing.
  const training = { ...spec.training, learningRate: 0 };
  const layout = parameterLayout(model);
  const corpus = packCorpus(documents);
  const size = { length: corpus.length, documents: documents.count };
  const standard = trainingPlan(model, training, layout, size, RULES[launch]);
  const buffers = await DeviceBuffers.create(gpu, standard);
  const plan = gpu.tuning ? await tunePlan(gpu, standard, buffers, gpu.tuning) : standard;
  const ready = await prepareDispatches(gpu, plan, buffers);
  const padded = new Float32Array(layout.length);
  scatterParameters(layout, parameters, padded);
  buffers.write('parameters', padded);
  buffers.write('corpus', corpus);
  LAUNCHERS.graph(gpu.device, ready, 1, () => {});
  await gpu.settle(gpu.device.queue.onSubmittedWorkDone());
  return { buffers, dispatches: plan.dispatches, ready };
}

interface KernelRow extends Pick<Dispatch, 'flops' | 'bytes'> {
  readonly name: string;
  readonly shape: string;
  readonly ready: ReadyDispatch;
}

/** One dispatch of each op and shape. */
function uniqueKernels(models: readonly PreparedKernels[]): KernelRow[] {
  const rows = new Map<string, KernelRow>();
  for (const { dispatches, ready } of models) {
    for (const [i, { node, flops, bytes }] of dispatches.entries()) {
      const shape = [shapesOf(node.inputs), shapesOf(node.outputs)].filter(Boolean).join(' → ');
      const { name } = node.op;
      const key = `${name} ${shape}`;
      if (!rows.has(key)) rows.set(key, { name, shape, flops, bytes, ready: ready[i] });
    }
  }
  return [...rows.values()];
}

function shapesOf(tensors: readonly { readonly shape: readonly number[] }[]): string {
  return tensors.map(({ shape }) => `[${shape.join(', ')}]`).join(' ');
}

/** A step is one dispatch, of many in one pass. */
function kernelSubject(
  { label, pipeline, bindGroup, workgroups }: ReadyDispatch,
  gpu: GpuDevice,
  timer: PassTimer | null,
): Subject {
  const { device } = gpu;
  return {
    name: label,
    async run(times) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass(timer ? { timestampWrites: timer.next() } : {});
      pass.setPipeline(pipeline);
      for (let i = 0; i < times; i++) {
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(...workgroups);
      }
      pass.end();
      device.queue.submit([encoder.finish()]);
      if (!timer) return gpu.settle(device.queue.onSubmittedWorkDone());
      const [{ begin, end }] = await timer.read();
      return end >= begin ? end - begin : undefined; // then the wall's
    },
  };
}
