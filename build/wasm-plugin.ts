// Vite plugin: compiles AssemblyScript and hands the module over as hexadecimal text, so that every build (CLI,
// page, dev server, bench, tests) carries its kernels inside and none has to fetch a file. Base64 is shorter, but gzip makes a
// seventh less of hexadecimal: there a byte is always the same two letters.
//
//   import simd128 from './wasm/index.ts?assemblyscript';
//   import relaxed from './wasm/index.ts?assemblyscript&relaxed';   relaxed SIMD: fused multiply-add
//
// A compilation takes seconds, so results are kept in node_modules/.cache under a hash of everything they come from.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const CACHE = fileURLToPath(new URL('../node_modules/.cache/assemblyscript', import.meta.url));

// No garbage collector, no bounds checks: kernels on plain memory, which several threads can share.
const OPTIONS = [
  '-O3',
  '--converge',
  '--runtime',
  'stub',
  '--noAssert',
  '--use',
  'abort=',
  '--enable',
  'simd',
  '--enable',
  'threads',
  '--importMemory',
  '--sharedMemory',
  '--initialMemory',
  '1',
  '--maximumMemory',
  '65536',
];
const RELAXED = ['--enable', 'relaxed-simd'];

// By a name that the type checker does not follow: the package's types declare AssemblyScript's Array and Math over ours.
const COMPILER: string = 'assemblyscript/asc';

/** What is used of it. */
interface Compiler {
  readonly version: string;
  main(
    args: readonly string[],
    host: {
      writeFile(name: string, contents: Uint8Array | string): void;
      stderr: { write(text: unknown): void };
    },
  ): Promise<{ readonly error: Error | null }>;
}

export function assemblyScript(): Plugin {
  return {
    name: 'assemblyscript',
    enforce: 'pre',
    async load(id) {
      const [file, query = ''] = id.split('?', 2) as [string, string?];
      const flags = query.split('&');
      if (!flags.includes('assemblyscript')) return null;
      const options = flags.includes('relaxed') ? [...OPTIONS, ...RELAXED] : OPTIONS;
      const sources = sourcesBeside(file);
      for (const source of sources) this.addWatchFile(source);
      const bytes = await compiled(file, sources, options);
      return { code: `export default ${JSON.stringify(bytes.toString('hex'))};`, map: null };
    },
  };
}

/** All modules of the directory: what `file` can import. */
function sourcesBeside(file: string): string[] {
  const folder = dirname(file);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(folder, name));
}

async function compiled(
  file: string,
  sources: readonly string[],
  options: readonly string[],
): Promise<Buffer> {
  const { default: asc } = (await import(COMPILER)) as { default: Compiler };
  const hash = createHash('sha256').update(JSON.stringify([asc.version, options]));
  for (const source of sources)
    hash.update(`\n${source.slice(dirname(file).length)}\n`).update(readFileSync(source));
  const cached = join(CACHE, `${hash.digest('hex').slice(0, 32)}.wasm`);
  try {
    return readFileSync(cached);
  } catch {
    // not compiled yet
  }
  let bytes: Uint8Array | undefined;
  let messages = '';
  const { error } = await asc.main([file, '--outFile', 'kernels.wasm', ...options], {
    writeFile: (_name, contents) => void (bytes = contents as Uint8Array),
    stderr: { write: (text) => void (messages += String(text)) },
  });
  if (error !== null || bytes === undefined) throw new Error(`AssemblyScript: ${file}\n${messages}`);
  mkdirSync(CACHE, { recursive: true });
  const unfinished = `${cached}.${process.pid}`; // other processes see all of a file or none
  writeFileSync(unfinished, bytes);
  renameSync(unfinished, cached);
  return Buffer.from(bytes);
}
