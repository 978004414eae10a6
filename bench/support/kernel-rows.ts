// Rows of single kernels: each op alone on the device, launched many times in one submit.

import { Graph } from '../../src/graph/graph.ts';
import type { Tensor } from '../../src/graph/graph.ts';
import { dtypeOf, operandNames, sizeOf, STEP_BYTES } from '../../src/graph/op.ts';
import type { Attrs, Op, Shape } from '../../src/graph/op.ts';
import { planGraph } from '../../src/graph/plan.ts';
import type { Place, Region } from '../../src/graph/plan.ts';
import { adam } from '../../src/ops/adam.ts';
import { attention } from '../../src/ops/attention.ts';
import { crossEntropy } from '../../src/ops/cross-entropy.ts';
import { linear, linearGradW, linearGradX } from '../../src/ops/linear.ts';
import { rmsnorm } from '../../src/ops/rmsnorm.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { verifyKernels } from '../../src/verify/kernels.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { DeviceBuffers } from '../../src/webgpu/buffers.ts';
import { LAUNCHERS, prepareDispatches } from '../../src/webgpu/launch.ts';
import { runOnDevice } from '../../src/webgpu/run-op.ts';
import { Readback } from '../../src/webgpu/steps.ts';
import type { Failures } from './rounds.ts';
import type { Row } from './table.ts';

interface KernelCase {
  readonly op: Op;
  /** Of inputs and updates. */
  readonly shapes: readonly Shape[];
  readonly attrs?: Attrs;
}

/** Square products of n, and the other kernels at R rows of C channels. */
function cases(n: number, R: number, C: number): KernelCase[] {
  const square = [n, n] as const;
  const rows = [R, C] as const;
  return [
    { op: linear, shapes: [square, square] },
    { op: linearGradX, shapes: [square, square] },
    { op: linearGradW, shapes: [square, square] },
    { op: attention, shapes: [rows, rows, rows, [R, 2]], attrs: { heads: Math.max(1, C / 64), block: R } },
    { op: rmsnorm, shapes: [rows] },
    { op: crossEntropy, shapes: [[R, 16 * C], [R]] }, // prettier-ignore
    { op: adam, shapes: [...Array.from({ length: 4 }, () => [12 * C * C]), [1]], attrs: { beta1: 0.9, beta2: 0.99, eps: 1e-8 } }, // prettier-ignore
  ];
}

/** Those that are right: a wrong answer has no speed. */
export async function kernelRows(
  gpu: GpuDevice,
  full: boolean,
  time: number,
  failures: Failures,
): Promise<Row[]> {
  const { software } = gpu.info;
  const sizes = software ? [cases(128, 64, 64)] : [cases(256, 128, 64), cases(1024, 512, 256)];
  if (full) sizes.push(software ? cases(512, 256, 128) : cases(4096, 1024, 768));
  const rows: Row[] = [];
  for (const kernel of sizes.flat()) {
    const row = await failures.guard(kernel.op.name, () => kernelRow(gpu, kernel, time));
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

async function kernelRow(gpu: GpuDevice, { op, shapes, attrs = {} }: KernelCase, time: number): Promise<Row> {
  for await (const check of verifyKernels('', (...call) => runOnDevice(gpu, ...call), {
    ops: [op],
    cases: 3,
  })) {
    if (!check.passed) throw new Error(`${op.name}: off by ${check.error} at ${check.detail}.`);
  }
  const graph = new Graph();
  const regions: Region[] = [{ name: 'step', dtype: 'u32', length: STEP_BYTES / 4 }];
  const places = new Map<Tensor, Place>();
  const place = (tensor: Tensor) => {
    regions.push({ name: tensor.name, dtype: tensor.dtype, length: sizeOf(tensor.shape) });
    places.set(tensor, { region: tensor.name, offset: 0 });
    return tensor;
  };
  const inputs = operandNames(op).map((name, i) => place(graph.source(name, shapes[i], dtypeOf(op, name))));
  graph.apply(op, inputs, attrs).forEach(place);
  const plan = planGraph(graph, regions, places);
  const buffers = await DeviceBuffers.create(gpu, plan);
  const dispatches = await prepareDispatches(gpu, plan, buffers);
  fill(buffers, inputs);
  const done = buffers.region('step');
  const readback = new Readback(gpu, 'done', done.size);
  const launch = async (times: number) => {
    const start = performance.now();
    LAUNCHERS.graph(gpu.device, dispatches, times, (encoder) => readback.copy(encoder, done));
    await readback.bytes();
    return performance.now() - start;
  };

  let times = 1;
  for (let took = await launch(1); took < time / 2; took = await launch(times)) {
    times = Math.ceil(times * Math.min(4, time / Math.max(took, 1)));
  }
  const { flops, bytes } = plan.dispatches[0];
  const name = `${op.name} ${shapes[0].join('×')}`;
  return {
    name,
    software: gpu.info.software,
    work: { flops, bytes },
    round: async () => (1000 * (await launch(times))) / times,
  };
}

/** All rows in use, one document of all rows, numbers around 0. Integers stay 0, which is a valid token. */
function fill(buffers: DeviceBuffers, inputs: readonly Tensor[]): void {
  const random = new PythonRandom(1);
  for (const { name, shape, dtype } of inputs) {
    const [R] = shape;
    if (name === 'spans')
      buffers.write(
        name,
        Uint32Array.from({ length: 2 * R }, (_, i) => (i % 2) * R),
      );
    else if (dtype === 'f32')
      buffers.write(
        name,
        Float32Array.from({ length: sizeOf(shape) }, () => random.random() - 0.5),
      );
  }
  const step = new ArrayBuffer(STEP_BYTES);
  new Uint32Array(step).set([0, inputs[0].shape[0]]);
  new Float32Array(step).set([1e-3, 0.1, 0.01], 2);
  buffers.write('step', new Uint32Array(step));
}
