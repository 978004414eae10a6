// Kernels that do nothing, or a known amount of work, launched in every way that the experiment asks for.

import type { GpuDevice } from '../../webgpu/adapter.ts';
import { pipelineFor } from '../../webgpu/pipelines.ts';
import { Readback } from '../../webgpu/steps.ts';
import type { LaunchRunner } from './launch.ts';

/** Reads one number. Nothing is written, so two of these may run at once. */
const READING = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@compute @workgroup_size(64) fn reading(@builtin(local_invocation_index) i: u32) {
  if (x[0] > 1e30) { _ = x[i]; }
}`;

/** Writes a number that it has read: the next one has to wait. */
const WRITING = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64) fn writing(@builtin(local_invocation_index) i: u32) {
  x[i] = x[i] + 1.0;
}`;

/** Multiply-adds of each of 64 invocations, one after another: the known work. */
export const WORK_STEPS = 512;

const WORKING = /* wgsl */ `
override STEPS: u32;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64) fn working(@builtin(local_invocation_index) i: u32) {
  var y = x[i];
  for (var k = 0u; k < STEPS; k++) { y = fma(y, 0.5, 1.0); }
  x[i] = y;
}`;

/** Encodes as the engines do: pipeline and bind group are set where they change, one dispatch after another. */
export async function launchRunner(gpu: GpuDevice): Promise<LaunchRunner> {
  const { device } = gpu;
  const data = device.createBuffer({
    label: 'launch',
    size: 256,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
  });
  const readback = new Readback(gpu, 'launch', data.size);
  const kernel = async (name: string, source: string, constants = {}) => {
    const pipeline = await pipelineFor(gpu, { name, kernel: { source, entry: name } }, { constants });
    const group = () =>
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer: data } }],
      });
    // Two that are the same: a dispatch of a step brings a bind group of its own.
    return { pipeline, groups: [group(), group()] };
  };
  const reading = await kernel('reading', READING);
  const writing = await kernel('writing', WRITING);
  const working = await kernel('working', WORKING, { STEPS: WORK_STEPS });

  return async ({ kernel: kind, dependent, dispatches, passes, submits, readbacks }) => {
    const { pipeline, groups } = kind === 'work' ? working : dependent ? writing : reading;
    for (let r = 0; r < readbacks; r++) {
      for (let s = 0; s < submits; s++) {
        const encoder = device.createCommandEncoder();
        for (let p = 0; p < passes; p++) {
          const pass = encoder.beginComputePass();
          pass.setPipeline(pipeline);
          for (let d = 0; d < dispatches; d++) {
            pass.setBindGroup(0, groups[d % 2]);
            pass.dispatchWorkgroups(1);
          }
          pass.end();
        }
        if (s === submits - 1) readback.copy(encoder, data);
        device.queue.submit([encoder.finish()]);
      }
      await readback.bytes();
    }
  };
}
