// What does each kernel of a training step take, and how near is it to what the machine can do?
//
//   npm run bench -- kernels [--shapes micro,small,gpt2] [--launch graph,fused] [--rounds N]
//
// Every dispatch of a real plan is timed on its own, many times in a row, on what a real step left in its buffers. Kernels are
// checked against f64 before. Time is the GPU's own where it has timestamps, else that of the whole submit. `gpt2` is one
// layer of GPT-2 small with its vocabulary; its other eleven take the same kernels.

import { parseArgs } from 'node:util';
import type { Dispatch } from '../src/graph/plan.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING, type ModelConfig } from '../src/config/config.ts';
import { trainingPlan } from '../src/model/plans.ts';
import { parameterLayout } from '../src/model/parameters.ts';
import { packCorpus } from '../src/ops/batch.ts';
import { PythonRandom } from '../src/util/python-random.ts';
import { verifyKernels } from '../src/verify/kernels.ts';
import { adapterName, openDevice } from '../src/webgpu/adapter.ts';
import type { GpuDevice } from '../src/webgpu/adapter.ts';
import { DeviceBuffers } from '../src/webgpu/buffers.ts';
import { LAUNCHERS, prepareDispatches, RULES } from '../src/webgpu/launch.ts';
import { nodeGpu } from '../src/webgpu/node-gpu.ts';
import { runOnDevice } from '../src/webgpu/run-op.ts';
import { Stopwatch } from '../src/webgpu/stopwatch.ts';
import { Failures, runRounds, show } from './support/rounds.ts';
import type { Contestant } from './support/rounds.ts';

interface Shape extends ModelConfig {
  readonly batchSize: number;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  micro: { ...DEFAULT_MODEL, vocabSize: 27, batchSize: 1 },
  small: { ...DEFAULT_MODEL, nLayer: 1, nEmbd: 64, nHead: 2, blockSize: 128, vocabSize: 512, batchSize: 2 },
  gpt2: {
    ...DEFAULT_MODEL,
    nLayer: 1,
    nEmbd: 768,
    nHead: 12,
    blockSize: 1024,
    vocabSize: 50_304,
    batchSize: 4,
  },
};

export async function main(args: string[]): Promise<void> {
  const gpu = await openDevice(await nodeGpu());
  const { software } = gpu.info;
  const { values } = parseArgs({
    args,
    options: {
      shapes: { type: 'string', default: software ? 'micro,small' : 'micro,small,gpt2' },
      launch: { type: 'string', default: 'graph,fused' },
      rounds: { type: 'string', default: '5' },
    },
  });
  console.log(`adapter: ${adapterName(gpu.info)}`);
  const results: object[] = [];
  const failures = new Failures();
  for (const name of values.shapes.split(',')) {
    const shape = SHAPES[name];
    if (shape === undefined)
      throw new Error(`--shapes: expected ${Object.keys(SHAPES).join(', ')}, got ${name}.`);
    for (const launch of values.launch.split(',')) {
      if (launch !== 'graph' && launch !== 'fused')
        throw new Error(`--launch: expected graph or fused, got ${launch}.`);
      const rows = await failures.guard(`${name}, ${launch}`, () =>
        timePlan(gpu, name, shape, launch, Number(values.rounds), failures),
      );
      results.push(...(rows ?? []));
    }
  }
  gpu.destroy();
  console.log(JSON.stringify({ bench: 'kernels', unit: 'µs', adapter: gpu.info, results }));
}

async function timePlan(
  gpu: GpuDevice,
  name: string,
  { batchSize, ...model }: Shape,
  launch: 'graph' | 'fused',
  rounds: number,
  failures: Failures,
): Promise<object[]> {
  const random = new PythonRandom(5);
  const T = model.blockSize;
  const offsets = Uint32Array.from({ length: batchSize + 1 }, (_, i) => i * (T + 1));
  const tokens = Uint32Array.from({ length: offsets[batchSize] }, () =>
    Math.floor(random.random() * model.vocabSize),
  );
  const corpus = packCorpus({ count: batchSize, tokens, offsets });
  const layout = parameterLayout(model);
  const training = { ...DEFAULT_TRAINING, batchSize };
  const size = { length: corpus.length, documents: batchSize };
  const plan = trainingPlan(model, training, layout, size, RULES[launch]);
  await checkOps(gpu, plan.dispatches);

  const buffers = await DeviceBuffers.create(gpu, plan);
  buffers.write('corpus', corpus);
  buffers.write(
    'parameters',
    Float32Array.from({ length: layout.length }, () => (random.random() - 0.5) / 4),
  );
  const ready = await prepareDispatches(gpu, plan, buffers);
  LAUNCHERS.graph(gpu.device, ready, 1, () => undefined); // leaves every tensor of a step behind

  const stopwatch = new Stopwatch(gpu);
  const contestants: Contestant[] = [];
  for (const dispatch of ready) {
    const aim = gpu.info.software ? 10_000 : 5_000;
    const microseconds = async (times: number) => 1000 * (await stopwatch.run(dispatch, times));
    let times = 1;
    for (let took = await microseconds(1); took < aim / 2 && times < 4096; took = await microseconds(times))
      times = Math.ceil(times * Math.min(4, aim / Math.max(took, 1)));
    contestants.push({
      name: dispatch.label,
      round: async () => (await microseconds(times)) / times,
    });
  }
  const timings = await runRounds(contestants, rounds, 42, failures, { tell: false });
  stopwatch.destroy();
  buffers.destroy();

  const total = timings.reduce((sum, timing) => sum + timing.median, 0);
  console.log(
    `\n${name}, ${launch}: ${plan.dispatches.length} dispatches, ${total.toFixed(0)} µs in all, by ${stopwatch.clock}`,
  );
  console.log(`${''.padEnd(40)}${['µs', 'share', 'GFLOP/s', 'GB/s'].map((s) => s.padStart(14)).join('')}`);
  return timings.map((timing) => {
    const { flops, bytes } = plan.dispatches[timing.index];
    const cells = [
      show(timing, 1),
      `${((100 * timing.median) / total).toFixed(1)}%`,
      (flops / timing.median / 1e3).toFixed(2),
      (bytes / timing.median / 1e3).toFixed(2),
    ];
    console.log(timing.name.padEnd(40) + cells.map((cell) => cell.padStart(14)).join(''));
    return { shapes: name, launch, flops, bytes, ...timing };
  });
}

/** Throws where a kernel of the plan is wrong: a wrong answer has no speed. */
async function checkOps(gpu: GpuDevice, dispatches: readonly Dispatch[]): Promise<void> {
  const ops = [...new Set(dispatches.map(({ node }) => node.op))];
  const run: Parameters<typeof verifyKernels>[1] = (op, example) => runOnDevice(gpu, op, example);
  for await (const check of verifyKernels('kernels', run, { ops, cases: 2 })) {
    if (!check.passed) throw new Error(`${check.name}: off by ${check.error} at ${check.detail}.`);
  }
}
