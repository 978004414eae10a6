// How many steps of microgpt.py's model are trained in a second, of all models of a population together: on the device, a
// workgroup per model, and on the CPU engine, on one core and on all of them?
//
//   npm run bench -- population [--sizes 1,16,128,512] [--rounds N] [--milliseconds N] [--cores N]
//
// A round takes about so many milliseconds.

import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { createCpuEngine } from '../src/cpu/engine.ts';
import { startWorkers, type WasmWorker } from '../src/cpu/workers.ts';
import { BUILTIN_DOCUMENTS } from '../src/data/builtin-names.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../src/config/config.ts';
import { axesOf } from '../src/train/sweep-grid.ts';
import type { AdapterInfo, Engine } from '../src/engine/engine.ts';
import { partOf, specOf } from '../src/engine/models.ts';
import { sweepSource } from '../src/train/sweep.ts';
import { adapterName, openDevice, type GpuDevice } from '../src/webgpu/adapter.ts';
import { nodeGpu } from '../src/webgpu/node-gpu.ts';
import { createWebGpuEngine } from '../src/webgpu/engine.ts';
import { Failures, runRounds, show, type Contestant, type Timing } from './support/rounds.ts';

/** Steps that are compared before anything is timed, and 1e-5: f32 on another device. */
const CHECKED = 4;
const BAR = 1e-5;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      sizes: { type: 'string', default: '1,16,128,512' },
      rounds: { type: 'string', default: '7' },
      milliseconds: { type: 'string', default: '500' },
      cores: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const milliseconds = Number(values.milliseconds);
  const rounds = Number(values.rounds);
  const failures = new Failures();
  const gpu = await openDevice(await nodeGpu()).catch((error: Error) => {
    console.log(`no device: ${error.message}`);
    return undefined;
  });
  const workers = startWorkers(Number(values.cores));
  try {
    const contestants: Contestant[] = [
      await timed('cpu, one core', onCpu(), milliseconds),
      await timed(`cpu, ${workers.length} cores`, onCpu(0, workers), milliseconds),
    ];
    if (gpu !== undefined)
      contestants.push(...(await deviceContestants(gpu, values.sizes, milliseconds, failures)));
    report(await runRounds(contestants, rounds, 42, failures), gpu?.info);
  } finally {
    for (const worker of workers) worker.end();
    gpu?.destroy();
  }
}

async function deviceContestants(
  gpu: GpuDevice,
  sizes: string,
  milliseconds: number,
  failures: Failures,
): Promise<Contestant[]> {
  console.log(`adapter: ${adapterName(gpu.info)}`);
  if (gpu.info.software) console.log('A software adapter: evidence of correctness, and no GPU result.');
  const contestants: Contestant[] = [];
  for (const size of sizes.split(',').map(Number)) {
    const name = `device, ${size}`;
    const contestant = await failures.guard(name, async () => {
      const population = await onDevice(gpu, size);
      await check(population, size);
      return timed(name, population, milliseconds);
    });
    if (contestant !== undefined) contestants.push(contestant);
  }
  return contestants;
}

function report(timings: readonly Timing[], adapter: AdapterInfo | undefined): void {
  const [one] = timings;
  const rounds = one.rounds.length;
  console.log(`model-steps/s: median ± MAD of ${rounds} rounds, and as a multiple of ${one.name}`);
  for (const timing of timings) {
    const ratio = (timing.median / one.median).toFixed(2);
    console.log(`${timing.name.padEnd(16)} ${show(timing, 0).padStart(20)} ${ratio.padStart(9)}×`);
  }
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version, adapter };
  console.log(JSON.stringify({ bench: 'population', unit: 'model-steps/s', timings, machine }));
}

/** Models that differ in their seeds, with more steps than anyone will train. */
function source(size: number) {
  const seed = Array.from({ length: size }, (_, i) => i);
  return sweepSource({
    documents: BUILTIN_DOCUMENTS,
    model: DEFAULT_MODEL,
    training: { ...DEFAULT_TRAINING, steps: 100_000_000 },
    axes: { ...axesOf(DEFAULT_TRAINING), seed },
  });
}

/** One model in this thread, or one in each worker. */
function onCpu(seed = 0, workers: readonly WasmWorker[] = []): Engine {
  const size = Math.max(1, workers.length);
  const all = source(seed + size);
  const members = Array.from({ length: size }, (_, i) => all.member(seed + i));
  return createCpuEngine(specOf(all, members), { workers });
}

function onDevice(gpu: GpuDevice, size: number): Promise<Engine> {
  const all = source(size);
  const members = Array.from({ length: size }, (_, i) => all.member(i));
  return createWebGpuEngine(specOf(all, members), { gpu, launch: 'resident' });
}

/** Throws where the first or the last model does not train as it does on the CPU: a wrong answer has no speed. */
async function check(population: Engine, size: number): Promise<void> {
  const losses = await population.advance(CHECKED);
  for (const model of [0, size - 1]) {
    const expected = await onCpu(model).advance(CHECKED);
    for (const [step, loss] of partOf(losses, model, size).entries()) {
      if (Math.abs(loss - expected[step]) <= BAR) continue;
      throw new Error(
        `model ${model} of ${size}: loss of step ${step + 1} is ${loss}, expected ${expected[step]}.`,
      );
    }
  }
}

/** Rounds of as many steps as fit into the time. */
async function timed(name: string, population: Engine, milliseconds: number): Promise<Contestant> {
  let k = 1;
  const round = async () => {
    const start = performance.now();
    await population.advance(k);
    const elapsed = performance.now() - start;
    const rate = (1000 * population.size * k) / elapsed;
    k = Math.max(1, Math.min(4 * k, Math.round((k * milliseconds) / elapsed)));
    return rate;
  };
  for (let i = 0; i < 8; i++) await round(); // finds k, and lets the compiler warm up
  return { name, round };
}
