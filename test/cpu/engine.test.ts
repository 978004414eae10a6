import type { EngineSpec } from '../../src/engine/engine.ts';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { engineCases } from '../engines/common.cases.ts';
import { oneOf } from '../engines/one-of.ts';
import { severalCases } from '../engines/several.cases.ts';

// f32: the same arithmetic rounded at each store stays within 1e-6 of f64 over the 1,000 steps; the bar is ten times that.
for (const variant of ['simd', 'plain'] as const) {
  const create = async (spec: EngineSpec) => createCpuEngine(spec, { variant });
  engineCases(`cpu f32 ${variant}`, create, { loss: 1e-5, gradient: 1e-5 });
  severalCases(`cpu f32 ${variant}`, create);
}

// One of several models.
const oneOfThree = oneOf(async (spec) => createCpuEngine(spec));
engineCases('cpu f32 simd, one of 3 models', oneOfThree, { loss: 1e-5, gradient: 1e-5 });

// The same steps, shared by threads.
engineCases('cpu f32 simd, 2 threads', async (spec) => createCpuEngine(spec, { threads: 2 }), {
  loss: 1e-5,
  gradient: 1e-5,
});

// f64: only the order of sums differs from microgpt.py.
engineCases('cpu f64', async (spec) => createCpuEngine(spec, { precision: 'f64' }), {
  loss: 1e-11,
  gradient: 1e-11,
});
