import { expect, test } from 'vitest';
import { LAUNCH_STRATEGIES } from '../../src/engine/choice.ts';
import { OPS } from '../../src/ops/index.ts';
import { checkCount, verify } from '../../src/verify/verify.ts';
import { deviceForTest, noAdapter } from '../support/device.ts';
import type { Check } from '../../src/verify/check.ts';

test.skipIf(noAdapter !== '')('everything passes on this machine', async () => {
  const gpu = await deviceForTest({ limits: 'adapter' });
  const options = { engines: ['oracle', 'cpu', 'webgpu'], gpu, configs: 1, steps: 20, cases: 1 } as const;
  const checks: Check[] = [];
  for await (const check of verify(options)) checks.push(check);
  expect(checks.filter((check) => !check.passed)).toEqual([]);
  const engines = 1 + LAUNCH_STRATEGIES.length;
  expect(checks.length).toBe(1 + 2 * OPS.length + engines * (1 + 2));
  expect(checkCount(options)).toBe(checks.length);
});
