// The memory of one WASM engine, with its programs and the corpus in it.

import type { EngineSpec } from '../engine/engine.ts';
import { epsilonInF32 } from '../ops/adam.ts';
import { LoweringError } from './axes.ts';
import { createMemory, instantiate, kernelModule } from './kernels.ts';
import type { Kernels, Sharing, SimdBuild } from './kernels.ts';
import { FIELDS, layOut } from './layout.ts';
import type { Layout } from './layout.ts';
import type { Call } from './workers.ts';

export interface SimdMemory {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The calls that prepare the instance of `thread`. */
  prepare(thread: number): Call[];
  /** The instance of this thread, prepared. */
  readonly kernels: Kernels;
  readonly layout: Layout;
}

/** Makes the memory for `threads` threads. Null where there is not enough, or where the kernels cannot run the model. */
export function createSimdMemory(
  spec: EngineSpec,
  build: SimdBuild,
  threads: number,
  sharing: Sharing = threads > 1 ? 'shared' : 'own',
): SimdMemory | null {
  const layout = tryLayOut(spec, threads);
  const memory = layout && createMemory(layout.bytes, sharing);
  if (!layout || !memory) return null;
  const { offsets, tokens } = spec.documents;
  const contents = [...layout.contents, [layout.at.offsets, offsets], [layout.at.corpus, tokens]] as const;
  for (const [address, words] of contents) new Uint32Array(memory.buffer, address, words.length).set(words);

  const module = kernelModule(build, sharing)!;
  const kernels = instantiate(module, memory);
  const { beta1, beta2, eps, clip } = spec.training;
  const adam = [beta1, beta2, epsilonInF32(eps), clip] as const;
  if (kernels.configure(0) > FIELDS) throw new Error('kernels: their own tables are larger than expected.');
  kernels.configureAdam(...adam);
  const prepare = (thread: number): Call[] => [
    ['configure', thread],
    ['configureAdam', ...adam],
  ];
  return { module, memory, prepare, kernels, layout };
}

function tryLayOut(spec: EngineSpec, threads: number): Layout | null {
  try {
    return layOut(spec, threads);
  } catch (error) {
    if (error instanceof LoweringError) return null;
    throw error;
  }
}
