// How fast are the matrix products on the GPU, variant by variant?
//
//   npm run bench -- matmul [--sizes 1024,4096] [--shapes square,gpt2,microgpt] [--only TEXT] [--rounds N]
//
// linear and its two derivatives are the three transpositions. Each variant's result is first compared with f64, at
// elements from all over the matrix; then all variants of a shape are timed in turns. On a software adapter the sizes
// are small unless told, and the figures are no GPU's.

import { parseArgs } from 'node:util';
import type { Launch, Op, Shape } from '../src/graph/op.ts';
import { sizeOf, STEP_BYTES } from '../src/graph/op.ts';
import { linear, linearGradW, linearGradX } from '../src/ops/linear.ts';
import { partsFor } from '../src/ops/product.ts';
import { adapterName, openDevice } from '../src/webgpu/adapter.ts';
import type { GpuDevice } from '../src/webgpu/adapter.ts';
import type { ReadyDispatch } from '../src/webgpu/launch.ts';
import { nodeGpu } from '../src/webgpu/node-gpu.ts';
import { bindOperands, pipelineFor } from '../src/webgpu/pipelines.ts';
import { Stopwatch } from '../src/webgpu/stopwatch.ts';
import { Failures, runRounds } from './support/rounds.ts';

/** Rows, outputs and inputs of a linear layer. */
type Layer = readonly [name: string, R: number, O: number, I: number];

const GPT2: readonly Layer[] = [
  ['gpt2 q, k, v', 4096, 2304, 768],
  ['gpt2 wo', 4096, 768, 768],
  ['gpt2 fc1', 4096, 3072, 768],
  ['gpt2 fc2', 4096, 768, 3072],
  ['gpt2 head', 4096, 50_304, 768],
];
const MICROGPT: readonly Layer[] = [
  ['d16 b1 wq', 16, 16, 16],
  ['d16 b16 fc1', 256, 64, 16],
  ['d16 b128 head', 2048, 27, 16],
  ['d64 b16 fc1', 256, 256, 64],
  ['d256 b16 fc2', 256, 256, 1024],
];

/** 1e-5 relative to the root of the number of terms, which is the size of a sum of so many. */
const BAR = 1e-5;
/** A round takes about so long. */
const ROUND_MS = 20;

interface Result {
  readonly layer: string;
  readonly op: string;
  readonly shapes: readonly Shape[];
  readonly variant: string;
  readonly standard: boolean;
  readonly milliseconds: number;
  readonly mad: number;
  readonly gflops: number;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      sizes: { type: 'string' },
      shapes: { type: 'string' },
      only: { type: 'string', default: '' },
      rounds: { type: 'string', default: '5' },
    },
  });
  const gpu = await openDevice(await nodeGpu());
  const { software } = gpu.info;
  const sizes = (values.sizes ?? (software ? '64,100,256' : '256,512,1024,2048,4096')).split(',').map(Number);
  const wanted = (values.shapes ?? (software ? 'square,microgpt' : 'square,gpt2,microgpt')).split(',');
  const layers: Layer[] = [
    ...(wanted.includes('square') ? sizes.map((n): Layer => [`${n}³`, n, n, n]) : []),
    ...(wanted.includes('gpt2') ? GPT2 : []),
    ...(wanted.includes('microgpt') ? MICROGPT : []),
  ];
  console.log(adapterName(gpu.info));

  const results: Result[] = [];
  const failures = new Failures();
  const stopwatch = new Stopwatch(gpu);
  for (const [layer, R, O, I] of layers) {
    const products: [Op, [number, number], [number, number], number][] = [
      [linear, [R, I], [O, I], 1],
      [linearGradX, [R, O], [O, I], 1],
      [linearGradW, [R, O], [R, I], partsFor(O, I, R)],
    ];
    for (const [op, a, b, parts] of products) {
      const name = `${layer} ${op.name}`;
      if (!name.includes(values.only)) continue;
      const some = await measure(gpu, stopwatch, op, [a, b], { parts }, Number(values.rounds), failures);
      console.log(`${name} ${JSON.stringify([a, b])}${parts > 1 ? ` in ${parts} parts` : ''}`);
      for (const timing of some) {
        const { variant, standard, milliseconds, gflops } = timing;
        const mark = standard ? '*' : ' ';
        console.log(
          `  ${mark} ${variant.padEnd(28)} ${milliseconds.toFixed(4).padStart(10)} ms ${gflops.toFixed(1).padStart(10)} GFLOP/s`,
        );
        results.push({ layer, op: op.name, shapes: [a, b], ...timing });
      }
    }
  }
  stopwatch.destroy();
  console.log('* what is taken where nothing was measured');
  console.log(JSON.stringify({ bench: 'matmul', adapter: gpu.info, results }));
  gpu.destroy();
}

/** All variants of one product, on one set of buffers: checked, then timed in turns. */
async function measure(
  gpu: GpuDevice,
  stopwatch: Stopwatch,
  op: Op,
  shapes: readonly [[number, number], [number, number]],
  attrs: { readonly parts: number },
  rounds: number,
  failures: Failures,
): Promise<Omit<Result, 'layer' | 'op' | 'shapes'>[]> {
  const { device } = gpu;
  const [a, b] = shapes.map((shape, i) => noise(sizeOf(shape), i));
  const [outShape] = op.infer(shapes, attrs, '');
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const step = device.createBuffer({ size: STEP_BYTES, usage: usage | GPUBufferUsage.UNIFORM });
  device.queue.writeBuffer(step, 0, Uint32Array.of(0, shapes[0][0])); // a's rows are the batch's in all three
  const upload = (data: Float32Array<ArrayBuffer>) => {
    const buffer = device.createBuffer({ size: data.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  };
  const operands = [upload(a), upload(b), device.createBuffer({ size: 4 * sizeOf(outShape), usage })];
  try {
    const standard = op.kernel.launch(shapes, attrs).variant;
    const ready: { launch: Launch; dispatch: ReadyDispatch; times: number }[] = [];
    for (const launch of op.kernel.variants!(shapes, attrs, device.limits)) {
      const timed = await failures.guard(`${op.name} ${launch.variant}`, async () => {
        const pipeline = await pipelineFor(gpu, op, launch);
        const resources = operands.map((buffer) => ({ buffer }));
        const bindGroup = bindOperands(gpu, { op, where: '' }, pipeline, { buffer: step }, resources);
        const dispatch = { label: launch.variant!, pipeline, bindGroup, workgroups: launch.workgroups };
        device.queue.writeBuffer(
          operands[2],
          0,
          new Float32Array(Math.min(sizeOf(outShape), 1024)).fill(NaN),
        );
        await stopwatch.run(dispatch, 1);
        await check(gpu, op, launch.variant!, shapes, [a, b], operands[2], outShape);
        const once = await stopwatch.run(dispatch, 1);
        return { launch, dispatch, times: Math.max(1, Math.min(1000, Math.round(ROUND_MS / once))) };
      });
      if (timed !== undefined) ready.push(timed);
    }
    const contestants = ready.map(({ launch, dispatch, times }) => ({
      name: launch.variant!,
      round: async () => (await stopwatch.run(dispatch, times)) / times,
    }));
    const flops = op.flops(shapes, attrs);
    return (await runRounds(contestants, rounds, 1, failures, { tell: false })).map(
      ({ name, mad, rounds: all }) => {
        const milliseconds = Math.min(...all);
        return {
          variant: name,
          standard: name === standard,
          milliseconds,
          mad,
          gflops: flops / milliseconds / 1e6,
        };
      },
    );
  } finally {
    for (const buffer of [step, ...operands]) buffer.destroy();
  }
}

/** Compares elements of the result with f64; of a result in parts, the sum of the parts. Throws where one is wrong. */
async function check(
  gpu: GpuDevice,
  op: Op,
  variant: string,
  [[aRows, aWidth], [, bWidth]]: readonly [[number, number], [number, number]],
  [a, b]: readonly Float32Array[],
  out: GPUBuffer,
  shape: Shape,
): Promise<void> {
  const [parts, M, N] = shape.length === 3 ? shape : [1, ...shape];
  const K = op === linearGradW ? aRows : aWidth;
  const aAt = (m: number, k: number) => (op === linearGradW ? a[k * aWidth + m] : a[m * aWidth + k]);
  const bAt = (k: number, n: number) => (op === linear ? b[n * bWidth + k] : b[k * bWidth + n]);
  const got = await readAll(gpu, out);
  for (let i = 0; i < 300; i++) {
    const m = i < 4 ? (i & 1) * (M - 1) : Math.floor((i * 0.618_034 * M) % M);
    const n = i < 4 ? (i >> 1) * (N - 1) : Math.floor((i * 0.414_214 * N) % N);
    let expected = 0;
    for (let k = 0; k < K; k++) expected += aAt(m, k) * bAt(k, n);
    let sum = 0;
    for (let p = 0; p < parts; p++) sum += got[(p * M + m) * N + n];
    if (!(Math.abs(sum - expected) <= BAR * Math.sqrt(K))) {
      throw new Error(`${op.name} ${variant}: element (${m}, ${n}) is ${sum}, expected ${expected}.`);
    }
  }
}

async function readAll({ device }: GpuDevice, source: GPUBuffer): Promise<Float32Array> {
  const staging = device.createBuffer({
    size: source.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const copy = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return copy;
}

/** Numbers in −1 … 1, quickly: a matrix of 4,096² has 17 million. */
function noise(size: number, seed: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(size);
  let x = seed + 1;
  for (let i = 0; i < size; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
    values[i] = x / 2 ** 31;
  }
  return values;
}
