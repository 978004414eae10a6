// What does a training step take on one core: by variant of the CPU engine, width and batch?
//
//   npm run bench -- cpu [--variants simd,plain] [--sizes 16x1,16x16,64x16,128x16,256x16] [--rounds N] [--time MS]
//
// A size is width × batch: one layer, 4 heads, block 16, the documents of test/golden/names.txt. Losses and
// gradients are checked first: against microgpt.py at 16x1, against f64 elsewhere. Then rounds of about MS milliseconds
// each, in turns. µs per sample (document); the shortest round tells most on a machine that others use as well.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { createCpuEngine } from '../src/cpu/engine.ts';
import type { CpuVariant } from '../src/cpu/engine.ts';
import type { Engine, EngineSpec } from '../src/engine.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../src/model/config.ts';
import { parameterSpecs } from '../src/model/parameters.ts';
import { prepareRun } from '../src/train/prepare.ts';
import { loadGolden, namesDocuments, prepareGolden } from '../test/support/golden.ts';
import type { FloatArray } from '../src/util/arrays.ts';
import { largestDifference, relativeError } from '../src/verify/check.ts';
import { runRounds, show } from './support/rounds.ts';
import type { Contestant } from './support/rounds.ts';

/** 1e-5: f32 over 1,000 steps (losses, absolute) and over sums of a few hundred rows (gradients, relative). */
const F32_BAR = 1e-5;

/** Steps of a run. */
const RUN = 1000;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      variants: { type: 'string', default: 'simd,plain' },
      sizes: { type: 'string', default: '16x1,16x16,64x16,128x16,256x16' },
      rounds: { type: 'string', default: '9' },
      time: { type: 'string', default: '300' },
    },
  });
  const variants = values.variants.split(',') as CpuVariant[];
  const contestants: Contestant[] = [];
  for (const size of values.sizes.split(',')) {
    const [width, batch] = size.split('x').map(Number);
    await check(variants, width, batch);
    for (const variant of variants) {
      const engine = createCpuEngine(specOf(width, batch, RUN), { variant });
      contestants.push(await timed(`d${width} b${batch} ${variant}`, engine, batch, Number(values.time)));
    }
  }
  const timings = await runRounds(contestants, Number(values.rounds), 42);
  console.log(`µs per sample: median ± MAD and shortest of ${values.rounds} rounds`);
  for (const timing of timings) {
    const shortest = Math.min(...timing.rounds).toFixed(2);
    console.log(`${timing.name.padEnd(20)} ${show(timing).padStart(20)} ${shortest.padStart(12)}`);
  }
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const { info } = createCpuEngine(specOf(16, 1, 1));
  console.log(JSON.stringify({ bench: 'cpu', unit: 'µs/sample', auto: info.description, timings, machine }));
}

/** One layer of this width and batch on the names. */
export function specOf(nEmbd: number, batchSize: number, steps: number): EngineSpec {
  const model = { ...DEFAULT_MODEL, nEmbd };
  const training = { ...DEFAULT_TRAINING, batchSize, steps };
  return prepareRun({ documents: namesDocuments(), model, training }).spec;
}

/** Throws where losses or gradients are wrong: a wrong answer has no speed. */
async function check(variants: readonly CpuVariant[], width: number, batch: number): Promise<void> {
  const golden = loadGolden('names');
  const spec = specOf(width, batch, RUN);
  const reference = await createCpuEngine(spec, { precision: 'f64' }).gradients();
  for (const variant of variants) {
    const name = `${variant} d${width} b${batch}`;
    const { loss, gradients } = await createCpuEngine(spec, { variant }).gradients();
    expectNear(`${name}, loss`, Math.abs(loss - reference.loss));
    for (const { name: tensor, offset, size } of parameterSpecs(spec.model)) {
      const part = (list: FloatArray) => list.subarray(offset, offset + size);
      expectNear(`${name}, gradient of ${tensor}`, relativeError(part(gradients), part(reference.gradients)));
    }
    if (width !== DEFAULT_MODEL.nEmbd || batch !== 1) continue;
    const losses = await createCpuEngine(prepareGolden(golden).spec, { variant }).advance(
      golden.losses.length,
    );
    expectNear(`${name}, microgpt.py's losses`, largestDifference(losses, golden.losses));
  }
}

export function expectNear(what: string, error: number): void {
  if (!(error <= F32_BAR)) throw new Error(`${what}: off by ${error}, expected at most ${F32_BAR}.`);
}

/**
 * Rounds of about `time` milliseconds. Each starts from the initial parameters, and again after 1,000 steps, so that what
 * is timed is microgpt.py's run. The first rounds, untimed, let the compiler finish.
 */
export async function timed(name: string, engine: Engine, batch: number, time: number): Promise<Contestant> {
  const initial = await engine.state();
  let runs = 1;
  let steps = 1;
  const round = async () => {
    let elapsed = 0;
    for (let run = 0; run < runs; run++) {
      await engine.load(initial);
      const start = performance.now();
      await engine.advance(steps);
      elapsed += performance.now() - start;
    }
    return elapsed;
  };
  for (let elapsed = await round(); elapsed < time / 2; elapsed = await round()) {
    const more = Math.min(4, time / Math.max(elapsed, 1));
    if (steps < RUN) steps = Math.min(RUN, Math.ceil(steps * more));
    else runs = Math.ceil(runs * more);
  }
  return { name, round: async () => ((await round()) * 1000) / runs / steps / batch };
}
