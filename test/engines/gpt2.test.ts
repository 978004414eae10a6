// GPT-2's parts - GELU, LayerNorm, biases, a tied head - give PyTorch's figures on every engine and launch strategy.

import { describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import { createPlainEngine } from '../../src/cpu/plain.ts';
import type { Engine, LaunchStrategy } from '../../src/engine/engine.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { relativeError } from '../../src/verify/check.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { deviceForTest, noAdapter } from '../support/device.ts';
import { asHuggingFace, golden, gpt2Spec } from '../support/gpt2.ts';

/** f64: the sums are in another order than PyTorch's. */
const F64_BAR = 1e-10;
/** f32 through two layers and back, ‖Δ‖ / ‖reference‖ of each tensor. */
const F32_BAR = 1e-5;

const spec = gpt2Spec();

async function expectPyTorch(engine: Engine, bar: number): Promise<void> {
  const {
    losses: [loss],
    gradients,
  } = await engine.gradients();
  expect(Math.abs(loss - golden.loss)).toBeLessThan(bar);
  const tensors = asHuggingFace(spec, gradients);
  expect([...tensors.keys()].sort()).toEqual(Object.keys(golden.gradients).sort());
  for (const [name, { norm, first }] of Object.entries(golden.gradients)) {
    const values = tensors.get(name)!;
    expect(Math.abs(Math.hypot(...values) / norm - 1), `norm of ${name}`).toBeLessThan(bar);
    // Of a tensor of which eight values are seen, what rounding leaves is small beside the whole of it.
    const share = Math.sqrt(first.length / values.length);
    const difference = Math.hypot(...first.map((x, i) => x - values[i]));
    expect(difference / (norm * share), `first values of ${name}`).toBeLessThan(bar);
  }
  const prompt = golden.tokens.slice(0, -1);
  expect(relativeError(await engine.prefill(prompt.slice(0, 1)), golden.logits_first)).toBeLessThan(bar);
  expect(relativeError(await engine.prefill(prompt), golden.logits_last)).toBeLessThan(bar);
  const [evaluated] = await engine.evaluate(spec.documents);
  expect(Math.abs(evaluated - golden.loss)).toBeLessThan(bar);
  engine.dispose();
}

describe('a GPT-2', () => {
  test('oracle', () => expectPyTorch(createOracleEngine(spec), F64_BAR));
  test('cpu, plain f64', () => expectPyTorch(createPlainEngine(spec, 'f64'), F64_BAR));
  test.each([1, 2])('cpu, WASM on %i threads', (threads) =>
    expectPyTorch(createCpuEngine(spec, { variant: 'simd', threads }), F32_BAR),
  );
  test('cpu, plain f32', () => expectPyTorch(createPlainEngine(spec, 'f32'), F32_BAR));

  const launches: LaunchStrategy[] = ['eager', 'graph', 'fused', 'resident'];
  test.skipIf(noAdapter).each(launches)('webgpu, %s', async (launch) => {
    const gpu = await deviceForTest();
    await expectPyTorch(await createWebGpuEngine(spec, { gpu, launch }), F32_BAR);
  });
});
