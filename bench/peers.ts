// The same training in NumPy and PyTorch: same initial weights, same documents in the same order, same losses; how long?
//
//   npm run bench -- peers [--python PYTHON] [--torch-python PYTHON] [--shapes 1x16x4x16x1,…] [--rounds 5] [--steps N] [--matmul 512,1024]
//
// A shape is layers × width × heads × block × batch, trained on the names; a sixth number asks for random documents over a vocabulary
// of that size, which fill the block: 12x768x12x1024x1x50257 is GPT-2 small's shape. PYTHON are interpreters with NumPy and with PyTorch,
// python3 unless told; --matmul measures the ceiling of f32 products as well. What is not installed is listed as such.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Engine, EngineSpec } from '../src/engine/engine.ts';
import { lossBars, Peer, PEER_MODES, writeProblem } from '../src/cli/peer.ts';
import { createCpuEngine } from '../src/cpu/engine.ts';
import type { GpuDevice } from '../src/webgpu/adapter.ts';
import { modelFlops } from '../src/webgpu/cost.ts';
import { createWebGpuEngine } from '../src/webgpu/engine.ts';
import { whyNotResident } from '../src/webgpu/resident/step.ts';
import { tunedDevice } from './support/device.ts';
import { problemSpec } from './support/problem.ts';
import { Failures, runRounds, show } from './support/rounds.ts';
import type { Contestant } from './support/rounds.ts';

/** Of a step: f64 on the CPU is the reference up to here, and the CPU engine a contestant. */
const CPU_FLOPS = 2e9;

/** Of a step: a software adapter takes seconds for more. */
const SOFTWARE_FLOPS = 2e7;

const PEERS = fileURLToPath(new URL('./peers/', import.meta.url));

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      python: { type: 'string', default: 'python3' },
      'torch-python': { type: 'string', default: 'python3' },
      shapes: { type: 'string', default: '1x16x4x16x1,1x16x4x16x16,1x64x4x16x16' },
      rounds: { type: 'string', default: '5' },
      steps: { type: 'string' },
      matmul: { type: 'string' },
    },
  });
  const shapes = values.shapes.split(',').map((shape) => ({ shape, spec: problemSpec(shape) }));
  const device = await tunedDevice();
  const pythons = { numpy: values.python, torch: values['torch-python'] };
  const results: unknown[] = [];
  for (const { shape, spec } of shapes) {
    const flops = modelFlops(spec.model, spec.training.batchSize);
    const steps = values.steps === undefined ? stepsFor(flops) : Number(values.steps);
    console.log(`\n${shape}, ${steps} steps from the first on; µs a step`);
    const failures = new Failures();
    const found = await failures.guard(shape, () =>
      compare(spec, steps, device?.gpu, pythons, Number(values.rounds), failures),
    );
    results.push({ shape, steps, ...found, failed: failures.reasons });
  }
  const ceiling = values.matmul === undefined ? {} : { matmul: matmulCeiling(pythons.torch, values.matmul) };
  await device?.close();
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
    adapter: device?.gpu.info ?? null,
  };
  console.log(JSON.stringify({ bench: 'peers', unit: 'µs/step', machine, results, ...ceiling }));
}

function stepsFor(flops: number): number {
  if (flops <= 1e7) return 100;
  return flops <= 1e10 ? 20 : 3;
}

/** One shape: writes the problem, starts those that are installed, times all in turns and prints their rows. */
async function compare(
  spec: EngineSpec,
  steps: number,
  gpu: GpuDevice | undefined,
  pythons: Readonly<Record<'numpy' | 'torch', string>>,
  rounds: number,
  failures: Failures,
) {
  const ours = await ourEngines(spec, gpu, failures);
  const folder = mkdtempSync(join(tmpdir(), 'microgpt-peers-'));
  const contestants: Contestant[] = [];
  const peers: Peer[] = [];
  const missing: Record<string, string> = {};
  try {
    const { losses, bars } = await reference(spec, ours, steps);
    for (const [name, engine] of ours) {
      const contestant = await failures.guard(name, () => ourContestant(name, engine, losses, bars));
      if (contestant !== undefined) contestants.push(contestant);
    }
    writeProblem(folder, spec, losses, bars);
    for (const [kind, file, mode] of PEER_MODES) {
      const name = `${kind} ${mode}`;
      const peer = await failures.guard(name, () =>
        Peer.start(name, pythons[kind], [join(PEERS, file), folder, mode]),
      );
      if (typeof peer === 'string') {
        missing[name] = peer;
        console.log(`  ${name.padEnd(16)} not run: ${peer}`);
      } else if (peer !== undefined) {
        peers.push(peer);
        const { version, device, maxDifference } = peer.about;
        console.log(
          `  ${name.padEnd(16)} ${version} on ${device}, losses within ${maxDifference.toExponential(1)}`,
        );
      }
    }
    const timings = await runRounds([...contestants, ...peers], rounds, 42, failures);
    console.log(`  ${''.padEnd(16)} ${'median ± MAD'.padStart(22)} ${'shortest'.padStart(12)}`);
    for (const timing of timings) {
      const shortest = Math.min(...timing.rounds).toFixed(2);
      console.log(`  ${timing.name.padEnd(16)} ${show(timing).padStart(22)} ${shortest.padStart(12)}`);
    }
    return { timings, peers: peers.map(({ about }) => about), missing };
  } finally {
    for (const peer of peers) peer.stop();
    for (const [, engine] of ours) engine.dispose();
    rmSync(folder, { recursive: true });
  }
}

async function ourEngines(
  spec: EngineSpec,
  gpu: GpuDevice | undefined,
  failures: Failures,
): Promise<[string, Engine][]> {
  const flops = modelFlops(spec.model, spec.training.batchSize);
  const engines: [string, Engine][] = [];
  if (flops <= CPU_FLOPS) engines.push(['cpu', createCpuEngine(spec)]);
  if (!gpu || (gpu.info.software && flops > SOFTWARE_FLOPS)) return engines;
  const resident = whyNotResident(spec.model, spec.training) === undefined;
  for (const launch of resident ? (['graph', 'fused', 'resident'] as const) : (['graph', 'fused'] as const)) {
    const name = `${launch}${gpu.info.software ? ' (software)' : ''}`;
    const engine = await failures.guard(name, () => createWebGpuEngine(spec, { gpu, launch }));
    if (engine !== undefined) engines.push([name, engine]);
  }
  return engines;
}

/** The losses of the first steps, and how nearly they must be met: in f64, or, where that takes too long on a CPU, of the first engine on the GPU. */
async function reference(spec: EngineSpec, ours: readonly [string, Engine][], steps: number) {
  if (modelFlops(spec.model, spec.training.batchSize) <= CPU_FLOPS) {
    const losses = await createCpuEngine(spec, { precision: 'f64' }).advance(steps);
    const single = await createCpuEngine(spec, { variant: 'plain' }).advance(steps);
    return { losses, bars: lossBars(losses, single) };
  }
  if (ours.length === 0)
    throw new Error('A model of this size needs a GPU for its reference losses, and there is none.');
  const [, engine] = ours[0];
  const initial = await engine.state();
  const losses = await engine.advance(steps);
  await engine.load(initial);
  return { losses, bars: lossBars(losses) };
}

/** Each round trains anew from the initial values. Throws where the losses are wrong: a wrong answer has no speed. */
async function ourContestant(
  name: string,
  engine: Engine,
  losses: Float64Array,
  bars: readonly number[],
): Promise<Contestant> {
  const initial = await engine.state();
  const round = async () => {
    await engine.load(initial);
    const start = performance.now();
    const got = await engine.advance(losses.length);
    const microseconds = (1000 * (performance.now() - start)) / losses.length;
    const wrong = got.findIndex((loss, i) => !(Math.abs(loss - losses[i]) <= bars[i]));
    if (wrong >= 0) {
      const expected = `${losses[wrong]} within ${bars[wrong]}`;
      throw new Error(`loss of step ${wrong + 1} is ${got[wrong]}, expected ${expected}.`);
    }
    return microseconds;
  };
  for (let i = 0; i < 5; i++) await round(); // warms up compilers, and finds how many steps a submit may take
  return { name, round };
}

function matmulCeiling(python: string, sizes: string): unknown {
  try {
    const line = execFileSync(python, [join(PEERS, 'torch_matmul.py'), sizes], { encoding: 'utf8' });
    const result = JSON.parse(line) as { gflops: Record<string, number>; device: string };
    for (const [n, gflops] of Object.entries(result.gflops)) {
      console.log(`torch matmul f32 ${n}×${n}×${n}: ${gflops.toFixed(1)} GFLOP/s on ${result.device}`);
    }
    return result;
  } catch (error) {
    console.log(
      `torch matmul: not run: ${error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error)}`,
    );
    return null;
  }
}
