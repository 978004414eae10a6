// naga, the WGSL compiler of wgpu and Firefox, as WASM. The package's own entry wants a bundler that imports .wasm files.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

interface Glue {
  compileShader(source: string, target: Target): string;
  readonly ['__wbg_set_wasm']: (exports: WebAssembly.Exports) => void;
}

/** What naga can write: the languages of Vulkan, Direct3D and Metal, and WGSL again. */
export type Target = 'wgsl' | 'spirv' | 'hlsl' | 'metal';

const PACKAGE = 'wgsl-wasm-transpiler-bundler';
const GLUE = 'wgsl_wasm_transpiler_bg.js';

const require = createRequire(import.meta.url);
const glue = (await import(require.resolve(`${PACKAGE}/${GLUE}`))) as Glue;
const bytes = readFileSync(require.resolve(`${PACKAGE}/wgsl_wasm_transpiler_bg.wasm`));
const { instance } = await WebAssembly.instantiate(bytes, { [`./${GLUE}`]: glue as never });
glue['__wbg_set_wasm'](instance.exports);
(instance.exports['__wbindgen_start'] as () => void)();

/** Parses, validates and translates a module. Throws an Error with naga's first complaint where it is not valid WGSL. */
export function compileWithNaga(source: string, target: Target): string {
  try {
    return glue.compileShader(source, target);
  } catch (cause) {
    throw new Error(`naga: ${String(cause)}`, { cause });
  }
}

/**
 * A module with its pipeline constants written in, as a pipeline makes it: naga translates only such. Constants that only
 * other entry points of the module use have no value; they become 1.
 */
export function withConstants(source: string, constants: Readonly<Record<string, number>>): string {
  const declaration = /^override (\w+)(?:: (\w+))?(?: = ([^;]+))?;/gm;
  return source.replace(declaration, (_, name: string, type?: string, preset?: string) => {
    const value =
      name in constants ? `${type ?? 'u32'}(${constants[name]})` : (preset ?? `${type ?? 'u32'}(1)`);
    return `const ${name}${type === undefined ? '' : `: ${type}`} = ${value};`;
  });
}
