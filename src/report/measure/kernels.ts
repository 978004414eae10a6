// Every kernel on its own, at the sizes of microgpt.py's model and of a larger one, against the ceilings of the device.

import type { Dispatch } from '../../graph/plan.ts';
import { trainingPlan } from '../../model/gpt.ts';
import { parameterLayout, scatterParameters } from '../../model/parameters.ts';
import { packCorpus } from '../../ops/batch.ts';
import type { GpuDevice } from '../../webgpu/adapter.ts';
import { DeviceBuffers } from '../../webgpu/buffers.ts';
import { LAUNCHERS, prepareDispatches, type ReadyDispatch } from '../../webgpu/launch.ts';
import { PassTimer } from '../../webgpu/timing.ts';
import { ceilingKernels } from './ceilings.ts';
import { rooflineOf } from './counts.ts';
import type { KernelFigures } from '../schema.ts';
import { estimateIn, turnOptions, type SectionContext } from './section.ts';
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
  const timer = PassTimer.available(gpu) ? new PassTimer(gpu) : null;
  if (!timer) context.note('no timestamps: times are those of the wall, with a share of one submit');
  const models: PreparedKernels[] = [];
  try {
    const ceiling = await ceilingKernels(gpu);
    const settings = [defaultSetting()];
    if (software && context.mode === 'quick')
      context.note('only the default model: compiling takes software long');
    else settings.push(gridSetting(software ? LARGER_IN_SOFTWARE : LARGER));
    for (const setting of settings) {
      for (const fused of [false, true]) models.push(await prepareKernels(setting, fused, gpu));
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
      { sample: timer ? 500 : 20_000, least, most, progress },
    );
    if (timed[0].samples.length === 0) return null;
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
      rows: rows.map(({ name, shape, flops, bytes }, i) => {
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

interface PreparedKernels {
  readonly buffers: DeviceBuffers;
  readonly dispatches: readonly Dispatch[];
  readonly ready: readonly ReadyDispatch[];
}

/** The kernels of a training step, with the data that they would have: a step has been made with them. */
async function prepareKernels({ spec }: Setting, fused: boolean, gpu: GpuDevice): Promise<PreparedKernels> {
  const { model, documents, parameters } = spec;
  // Adam runs thousands of times on the same gradients here: at this rate it changes nothing.
  const training = { ...spec.training, learningRate: 0 };
  const layout = parameterLayout(model);
  const corpus = packCorpus(documents);
  const size = { length: corpus.length, documents: documents.count };
  const plan = trainingPlan(model, training, layout, size, { fused });
  const buffers = await DeviceBuffers.create(gpu, plan);
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
      return end - begin;
    },
  };
}
