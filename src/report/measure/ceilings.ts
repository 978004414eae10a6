// What this device can do at most: multiply-adds that wait for nothing, and a triad that does little else than move memory.
// Both are written as plainly as the kernels are, so this is the ceiling of such WGSL, not of the chip's data sheet.

import type { GpuDevice } from '../../webgpu/adapter.ts';
import { pipelineFor } from '../../webgpu/pipelines.ts';
import type { ReadyDispatch } from '../../webgpu/launch.ts';

const WORKERS = 256;
/** Multiply-adds of each invocation that wait for none of the others: 4 chains of 4, enough to hide the latency of one. */
const CHAINS = 16;
/** How often they stand in the body of the loop, whose own instructions are few beside them. */
const UNROLLED = 8;

const ARITHMETIC = /* wgsl */ `
override TURNS: u32;
@group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
@compute @workgroup_size(${WORKERS}) fn arithmetic(@builtin(global_invocation_id) id: vec3u) {
  var a = vec4f(f32(id.x)); var b = a + 1.0; var c = a + 2.0; var d = a + 3.0;
  for (var i = 0u; i < TURNS; i++) {
${`    a = fma(a, vec4f(0.5), vec4f(1.0)); b = fma(b, vec4f(0.5), vec4f(1.0));
    c = fma(c, vec4f(0.5), vec4f(1.0)); d = fma(d, vec4f(0.5), vec4f(1.0));
`.repeat(UNROLLED)}  }
  out[id.x] = a + b + c + d;
}`;

const TRIAD = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> c: array<vec4f>;
@compute @workgroup_size(${WORKERS}) fn triad(@builtin(global_invocation_id) id: vec3u) {
  a[id.x] = fma(vec4f(0.5), c[id.x], b[id.x]);
}`;

const NOTHING = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64) fn nothing(@builtin(local_invocation_index) i: u32) { x[i] += 1.0; }`;

export interface CeilingKernels {
  readonly arithmetic: ReadyDispatch;
  /** Of one dispatch. */
  readonly flops: number;
  readonly triad: ReadyDispatch;
  readonly bytes: number;
  /** What a dispatch takes that does next to nothing. */
  readonly nothing: ReadyDispatch;
  destroy(): void;
}

/** Sizes of a real GPU: some milliseconds of work for the largest, and memory beyond its caches. Software gets little. */
export async function ceilingKernels(gpu: GpuDevice): Promise<CeilingKernels> {
  const { device, info } = gpu;
  const groups = info.software ? 4 : 4096;
  const turns = info.software ? 8 : 64;
  const room = device.limits.maxStorageBufferBindingSize;
  const size = info.software ? 2 ** 21 : Math.min(2 ** 27, 2 ** Math.floor(Math.log2(room)));
  const buffers: GPUBuffer[] = [];
  const ready = async (
    name: string,
    source: string,
    sizes: readonly number[],
    workgroups: number,
    constants: Record<string, number> = {},
  ): Promise<ReadyDispatch> => {
    const pipeline = await pipelineFor(gpu, { name, kernel: { source, entry: name } }, { constants });
    const entries = sizes.map((bytes, binding) => {
      const buffer = device.createBuffer({ label: name, size: bytes, usage: GPUBufferUsage.STORAGE });
      buffers.push(buffer);
      return { binding, resource: { buffer } };
    });
    const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    return { label: name, pipeline, bindGroup, workgroups: [workgroups, 1, 1] };
  };
  return {
    arithmetic: await ready('arithmetic', ARITHMETIC, [16 * groups * WORKERS], groups, { TURNS: turns }),
    flops: 2 * CHAINS * UNROLLED * turns * groups * WORKERS,
    triad: await ready('triad', TRIAD, [size, size, size], size / 16 / WORKERS),
    bytes: 3 * size,
    nothing: await ready('nothing', NOTHING, [256], 1),
    destroy() {
      for (const buffer of buffers) buffer.destroy();
    },
  };
}
