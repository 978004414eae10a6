import { test } from 'vitest';
import { noAdapter } from '../support/device.ts';
import { casesOf, expectParity, problem, tiledCases } from './attention.cases.ts';

tiledCases([
  ['heads of 64', problem([97, 40], 2, 64)],
  ['heads of 100', problem([70, 30], 1, 100)],
]);

test.skipIf(noAdapter !== '')('a context of 1,024 in a head of 64', async () => {
  await expectParity(casesOf(problem([1024], 1, 64, 0), true).slice(0, 3));
});
