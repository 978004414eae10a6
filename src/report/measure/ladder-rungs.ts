// Everything that can stand on the ladder: our engines, populations, and programs of others.

import { openCpuEngine } from '../../cpu/engine.ts';
import type { Engine, Member } from '../../engine/engine.ts';
import { partOf, specOf } from '../../engine/models.ts';
import { LAUNCH_STRATEGIES } from '../../engine/choice.ts';
import { initParameters } from '../../model/parameters.ts';
import { createOracleEngine } from '../../oracle/engine.ts';
import { ConfigError, MicrogptError } from '../../util/errors.ts';
import { coreCount } from '../../cpu/workers.ts';
import { largestDifference } from '../../verify/check.ts';
import { PythonRandom } from '../../util/python-random.ts';
import type { GpuDevice } from '../../webgpu/adapter.ts';
import { createWebGpuEngine } from '../../webgpu/engine.ts';
import type { Rung } from '../schema.ts';
import { engineSubject, type Setting } from './setting.ts';
import type { Subject } from './subjects.ts';

/** A program of others that trains the same model on the same documents, in a process of its own. */
export interface ForeignRung {
  readonly id: string;
  readonly label: string;
  readonly kind: 'python' | 'peer';
  /**
   * Starts it and compares its losses with `reference`, the first of the setting's run. Gives why it cannot run here where it
   * is not installed; throws MicrogptError where it fails.
   */
  start(setting: Setting, reference: ArrayLike<number>): Promise<ForeignRun | string>;
}

export interface ForeignRun {
  /** Largest difference of a loss. */
  readonly lossDifference: number;
  /** One sample: microseconds of a step of mean length. */
  round(): Promise<number>;
  stop(): void;
}

export interface Contestant extends Pick<Rung, 'id' | 'label' | 'kind' | 'software' | 'models'> {
  /** Why it cannot run, or null; then the rest is there. */
  readonly reason: string | null;
  /** The largest difference of its losses from the reference's, or why it cannot run after all. */
  readonly check?: (reference: ArrayLike<number>) => Promise<number | string>;
  readonly subject?: Subject;
  readonly close?: () => void;
}

/** The oracle first. */
export async function contestants(
  setting: Setting,
  gpu: GpuDevice | undefined,
  foreign: readonly ForeignRung[],
): Promise<Contestant[]> {
  const { spec } = setting;
  const all: Contestant[] = [];
  const add = async (
    rung: Pick<Contestant, 'id' | 'label' | 'kind'>,
    create: () => Engine | Promise<Engine>,
    software = false,
  ) => {
    const common = { ...rung, software, models: 1 };
    try {
      const engine = await create();
      all.push({
        ...common,
        reason: null,
        async check(reference) {
          await engine.load(setting.initial);
          return largestDifference(await engine.advance(reference.length), reference);
        },
        subject: engineSubject(rung.id, engine, setting),
        close: () => engine.dispose(),
      });
    } catch (error) {
      if (!(error instanceof MicrogptError)) throw error;
      all.push({ ...common, reason: error.message });
    }
  };

  await add({ id: 'oracle', label: 'oracle, f64 scalars', kind: 'oracle' }, () => createOracleEngine(spec));
  await add({ id: 'cpu-plain', label: 'CPU, plain typed arrays', kind: 'cpu' }, () =>
    openCpuEngine(spec, { variant: 'plain' }),
  );
  await add({ id: 'cpu-simd', label: 'CPU, WebAssembly SIMD', kind: 'cpu' }, () =>
    openCpuEngine(spec, { variant: 'simd', threads: 1 }),
  );
  const threads = coreCount();
  await add({ id: 'cpu-threads', label: `CPU, SIMD on ${threads} threads`, kind: 'cpu' }, () => {
    if (threads < 2) throw new ConfigError('this machine has one core');
    return openCpuEngine(spec, { variant: 'simd', threads });
  });
  if (gpu) {
    const { software } = gpu.info;
    for (const launch of LAUNCH_STRATEGIES) {
      const rung = { id: `webgpu-${launch}`, label: `WebGPU, ${launch}`, kind: 'webgpu' } as const;
      await add(rung, () => createWebGpuEngine(spec, { gpu, launch }), software);
    }
    all.push(await population(setting, gpu));
  }
  for (const rung of foreign) all.push(foreignContestant(rung, setting));
  return all;
}

/** Models of a population: enough for every compute unit of a large GPU, several times over. */
const SIZES = [64, 256, 1024];
const SOFTWARE_SIZES = [2];

/** A population and the milliseconds that a step of a model takes in it. */
interface Sized {
  readonly population: Engine;
  readonly time: number;
}

/**
 * Of `sizes`, in growing order, the one that trains most models a second: the first that is hardly better than the one before ends
 * the search, and so does one that the device does not take. Throws MicrogptError where it takes none.
 */
export async function fastestPopulation(
  sizes: readonly number[],
  create: (size: number) => Promise<Engine>,
): Promise<Engine> {
  let best: Sized | undefined;
  for (const size of sizes) {
    let next: Sized;
    try {
      next = await timed(await create(size));
    } catch (error) {
      if (best === undefined || !(error instanceof MicrogptError)) throw error;
      break;
    }
    const better = best === undefined || next.time < 0.95 * best.time;
    (better ? best : next)?.population.dispose();
    if (!better) break;
    best = next;
  }
  return best!.population;
}

async function timed(made: Engine): Promise<Sized> {
  try {
    await made.advance(1);
    let time = Infinity;
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      await made.advance(2);
      time = Math.min(time, (performance.now() - start) / made.size);
    }
    return { population: made, time };
  } catch (error) {
    made.dispose();
    throw error;
  }
}

async function population(setting: Setting, gpu: GpuDevice): Promise<Contestant> {
  const { software } = gpu.info;
  const common = { kind: 'population', software } as const;
  const id = 'webgpu-population';
  let chosen: Engine;
  try {
    chosen = await fastestPopulation(software ? SOFTWARE_SIZES : SIZES, (size) =>
      populationOf(size, setting, gpu, Number.MAX_SAFE_INTEGER),
    );
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
    return { ...common, id, label: 'WebGPU, a population', models: 1, reason: error.message };
  }
  return {
    ...common,
    id,
    label: `WebGPU, a population of ${chosen.size}`,
    models: chosen.size,
    reason: null,
    async check(reference) {
      const two = await populationOf(2, setting, gpu, setting.spec.training.steps);
      try {
        return largestDifference(partOf(await two.advance(reference.length), 0, 2), reference);
      } finally {
        two.dispose();
      }
    },
    subject: { name: id, run: (steps) => chosen.advance(steps) },
    close: () => chosen.dispose(),
  };
}

/** The first model is the setting's own; the others have other initial values and another order of documents. */
async function populationOf(size: number, { spec }: Setting, gpu: GpuDevice, steps: number): Promise<Engine> {
  const { model, documents } = spec;
  const training = { ...spec.training, steps: Math.min(steps, 2 ** 31) };
  const order = Uint32Array.from({ length: documents.count }, (_, i) => i);
  const members = Array.from({ length: size }, (_, i): Member => {
    if (i === 0) return { training, order, parameters: spec.parameters };
    const random = new PythonRandom(i);
    return { training, order: rotated(order, i), parameters: initParameters(model, random) };
  });
  return createWebGpuEngine(specOf(spec, members), { gpu, launch: 'resident' });
}

function rotated(order: Uint32Array, by: number): Uint32Array {
  const start = by % order.length;
  return Uint32Array.of(...order.subarray(start), ...order.subarray(0, start));
}

function foreignContestant(rung: ForeignRung, setting: Setting): Contestant {
  const { id, label, kind } = rung;
  let run: ForeignRun | undefined;
  return {
    id,
    label,
    kind,
    software: false,
    models: 1,
    reason: null,
    async check(reference) {
      const started = await rung.start(setting, reference);
      if (typeof started === 'string') return started;
      run = started;
      return run.lossDifference;
    },
    // Its own clock measures the steps, not the start of a process.
    subject: { name: id, run: () => run!.round(), steps: () => 1 },
    close: () => run?.stop(),
  };
}
