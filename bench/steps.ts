// What does a training step of microgpt.py's own configuration take, on each engine and under CPython?
//
//   npm run bench -- steps [--python FILE] [--engines oracle,plain,cpu,webgpu] [--rounds N] [--steps N]
//
// FILE is microgpt.py; without it only our engines are timed. All train from the first step on, on the
// same documents, so they do the same work. A round is a fresh run of N steps; engines that need less
// than a millisecond for one are timed over all of them together.

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Engine, EngineSpec } from '../src/engine/engine.ts';
import { createCpuEngine } from '../src/cpu/engine.ts';
import { createOracleEngine } from '../src/oracle/engine.ts';
import { adapterName } from '../src/webgpu/adapter.ts';
import { LAUNCH_STRATEGIES } from '../src/engine/choice.ts';
import { createWebGpuEngine } from '../src/webgpu/engine.ts';
import { loadGolden, prepareGolden } from '../test/support/golden.ts';
import { tunedDevice, type TunedDevice } from './support/device.ts';
import { Failures, runRounds, show } from './support/rounds.ts';
import type { Contestant } from './support/rounds.ts';
import { median } from '../src/report/measure/statistics.ts';

const NAMES = fileURLToPath(new URL('../test/golden/names.txt', import.meta.url));
const PEER = fileURLToPath(new URL('../src/cli/cpython.py', import.meta.url));

/** 1e-12 relative: f64, only the last bits differ. 1e-5 absolute: f32 over a run. */
const F64_BAR = 1e-12;
const F32_BAR = 1e-5;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      python: { type: 'string' },
      engines: { type: 'string', default: 'oracle,plain,cpu' },
      rounds: { type: 'string', default: '9' },
      steps: { type: 'string', default: '20' },
    },
  });
  const steps = Number(values.steps);
  const golden = loadGolden('names');
  const { spec } = prepareGolden(golden);
  const machine: Machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
  };

  const contestants: Contestant[] = [];
  let device: TunedDevice | undefined;
  for (const name of values.engines.split(',')) {
    if (name === 'oracle')
      contestants.push(stepByStep('oracle', createOracleEngine, spec, golden.losses, steps));
    else if (name === 'cpu' || name === 'plain') {
      const variant = name === 'cpu' ? 'auto' : 'plain';
      contestants.push(inOneGo(name, (s) => createCpuEngine(s, { variant }), spec, golden.losses));
    } else if (name === 'webgpu') {
      device ??= await tunedDevice();
      if (device === undefined) continue;
      const { gpu } = device;
      machine.adapter = adapterName(gpu.info);
      for (const launch of LAUNCH_STRATEGIES) {
        const create = (s: EngineSpec) => createWebGpuEngine(s, { gpu, launch });
        contestants.push(inOneGo(`webgpu ${launch}`, create, spec, golden.losses));
      }
    } else throw new Error(`--engines: expected oracle, plain, cpu or webgpu, got ${name}.`);
  }
  if (values.python !== undefined) contestants.push(cpython(values.python, golden.losses, steps, machine));

  const failures = new Failures();
  const right: Contestant[] = [];
  for (const contestant of contestants) {
    const first = await failures.guard(contestant.name, () => contestant.round()); // checks, and warms up the compiler
    if (first !== undefined) right.push(contestant);
  }
  const timings = await runRounds(right, Number(values.rounds), 42, failures);
  await device?.close();
  const slowest = timings.at(-1); // CPython where it was asked for, else the last engine
  if (slowest === undefined) return;
  console.log(
    `ms per step: median ± MAD of ${values.rounds} rounds, and how often it fits into that of ${slowest.name}`,
  );
  for (const timing of timings) {
    const ratio = slowest.median / timing.median;
    console.log(`${timing.name.padEnd(14)} ${show(timing, 3).padStart(20)} ${ratio.toFixed(1).padStart(9)}×`);
  }
  console.log(JSON.stringify({ bench: 'steps', unit: 'ms/step', steps, timings, machine }));
}

interface Machine {
  readonly cpu: string | undefined;
  readonly cores: number;
  readonly node: string;
  adapter?: string;
  python?: string;
}

type Create = (spec: EngineSpec) => Engine | Promise<Engine>;

/** The median of `steps` single steps. */
function stepByStep(
  name: string,
  create: Create,
  spec: EngineSpec,
  losses: readonly number[],
  steps: number,
): Contestant {
  return {
    name,
    async round() {
      const engine = await create(spec);
      const times: number[] = [];
      for (let step = 0; step < steps; step++) {
        const start = performance.now();
        const [loss] = await engine.advance(1);
        times.push(performance.now() - start);
        check(name, step, loss, losses[step], F64_BAR * losses[step]);
      }
      engine.dispose();
      return median(times);
    },
  };
}

/** The mean of the last 900 of 1,000 steps: the first hundred warm up. */
function inOneGo(name: string, create: Create, spec: EngineSpec, losses: readonly number[]): Contestant {
  return {
    name,
    async round() {
      const engine = await create(spec);
      const first = await engine.advance(100);
      const start = performance.now();
      const rest = await engine.advance(losses.length - 100);
      const time = (performance.now() - start) / rest.length;
      for (const [step, loss] of [...first, ...rest].entries())
        check(name, step, loss, losses[step], F32_BAR);
      engine.dispose();
      return time;
    },
  };
}

function cpython(file: string, losses: readonly number[], steps: number, machine: Machine): Contestant {
  return {
    name: 'cpython',
    async round() {
      const output = execFileSync('python3', [PEER, file, NAMES, String(steps)], { encoding: 'utf8' });
      const result = JSON.parse(output) as { python: string; seconds: number[]; losses: number[] };
      machine.python = result.python;
      for (const [step, loss] of result.losses.entries())
        check('cpython', step, loss, losses[step], F64_BAR * loss);
      return median(result.seconds) * 1000;
    },
  };
}

/** Throws where a loss is not microgpt.py's: a wrong answer has no speed. */
function check(name: string, step: number, loss: number, expected: number, bar: number): void {
  if (!(Math.abs(loss - expected) <= bar)) {
    throw new Error(`${name}: loss of step ${step + 1} is ${loss}, expected ${expected}.`);
  }
}
