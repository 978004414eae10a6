// The CPU engine: WASM SIMD where it runs, else each op's plain loops on typed arrays. Both are kept: the plain one is
// readable, runs everywhere and shows what SIMD buys.

import type { Engine, EngineSpec } from '../engine.ts';
import { checkModelConfig, checkTrainingConfig } from '../model/config.ts';
import { checkRunLength } from '../model/gpt.ts';
import { countParameters } from '../model/parameters.ts';
import { checkDocuments, checkParameterCount } from '../util/engine-checks.ts';
import { ConfigError } from '../util/errors.ts';
import { bestBuild } from './kernels.ts';
import { createPlainEngine } from './plain.ts';
import { createSimdEngine } from './simd.ts';

export type CpuVariant = 'plain' | 'simd';

export interface CpuOptions {
  /** f32 as on a GPU (default); f64 is for tests, and always plain. */
  readonly precision?: 'f32' | 'f64';
  /** `auto` (default) is `simd` where it runs and its memory holds the model, else `plain`. */
  readonly variant?: 'auto' | CpuVariant;
}

/** Throws ConfigError where `variant: 'simd'` cannot be had. */
export function createCpuEngine(
  spec: EngineSpec,
  { precision = 'f32', variant = 'auto' }: CpuOptions = {},
): Engine {
  checkModelConfig(spec.model);
  checkTrainingConfig(spec.training);
  checkRunLength(spec.training);
  checkDocuments(spec.documents, spec.model.vocabSize);
  checkParameterCount('parameters', spec.parameters.length, countParameters(spec.model));

  if (variant === 'simd' && precision === 'f64') {
    throw new ConfigError('cpu: variant simd computes in f32. Ask for precision f32, or for variant plain.');
  }
  if (variant === 'plain' || precision === 'f64') return createPlainEngine(spec, precision);
  const build = bestBuild();
  const engine = build === null ? null : createSimdEngine(spec, build);
  if (engine !== null) return engine;
  if (variant === 'auto') return createPlainEngine(spec, precision);
  throw new ConfigError(
    build === null
      ? 'cpu: variant simd needs WebAssembly SIMD, which this runtime does not have. Use variant plain.'
      : 'cpu: variant simd needs more memory than WebAssembly has for this model and batch. Use variant plain.',
  );
}
