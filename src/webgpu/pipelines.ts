// Kernels to pipelines. Bind group layouts come from the WGSL (`layout: 'auto'`), never from a list kept here.

import type { Node } from '../graph/graph.ts';
import { operandNames } from '../graph/op.ts';
import type { Kernel, Launch } from '../graph/op.ts';
import { DeviceError } from '../util/errors.ts';
import { firstLine } from './adapter.ts';
import type { GpuDevice } from './adapter.ts';

/** A compute shader under a name that stands for its source: an op, or a kernel that is none. */
export interface NamedKernel {
  readonly name: string;
  readonly kernel: Pick<Kernel, 'source' | 'entry'>;
}

/** Modules and pipelines of one device: ops of the same shape share theirs. */
const caches = new WeakMap<GPUDevice, Map<string, Promise<GPUComputePipeline>>>();

/** What of a launch makes a pipeline. */
export type PipelineChoice = Pick<Launch, 'constants' | 'variant' | 'source'>;

/** The pipeline of `op` for a launch. Throws DeviceError where the shader does not compile or exceeds a limit. */
export async function pipelineFor(
  gpu: GpuDevice,
  op: NamedKernel,
  choice: PipelineChoice,
): Promise<GPUComputePipeline> {
  let cache = caches.get(gpu.device);
  if (!cache) caches.set(gpu.device, (cache = new Map()));
  const key = JSON.stringify([op.name, choice.variant ?? '', choice.constants, choice.source]);
  let pipeline = cache.get(key);
  if (!pipeline) cache.set(key, (pipeline = createPipeline(gpu, op, choice)));
  return pipeline;
}

async function createPipeline(
  gpu: GpuDevice,
  op: NamedKernel,
  { constants, variant, source = op.kernel.source }: PipelineChoice,
): Promise<GPUComputePipeline> {
  const { device } = gpu;
  const { entry } = op.kernel;
  // A shader that is refused must not count as an error of the device: another one may do.
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ label: op.name, code: source });
  const refused = device.popErrorScope().catch(() => null);
  try {
    return await gpu.settle(
      device.createComputePipelineAsync({
        label: op.name,
        layout: 'auto',
        compute: { module, entryPoint: entry, constants },
      }),
    );
  } catch (error) {
    const cause = error instanceof DeviceError ? error.cause : error;
    if (gpu.firstError() !== undefined || !isPipelineError(cause)) throw error;
    const reason = (await refused)?.message ?? cause;
    const what = variant === undefined ? 'its shader' : `its shader ${variant}`;
    throw new DeviceError(
      `${op.name}: this adapter cannot run ${what} with ${JSON.stringify(constants)}: ${firstLine(reason)}.`,
      { cause },
    );
  }
}

/** By its name: older browsers have no global class of it. */
function isPipelineError(error: unknown): boolean {
  return error instanceof Error && error.name === 'GPUPipelineError';
}

/** The bind group of one call: the step at binding 0, then inputs, updated tensors and outputs in the op's order. */
export function bindOperands(
  gpu: GpuDevice,
  node: Pick<Node, 'op' | 'where'>,
  pipeline: GPUComputePipeline,
  step: GPUBufferBinding,
  operands: readonly GPUBufferBinding[],
): GPUBindGroup {
  const { op } = node;
  // The op that writes the step has it as its first output, not as the uniform that the others read.
  const bound = op.writesStep ? operands.toSpliced(operandNames(op).length, 1) : operands;
  const entries = [step, ...bound].map((resource, binding) => ({ binding, resource }));
  return gpu.device.createBindGroup({
    label: node.where === '' ? op.name : `${node.where}.${op.name}`,
    layout: pipeline.getBindGroupLayout(0),
    entries,
  });
}
