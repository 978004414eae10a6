// The CPU engine: WASM SIMD where it runs, else each op's plain loops on typed arrays. Both are kept: the plain one is
// readable, runs everywhere and shows what SIMD buys.

import type { Engine, EngineSpec } from '../engine/engine.ts';
import { checkSpec, eachAlone, sideBySide } from '../engine/models.ts';
import { checkRunLength } from '../model/plans.ts';
import { ConfigError } from '../util/errors.ts';
import { chooseBuild, loadKernels } from './kernels.ts';
import type { SimdBuild } from './kernels.ts';
import { createPlainEngine } from './plain.ts';
import { createSimdEngine } from './simd.ts';
import { canShareMemory, coreCount, type WasmWorker } from './workers.ts';

export type CpuVariant = 'plain' | 'simd';

export interface CpuOptions {
  /** f32 as on a GPU (default); f64 is for tests, and always plain. */
  readonly precision?: 'f32' | 'f64';
  /** `auto` (default) is `simd` where it runs and its memory holds the model, else `plain`. */
  readonly variant?: 'auto' | CpuVariant;
  /**
   * Threads that share each step, for `simd`; the numbers are the same for any. `auto` (default) tries during the first
   * steps of a longer run whether more than one is faster, and takes one where memory cannot be shared.
   */
  readonly threads?: 'auto' | number;
  /** Of `simd`: the build of the kernels, where it runs here; else the fastest that does. */
  readonly build?: string | undefined;
  /**
   * They do the steps of `simd` instead of this thread, which is free meanwhile: of several models in turn. They stay when the
   * engine is disposed of. Exclude `threads`.
   */
  readonly workers?: readonly WasmWorker[];
}

/** `auto` takes no more: the shares become too small. */
const MOST_AUTO_THREADS = 16;

/** More would only wait. */
const MOST_THREADS = 256;

/** Loads the kernels and makes the engine; as createCpuEngine. */
export async function openCpuEngine(spec: EngineSpec, options: CpuOptions = {}): Promise<Engine> {
  await loadKernels(options.build);
  return createCpuEngine(spec, options);
}

/** Throws ConfigError where `variant: 'simd'` or so many threads cannot be had. The bits are the same with any number of workers. */
export function createCpuEngine(spec: EngineSpec, options: CpuOptions = {}): Engine {
  const { threads = 'auto', workers = [] } = options;
  checkSpec(spec);
  checkRunLength(spec.training);
  checkThreads(threads);
  return sideBySide(eachAlone(spec).map((one, i) => createOne(one, options, workers[i % workers.length])));
}

/** The engine of one model. */
function createOne(
  spec: EngineSpec,
  { precision = 'f32', variant = 'auto', threads = 'auto', build: wanted }: CpuOptions,
  worker: WasmWorker | undefined,
): Engine {
  const several = threads !== 'auto' && threads > 1;
  if (precision === 'f64' && (variant === 'simd' || several)) {
    const what = several ? `${threads} threads compute` : 'variant simd computes';
    throw new ConfigError(`cpu: ${what} in f32. Ask for precision f32, or for one thread of variant plain.`);
  }
  if (variant === 'plain' && several) {
    throw new ConfigError(`cpu: ${threads} threads need variant simd, variant plain has one. Leave one out.`);
  }
  if (variant === 'plain' || precision === 'f64') return createPlainEngine(spec, precision);
  const build = chooseBuild(wanted);
  const engine = build === null ? null : simdEngine(spec, build, threads, worker);
  if (engine !== null) return engine;
  if (variant === 'auto' && !several) return createPlainEngine(spec, precision);
  const what = several ? `${threads} threads need` : 'variant simd needs';
  const instead = several ? 'Ask for fewer threads, or leave them out.' : 'Use variant plain.';
  throw new ConfigError(
    build === null
      ? `cpu: ${what} WebAssembly SIMD, which this runtime does not have. ${instead}`
      : `cpu: ${what} more memory than WebAssembly has for this model and batch. ${instead}`,
  );
}

function simdEngine(
  spec: EngineSpec,
  build: SimdBuild,
  threads: 'auto' | number,
  worker: WasmWorker | undefined,
): Engine | null {
  if (worker !== undefined) return createSimdEngine(spec, build, { threads: 1, always: true, worker });
  if (threads !== 'auto') return createSimdEngine(spec, build, { threads, always: true });
  const useful = Math.min(Math.max(2, spec.training.batchSize), MOST_AUTO_THREADS);
  const most = canShareMemory() ? Math.min(coreCount(), useful) : 1;
  return (
    createSimdEngine(spec, build, { threads: most, always: false }) ??
    (most > 1 ? createSimdEngine(spec, build, { threads: 1, always: true }) : null)
  );
}

function checkThreads(threads: 'auto' | number): void {
  if (threads === 'auto') return;
  if (!Number.isSafeInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    throw new ConfigError(
      `threads: expected auto or a whole number from 1 to ${MOST_THREADS}, got ${threads}.`,
    );
  }
  if (threads > 1 && !canShareMemory()) {
    throw new ConfigError(
      `threads: ${threads} threads need shared memory, which this runtime does not have. Pages get it when they are ` +
        'served with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, ' +
        'and train in a worker.',
    );
  }
}
