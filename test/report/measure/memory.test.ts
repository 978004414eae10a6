// Bytes on the device: what the plan says is what the engine makes.

import { describe, expect, test } from 'vitest';
import { watchBuffers } from '../../../src/report/measure/instrument.ts';
import { livePeak, measureMemory, plannedBuffers } from '../../../src/report/measure/memory.ts';
import { defaultSetting } from '../../../src/report/measure/setting.ts';
import { planOf } from '../../../src/webgpu/cost.ts';
import { createWebGpuEngine } from '../../../src/webgpu/engine.ts';
import { deviceForTest, noAdapter, testDevice } from '../../support/device.ts';
import { testContext } from '../../support/section-context.ts';

describe('memory', () => {
  test('never asks for less than the least, and adds up', async () => {
    const context = testContext();
    const { rows } = await measureMemory(context);
    expect(rows.map(({ strategy }) => strategy)).toEqual([
      'eager',
      'graph',
      'fused',
      'eager',
      'graph',
      'fused',
    ]);
    for (const { purposes, bytes, least } of rows) {
      for (const own of purposes) expect(own.least).toBeLessThanOrEqual(own.bytes);
      expect(purposes.reduce((sum, own) => sum + own.bytes, 0)).toBe(bytes);
      expect(purposes.reduce((sum, own) => sum + own.least, 0)).toBe(least);
    }
    const { purposes } = rows[0];
    expect(purposes.find(({ purpose }) => purpose === 'parameters')!.least).toBe(4 * 4192);
    expect(purposes.find(({ purpose }) => purpose === 'moments')!.least).toBe(8 * 4192);
    expect(context.notes.join()).toMatch(/resident: not measured without a device/);
  });

  test('the peak lies between the largest dispatch and all tensors', () => {
    const { spec } = defaultSetting();
    const plan = planOf(spec.model, spec.training, 'graph');
    const scratch = new Set(
      plan.dispatches.flatMap(({ node, outputs }) =>
        node.outputs.filter((_, i) => outputs[i] && plan.buffers[outputs[i].buffer].kind === 'scratch'),
      ),
    );
    const bytes = (shape: readonly number[]) => 4 * shape.reduce((a, b) => a * b, 1);
    const all = [...scratch].map(({ shape }) => bytes(shape));
    const peak = livePeak(plan);
    expect(peak).toBeGreaterThan(Math.max(...all));
    expect(peak).toBeLessThan(all.reduce((a, b) => a + b, 0));
  });
});

describe.skipIf(noAdapter !== '')('on a device', () => {
  test.each(['graph', 'fused'] as const)('%s makes the buffers of the plan', async (launch) => {
    const gpu = await deviceForTest({ limits: 'default' });
    const setting = defaultSetting();
    const watched = watchBuffers(gpu.device);
    const engine = await createWebGpuEngine(setting.spec, { gpu, launch });
    const made = watched.stop();
    engine.dispose();
    expect(made).toEqual(plannedBuffers(setting, launch));
  });

  test('resident has a row where it can train', async () => {
    const open = () => testDevice({ limits: 'default' });
    const { rows } = await measureMemory(testContext({ open }));
    const resident = rows.filter(({ strategy }) => strategy === 'resident');
    expect(resident).toHaveLength(1);
    expect(resident[0].bytes).toBeGreaterThan(resident[0].least);
  });
});
