// The whole of `microgpt verify`, for the command line and the page: which checks there are and in which order.

import { openCpuEngine } from '../cpu/engine.ts';
import type { EngineName, LaunchStrategy } from '../engine/engine.ts';
import { LAUNCH_STRATEGIES } from '../engine/choice.ts';
import { runReference } from '../graph/reference.ts';
import { OPS } from '../ops/index.ts';
import type { GpuDevice } from '../webgpu/adapter.ts';
import { createWebGpuEngine } from '../webgpu/engine.ts';
import { runOnDevice } from '../webgpu/run-op.ts';
import type { Check } from './check.ts';
import { verifyKernels } from './kernels.ts';
import { OracleAnswers, checksPerEngine } from './models.ts';
import type { ModelOptions } from './models.ts';
import { verifyOracle } from './oracle.ts';

export interface VerifyOptions extends ModelOptions {
  readonly engines: readonly EngineName[];
  /** An open device; needed for the WebGPU engine. */
  readonly gpu?: GpuDevice;
  readonly launches?: readonly LaunchStrategy[];
  /** Random cases of each kernel. */
  readonly cases?: number;
  /** Of the CPU engine; see `CpuOptions`. */
  readonly threads?: number;
}

/** Yields the checks as they are made: the oracle against microgpt.py, then the other engines against the oracle. */
export async function* verify(options: VerifyOptions): AsyncGenerator<Check> {
  const { engines, gpu, launches = LAUNCH_STRATEGIES, threads } = options;
  const cpu = threads === undefined ? {} : { threads };
  if (engines.includes('oracle')) yield* verifyOracle();
  if (engines.includes('cpu')) {
    yield* verifyKernels('cpu kernels', (op, example) => runReference(op, example, Float32Array), options);
  }
  if (engines.includes('webgpu') && gpu) {
    yield* verifyKernels('webgpu kernels', (op, example) => runOnDevice(gpu, op, example), options);
  }
  if (!engines.includes('cpu') && !engines.includes('webgpu')) return;
  const oracle = await OracleAnswers.compute(options);
  if (engines.includes('cpu')) yield* oracle.verify('cpu', (spec) => openCpuEngine(spec, cpu));
  if (engines.includes('webgpu') && gpu) {
    for (const launch of launches) {
      yield* oracle.verify(`webgpu ${launch}`, (spec) => createWebGpuEngine(spec, { gpu, launch }));
    }
  }
}

/** How many checks `verify` will yield. */
export function checkCount({ engines, gpu, launches = LAUNCH_STRATEGIES, ...models }: VerifyOptions): number {
  const each = checksPerEngine(models);
  let count = engines.includes('oracle') ? 1 : 0;
  if (engines.includes('cpu')) count += OPS.length + each;
  if (engines.includes('webgpu') && gpu) count += OPS.length + launches.length * each;
  return count;
}
