// Loads the WASM kernels of src/cpu/wasm/: one source, two builds, of which the runtime takes the faster one it knows.

import relaxedBase64 from './wasm/index.ts?assemblyscript&relaxed';
import simd128Base64 from './wasm/index.ts?assemblyscript';

/** Regions and distances that `address` gives; the order is that of `Region` in src/cpu/wasm/index.ts. */
export const REGION = {
  offsets: 0,
  corpus: 1,
  rates: 2,
  losses: 3,
  logits: 4,
  toGradient: 5,
  toM: 6,
  toV: 7,
} as const;

/** The exports of src/cpu/wasm/index.ts. Addresses are in bytes. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  /** False where the memory cannot be had. See src/cpu/wasm/memory.ts. */
  allocate(
    nLayer: number,
    nEmbd: number,
    nHead: number,
    blockSize: number,
    vocabSize: number,
    batch: number,
    documents: number,
    corpusLength: number,
    rows: number,
    longest: number,
    pairs: number,
    chunk: number,
  ): number;
  configureAdam(beta1: number, beta2: number, eps: number): void;
  pairBytes(n: number): number;
  address(region: number): number;
  matrixAt(index: number): number;
  matrixStride(index: number): number;
  refresh(): void;
  train(first: number, k: number): void;
  gradients(index: number): number;
  decode(token: number, position: number): void;
}

export type SimdBuild = 'SIMD128' | 'relaxed SIMD';

const BASE64: Record<SimdBuild, string> = { SIMD128: simd128Base64, 'relaxed SIMD': relaxedBase64 };

/** Compiled once, used by every engine. */
const modules = new Map<SimdBuild, WebAssembly.Module | null>();

function compile(build: SimdBuild): WebAssembly.Module | null {
  let module = modules.get(build);
  if (module === undefined) {
    const bytes = Uint8Array.from(atob(BASE64[build]), (char) => char.charCodeAt(0));
    module = WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null;
    modules.set(build, module);
  }
  return module;
}

/** The fastest build that runs here, or null. */
export function bestBuild(): SimdBuild | null {
  if (compile('relaxed SIMD') !== null) return 'relaxed SIMD';
  return compile('SIMD128') === null ? null : 'SIMD128';
}

/** Kernels with a memory of their own. */
export function instantiate(build: SimdBuild): Kernels {
  const { exports } = new WebAssembly.Instance(compile(build)!);
  return exports as unknown as Kernels;
}
