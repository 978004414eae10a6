// What does a training step take on the CPU: by variant of the engine, threads, width and batch? And what a new token?
//
//   npm run bench -- cpu [--variants simd,plain] [--threads 1,2] [--sizes 16x1,16x16,64x16,128x16,256x16] [--rounds N]
//                        [--time MS]
//
// A size is width × batch: one layer, 4 heads, block 16, the documents of test/golden/names.txt. Losses and
// gradients are checked first: against microgpt.py at 16x1, against f64 elsewhere. Then rounds of about MS milliseconds
// each, in turns. µs per sample (document); the shortest round tells most on a machine that others use as well. Sampling
// is that of microgpt.py's model, texts included, after its names have been checked.

import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { createCpuEngine } from '../src/cpu/engine.ts';
import type { CpuVariant } from '../src/cpu/engine.ts';
import type { Engine, EngineSpec } from '../src/engine/engine.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../src/config/config.ts';
import { parameterSpecs } from '../src/model/parameters.ts';
import { prepareRun } from '../src/train/prepare.ts';
import { sampleDocuments } from '../src/train/sampler.ts';
import { loadGolden, namesDocuments, prepareGolden } from '../test/support/golden.ts';
import type { FloatArray } from '../src/util/arrays.ts';
import { largestDifference, relativeError } from '../src/verify/check.ts';
import { Failures, runRounds, show } from './support/rounds.ts';
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
      threads: { type: 'string', default: '1' },
      sizes: { type: 'string', default: '16x1,16x16,64x16,128x16,256x16' },
      rounds: { type: 'string', default: '9' },
      time: { type: 'string', default: '300' },
    },
  });
  const variants = values.variants.split(',') as CpuVariant[];
  const contestants: Contestant[] = [];
  const failures = new Failures();
  for (const size of values.sizes.split(',')) {
    const [width, batch] = size.split('x').map(Number);
    const reference = await createCpuEngine(specOf(width, batch, RUN), { precision: 'f64' }).gradients();
    for (const variant of variants) {
      const right = await failures.guard(`d${width} b${batch} ${variant}`, async () => {
        await check(variant, width, batch, reference);
        return true;
      });
      if (right === undefined) continue;
      for (const threads of variant === 'plain' ? [1] : values.threads.split(',').map(Number)) {
        const engine = createCpuEngine(specOf(width, batch, RUN), { variant, threads });
        const name = `d${width} b${batch} ${variant}${threads > 1 ? ` ×${threads}` : ''}`;
        contestants.push(await timed(name, engine, batch, Number(values.time)));
      }
    }
  }
  const timings = await runRounds(contestants, Number(values.rounds), 42, failures);
  console.log(`µs per sample: median ± MAD and shortest of ${values.rounds} rounds`);
  for (const timing of timings) {
    const shortest = Math.min(...timing.rounds).toFixed(2);
    console.log(`${timing.name.padEnd(20)} ${show(timing).padStart(20)} ${shortest.padStart(12)}`);
  }
  const tokens = await tokensPerSecond(20 * Number(values.rounds));
  console.log(`sampling, d16: ${(tokens / 1e6).toFixed(2)}M tokens/s in the shortest round`);
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const { info } = createCpuEngine(specOf(16, 1, 1));
  console.log(
    JSON.stringify({ bench: 'cpu', unit: 'µs/sample', auto: info.description, timings, tokens, machine }),
  );
}

/** One layer of this width and batch on the names. */
export function specOf(nEmbd: number, batchSize: number, steps: number): EngineSpec {
  const model = { ...DEFAULT_MODEL, nEmbd };
  const training = { ...DEFAULT_TRAINING, batchSize, steps };
  return prepareRun({ documents: namesDocuments(), model, training }).spec;
}

/** Throws where losses or gradients are wrong: a wrong answer has no speed. */
async function check(
  variant: CpuVariant,
  width: number,
  batch: number,
  reference: Awaited<ReturnType<Engine['gradients']>>,
): Promise<void> {
  const golden = loadGolden('names');
  const spec = specOf(width, batch, RUN);
  const name = `${variant} d${width} b${batch}`;
  const {
    losses: [loss],
    gradients,
  } = await createCpuEngine(spec, { variant }).gradients();
  expectNear(`${name}, loss`, Math.abs(loss - reference.losses[0]));
  for (const { name: tensor, offset, size } of parameterSpecs(spec.model)) {
    const part = (list: FloatArray) => list.subarray(offset, offset + size);
    expectNear(`${name}, gradient of ${tensor}`, relativeError(part(gradients), part(reference.gradients)));
  }
  if (width !== DEFAULT_MODEL.nEmbd || batch !== 1) return;
  const { length } = golden.losses;
  const losses = await createCpuEngine(prepareGolden(golden).spec, { variant }).advance(length);
  expectNear(`${name}, microgpt.py's losses`, largestDifference(losses, golden.losses));
}

export function expectNear(what: string, error: number): void {
  if (!(error <= F32_BAR)) throw new Error(`${what}: off by ${error}, expected at most ${F32_BAR}.`);
}

/** Names of a round of sampling: some milliseconds, so that a busy machine leaves some rounds alone. */
const NAMES = 2000;

/** Tokens a second of microgpt.py's trained model, ends included: the best of many rounds. */
async function tokensPerSecond(rounds: number): Promise<number> {
  const golden = loadGolden('names');
  const { spec, tokenizer, random } = prepareGolden(golden);
  const engine = createCpuEngine(spec);
  await engine.advance(golden.losses.length);
  const { blockSize } = spec.model;
  const options = { temperature: golden.temperature, blockSize };
  const names: string[] = [];
  for await (const text of sampleDocuments(engine, tokenizer, random, options, 20)) names.push(text);
  if (names.join() !== golden.samples.join())
    throw new Error(`sampling: expected microgpt.py's names, got ${names.join()}.`);
  let best = 0;
  for (let round = 0; round < rounds; round++) {
    let tokens = 0;
    const start = performance.now();
    for await (const text of sampleDocuments(engine, tokenizer, random, options, NAMES)) {
      tokens += Math.min(text.length + 1, blockSize);
    }
    best = Math.max(best, (tokens * 1000) / (performance.now() - start));
  }
  engine.dispose();
  return best;
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
