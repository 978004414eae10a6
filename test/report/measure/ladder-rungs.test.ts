// Which size of a population stands on the ladder.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fastestPopulation } from '../../../src/report/measure/ladder-rungs.ts';
import { defaultSetting } from '../../../src/report/measure/setting.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { specOf } from '../../../src/engine/models.ts';
import { DeviceError } from '../../../src/util/errors.ts';
import type { GpuDevice } from '../../../src/webgpu/adapter.ts';
import { createWebGpuEngine } from '../../../src/webgpu/engine.ts';
import { noAdapter, testDevice } from '../../support/device.ts';

describe.skipIf(noAdapter !== '')('fastestPopulation', () => {
  let gpu: GpuDevice;
  beforeAll(async () => {
    gpu = await testDevice();
  });
  afterAll(() => gpu?.destroy());

  const { spec } = defaultSetting();
  const made = new Map<number, Engine>();
  const create = async (size: number) => {
    const members = Array.from({ length: size }, () => spec);
    made.set(size, await createWebGpuEngine(specOf(spec, members), { gpu, launch: 'resident' }));
    return made.get(size)!;
  };

  test('keeps what it has where the device does not take more', async () => {
    const chosen = await fastestPopulation([1, 100_000], create);
    expect(chosen.size).toBe(1);
    expect(await chosen.advance(1)).toHaveLength(1);
    chosen.dispose();
    await expect(fastestPopulation([100_000], create)).rejects.toThrow(DeviceError);
  });

  test('disposes of all but the one that it chooses', async () => {
    const chosen = await fastestPopulation([1, 2], create);
    const other = made.get(3 - chosen.size)!;
    await expect(other.advance(1)).rejects.toThrow(/dispose/);
    chosen.dispose();
  });
});
