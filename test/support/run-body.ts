// One op as one workgroup computes it inside `resident`: a plan of one node, through the emitter, with all operands among the values.

import { Graph } from '../../src/graph/graph.ts';
import type { Tensor } from '../../src/graph/graph.ts';
import { dtypeOf, operandNames, sizeOf } from '../../src/graph/op.ts';
import type { Op, OpCase } from '../../src/graph/op.ts';
import type { Plan, View } from '../../src/graph/plan.ts';
import { runReference, type OpResult } from '../../src/graph/reference.ts';
import { epsilonInF32 } from '../../src/ops/adam.ts';
import { float } from '../../src/ops/support.ts';
import type { GpuDevice } from '../../src/webgpu/adapter.ts';
import { pipelineFor } from '../../src/webgpu/pipelines.ts';
import { stepSource } from '../../src/webgpu/resident/emit.ts';
import { ResidentStep } from '../../src/webgpu/resident/step.ts';

/** A plan of one node, each of whose operands has a region of its own. */
export function planOfOne(op: Op, { shapes, attrs }: OpCase): { plan: Plan; tensors: Map<string, Tensor> } {
  const graph = new Graph();
  const names = operandNames(op);
  const sources = names.map((name, i) => graph.source(name, shapes[i], dtypeOf(op, name)));
  const node = graph.add(op, sources, attrs);
  const outputs = node.outputs.slice(0, op.outputs.length);
  const all = [...sources, ...outputs];
  const view = (tensor: Tensor): View => ({
    buffer: all.indexOf(tensor),
    offset: 0,
    length: sizeOf(tensor.shape),
  });
  const tensors = new Map([...names, ...op.outputs].map((name, i) => [name, all[i]]));
  const buffers = [...tensors].map(([name, { dtype, shape }]) => ({
    // Under its own name the kernel keeps it elsewhere than among the values.
    name: name === 'step' ? name : `${name} of the test`,
    kind: 'region' as const,
    dtype,
    length: sizeOf(shape),
  }));
  const dispatch = {
    node,
    label: op.name,
    inputs: sources.map(view),
    outputs: outputs.map(view),
    changes: [],
    bytes: 0,
    flops: 0,
  };
  const launch = op.kernel.launch(shapes, attrs);
  return { plan: { buffers, dispatches: [{ ...dispatch, launch }] }, tensors };
}

/** In place of the frame of shaders/lib/resident.wgsl. */
function frame({ attrs, step }: OpCase, index: number): string {
  const { beta1 = 0, beta2 = 0, eps = 0, documents = 1 } = attrs;
  const adam = [beta1, 1 - beta1, beta2, 1 - beta2, epsilonInF32(eps)].map(float);
  const rate = [step.learningRate, step.correction1, step.correction2].map(float);
  return `
override WORKERS: u32;
const DOCUMENTS = ${documents}u;
const LOWEST = -3.4e38;
struct Run { train: u32 }
const run = Run(1);
@group(0) @binding(0) var<storage, read_write> rows_of_step: u32;
@group(0) @binding(3) var<storage, read_write> parameters: array<Pack>;
var<private> worker: u32;
var<private> model: u32;
var<private> index: u32 = ${index};
var<private> rows: u32 = ${step.rows};
var<private> moments: Moments = Moments(${adam.join(', ')});
var<private> rate: vec3f = vec3f(${rate.join(', ')});
fn document_at(n: u32) -> u32 { return n % DOCUMENTS; }
@compute @workgroup_size(WORKERS)
fn one(@builtin(local_invocation_index) invocation: u32) {
  worker = invocation;
  step();
  if (worker == 0) { rows_of_step = rows; }
}`;
}

export async function runBody(gpu: GpuDevice, op: Op, example: OpCase, workers = 32): Promise<OpResult> {
  const { device } = gpu;
  const { plan, tensors } = planOfOne(op, example);
  const step = new ResidentStep(plan);
  const { parts, pack } = step;
  const index = op.writesStep ? example.inputs[1][0] : example.step.index;
  const source = `${frame(example, index)}\n${stepSource(parts, { weights: 'storage', values: 'storage' })}`;
  const named = { name: `body of ${op.name}`, kernel: { source, entry: 'one' } };
  const pipeline = await pipelineFor(gpu, named, { source, constants: { WORKERS: workers } });

  const slotOf = (name: string) => parts.lowered.slotOf(tensors.get(name)!)!;
  const values = new Float32Array(Math.max(step.values, 1));
  const accessed = (name: string) => parts.schedule.lives.has(slotOf(name));
  operandNames(op).forEach((name, i) => {
    if (accessed(name)) values.set(Float32Array.from(example.inputs[i]), pack * slotOf(name).at);
  });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const [rows, buffer] = [4, values.byteLength].map((size) => device.createBuffer({ size, usage }));
  const size = rows.size + buffer.size;
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  try {
    device.queue.writeBuffer(buffer, 0, values);
    const entries = [
      { binding: 0, resource: { buffer: rows } },
      { binding: 8, resource: { buffer } },
    ];
    const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(rows, 0, staging, 0, rows.size);
    encoder.copyBufferToBuffer(buffer, 0, staging, rows.size, buffer.size);
    device.queue.submit([encoder.finish()]);
    await gpu.settle(staging.mapAsync(GPUMapMode.READ));
    const bytes = staging.getMappedRange();
    const got = new Float32Array(bytes, 4);
    const expected = runReference(op, example);
    const read = new Map(
      [...expected.tensors.keys()].map((name) => {
        // The kernel's frame counts steps and holds the scalars of one.
        if (!accessed(name)) return [name, expected.tensors.get(name)!];
        const first = pack * slotOf(name).at;
        const own = got.slice(first, first + sizeOf(tensors.get(name)!.shape));
        return [name, dtypeOf(op, name) === 'u32' ? Uint32Array.from(own) : own];
      }),
    );
    const [rowsOfStep] = new Uint32Array(bytes, 0, 1);
    gpu.check();
    return { tensors: read, step: { ...expected.step, rows: rowsOfStep } };
  } finally {
    for (const own of [rows, buffer, staging]) own.destroy();
  }
}
