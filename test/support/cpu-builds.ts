// Both builds of the CPU kernels, in a process of its own.

import type { SimdBuild } from '../../src/cpu/kernels.ts';

/** Node 20 knows relaxed SIMD by a flag only. */
const byFlag = process.versions.node.startsWith('20.');

/** Flags of Node with which it takes this build: on x64, where it can do without FMA. */
export const NODE_FLAGS: Readonly<Record<SimdBuild, readonly string[]>> = {
  SIMD128: byFlag ? [] : ['--no-enable-fma3'],
  'relaxed SIMD': byFlag ? ['--experimental-wasm-relaxed-simd'] : [],
};

export const oneBuild = process.arch === 'x64' ? undefined : `${process.arch}: Node takes one build only`;
