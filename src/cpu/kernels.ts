// Loads the WASM kernels of src/cpu/wasm/: one source, two builds, of which the runtime takes the faster one it knows, and a page
// loads no other.

/** The exports of src/cpu/wasm/index.ts. Addresses are in bytes. */
export interface Kernels {
  /** Looks up what is of `thread`. Gives where the kernels' own tables end. */
  configure(thread: number): number;
  configureAdam(beta1: number, beta2: number, eps: number, clip: number): void;
  setPatience(seconds: number): void;
  /** 0 where another thread did not come. */
  train(first: number, k: number, thread: number, threads: number): number;
  /** Runs a program of a step, or any other, on this thread. Gives the loss. */
  runAlone(program: number, step: number): number;
  decode(token: number, position: number): void;
  beginTexts(
    count: number,
    prefixLength: number,
    longest: number,
    end: number,
    inverseTemperature: number,
    topK: number,
  ): void;
  /** 0 where the caller has to judge the next number. */
  writeTexts(): number;
  takeToken(token: number): void;
  usedNumbers(): number;
}

export type SimdBuild = 'SIMD128' | 'relaxed SIMD';

/** Whether several threads can share the memory. */
export type Sharing = 'shared' | 'own';

const SOURCES: Record<SimdBuild, () => Promise<{ readonly default: string }>> = {
  SIMD128: () => import('./wasm/index.ts?assemblyscript'),
  'relaxed SIMD': () => import('./wasm/index.ts?assemblyscript&relaxed'),
};
/** Those that are loaded. */
const HEX: Partial<Record<SimdBuild, string>> = {};

/** Compiled once, used by every engine. */
const modules = new Map<string, WebAssembly.Module | null>();

/** Loads the fastest build for this runtime, and the one called `wanted`: to be awaited before an engine is made. */
export async function loadKernels(wanted?: string): Promise<void> {
  for (const build of [fusesMultiplyAdd() ? 'relaxed SIMD' : 'SIMD128', wanted]) {
    if (build === 'relaxed SIMD' || build === 'SIMD128') HEX[build] ??= (await SOURCES[build]()).default;
  }
}

/** The module of a build that is loaded, or null where the runtime does not know its instructions. */
export function kernelModule(build: SimdBuild, sharing: Sharing): WebAssembly.Module | null {
  const key = `${build}, ${sharing}`;
  let module = modules.get(key);
  if (module === undefined) {
    const bytes = fromHex(HEX[build]!);
    if (sharing === 'own') makeUnshared(bytes);
    module = WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null;
    modules.set(key, module);
  }
  return module;
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** From the fastest on. The build decides every bit: with one of them all machines give the same. */
const BUILDS: readonly SimdBuild[] = ['relaxed SIMD', 'SIMD128'];

/** The build called `wanted` where it runs here, else the fastest that does, or null. See `loadKernels`. */
export function chooseBuild(wanted?: string): SimdBuild | null {
  const loaded = BUILDS.filter((build) => HEX[build] !== undefined);
  if (loaded.length === 0) throw new Error('cpu: the kernels are not loaded yet: await loadKernels() first.');
  const builds = loaded.filter(runs);
  return builds.find((build) => build === wanted) ?? builds[0] ?? null;
}

function runs(build: SimdBuild): boolean {
  return (build === 'SIMD128' || fusesMultiplyAdd()) && kernelModule(build, 'own') !== null;
}

/** (func (export "f") (param f32 f32 f32) (result f32)): lane 0 of f32x4.relaxed_madd of the three. */
const RELAXED_MADD =
  '0061736d01000000' + // WebAssembly 1
  '01080160037d7d7d017d' + // its type
  '0302010007050101660000' + // one function, exported
  '0a160114002000fd132001fd132002fd13' + // a splat of each parameter
  'fd8502fd1f000b'; // the operation; lane 0

let fuses: boolean | undefined;

/** relaxed_madd may round once or twice. Where it rounds twice, as on processors without FMA, it gives SIMD128's bits. */
function fusesMultiplyAdd(): boolean {
  const bytes = fromHex(RELAXED_MADD);
  if (!WebAssembly.validate(bytes)) return false;
  if (fuses === undefined) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    const madd = exports['f'] as (a: number, b: number, c: number) => number;
    const x = 1 + 2 ** -12;
    fuses = madd(x, x, -(1 + 2 ** -11)) !== 0; // x² without its last bit
  }
  return fuses;
}

/** In the binary format: an import called env.memory, which is a memory (2) with a maximum (1) and shared (2). */
const SHARED_MEMORY = [3, ...codes('env'), 6, ...codes('memory'), 2, 1 | 2];

/**
 * The kernels are compiled for shared memory. Where it is missing, or not needed, the same instructions work on memory of
 * one's own: the flag at its import is all that differs.
 */
function makeUnshared(bytes: Uint8Array): void {
  const at = bytes.findIndex((_, i) => SHARED_MEMORY.every((byte, j) => bytes[i + j] === byte));
  if (at < 0) throw new Error('kernels: the import of the shared memory was not found.');
  bytes[at + SHARED_MEMORY.length - 1] = 1;
}

function codes(text: string): number[] {
  return Array.from(text, (char) => char.charCodeAt(0));
}

const PAGE = 65_536;

/** Memory of `bytes`, or null where the system does not give it. Never grows: every thread sees all of it from the start. */
export function createMemory(bytes: number, sharing: Sharing): WebAssembly.Memory | null {
  const pages = Math.ceil(bytes / PAGE);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: sharing === 'shared' });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** The kernels of one thread on `memory`. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return exports as unknown as Kernels;
}
