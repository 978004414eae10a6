// Phases of known work inside one dispatch of one workgroup, as a resident step has them.

import type { GpuDevice } from '../../webgpu/adapter.ts';
import { pipelineFor } from '../../webgpu/pipelines.ts';
import { residentWidth } from '../../webgpu/resident.ts';
import { Readback } from '../../webgpu/steps.ts';
import { defaultSetting } from './setting.ts';
import type { PhaseRun, PhaseRunner } from './workgroup.ts';

/**
 * In each phase an invocation takes its neighbour's number of the phase before, and adds a sum of products that is 1: so what comes out
 * is the number of phases, if each barrier held and each multiply-add was made. As in a step of resident, both factors come from
 * workgroup memory in packs of four, a row is shared, weights are skewed over the banks, and a sum's length is a constant.
 * The row is written anew in each phase, so that no compiler takes the sums out of the loop.
 */
export const PHASES = /* wgsl */ `
override WORKERS: u32;
override PACKS: u32;  // of four multiply-adds
override ROW: u32;  // PACKS, or 1 where there are none
override WEIGHTS: u32;  // ROWS rows of them, skewed
struct Run { phases: u32, invocations: u32 }
const ROWS = 16u;
const SKEW = 8u;
@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
override NUMBERS = 2 * WORKERS;  // by name: wgpu takes no expression as an array's length
override ONES = 2 * ROW;
var<workgroup> numbers: array<f32, NUMBERS>;  // of the phase before and of this one, in turns
var<workgroup> ones: array<vec4f, ONES>;  // likewise
var<workgroup> weights: array<vec4f, WEIGHTS>;
fn add_dot(sum: f32, a: vec4f, b: vec4f) -> f32 {
  return sum + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}
@compute @workgroup_size(WORKERS) fn phases(@builtin(local_invocation_index) worker: u32) {
  for (var i = worker; i < NUMBERS; i += WORKERS) { numbers[i] = 0; }
  for (var i = worker; i < ONES; i += WORKERS) { ones[i] = vec4f(1); }
  for (var i = worker; i < WEIGHTS; i += WORKERS) { weights[i] = vec4f(0.25 / f32(ROW)); }
  workgroupBarrier();
  for (var p = 0u; p < run.phases; p++) {
    let before = p % 2;
    let now = 1 - before;
    if (worker < run.invocations) {
      var sum = numbers[before * WORKERS + (worker + 1) % run.invocations] + select(0.0, 1.0, PACKS == 0);
      let row = worker % ROWS * PACKS;
      for (var k = 0u; k < PACKS; k++) {
        sum = add_dot(sum, ones[before * ROW + k], weights[row + k + (row + k) / SKEW]);
      }
      numbers[now * WORKERS + worker] = sum;
    }
    if (worker < ROW) { ones[now * ROW + worker] = vec4f(1); }
    workgroupBarrier();
  }
  if (worker < run.invocations) { out[worker] = numbers[run.phases % 2 * WORKERS + worker]; }
}`;

/** ROWS and SKEW of the shader. */
const ROWS = 16;
const SKEW = 8;

/** Of so many multiply-adds for each invocation, a multiple of four. */
export function phaseConstants(workers: number, multiplyAdds: number): Record<string, number> {
  const packs = multiplyAdds / 4;
  const row = Math.max(1, packs);
  return { WORKERS: workers, PACKS: packs, ROW: row, WEIGHTS: ROWS * row + Math.ceil((ROWS * row) / SKEW) };
}

/** A workgroup with as many invocations as resident takes for the default model on this adapter. */
export async function workgroupRunner(gpu: GpuDevice): Promise<PhaseRunner> {
  const { device } = gpu;
  const workers = await residentWidth(defaultSetting().spec, gpu);
  const out = device.createBuffer({
    label: 'phases',
    size: 4 * workers,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
  });
  const readback = new Readback(gpu, 'phases', out.size);
  const prepared = new Map<string, Promise<Prepared>>();
  const prepare = async ({ phases, invocations, multiplyAdds }: PhaseRun): Promise<Prepared> => {
    const constants = phaseConstants(workers, multiplyAdds);
    const kernel = { name: 'phases', kernel: { source: PHASES, entry: 'phases' } };
    const pipeline = await pipelineFor(gpu, kernel, { constants });
    const run = device.createBuffer({
      label: 'phases',
      size: 16,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(run, 0, Uint32Array.of(phases, invocations));
    const entries = [run, out].map((buffer, binding) => ({ binding, resource: { buffer } }));
    return {
      pipeline,
      bindGroup: device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }),
    };
  };
  return {
    workers,
    async run(phaseRun) {
      const key = JSON.stringify(phaseRun);
      if (!prepared.has(key)) prepared.set(key, prepare(phaseRun));
      const { pipeline, bindGroup } = await prepared.get(key)!;
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(1);
      pass.end();
      readback.copy(encoder, out);
      device.queue.submit([encoder.finish()]);
      return new Float32Array(await readback.bytes(), 0, phaseRun.invocations);
    },
  };
}

interface Prepared {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
}
