// The anatomy of a step: planted recordings, and a real device.

import { describe, expect, test } from 'vitest';
import { anatomyOf, type Recording, type Round } from '../../../src/report/measure/anatomy-parts.ts';
import { Instrument } from '../../../src/report/measure/instrument.ts';
import { defaultSetting } from '../../../src/report/measure/setting.ts';
import { realClock } from '../../../src/report/measure/session.ts';
import { createWebGpuEngine } from '../../../src/webgpu/engine.ts';
import { PassTimer } from '../../../src/webgpu/timing.ts';
import { deviceForTest, noAdapter } from '../../support/device.ts';

/** Two steps: encode 20, submit 4, GPU 2 × 30 with a gap of 6, the wait as long as that and 10 more, readback 2. */
function round(wall: number): Round {
  const entry = (count: number, time: number) => ({ count, time });
  return {
    wall,
    watched: wall + 1,
    calls: new Map([
      ['createCommandEncoder', entry(1, 5)],
      ['dispatchWorkgroups', entry(4, 15)],
      ['submit', entry(1, 4)],
      ['mapAsync', entry(1, 76)],
      ['unmap', entry(1, 2)],
    ]),
    passes: [
      { begin: 100, end: 130 },
      { begin: 136, end: 166 },
    ],
    dispatches: [
      { name: 'linear', begin: 0, end: 20 },
      { name: 'adam', begin: 25, end: 35 },
      { name: 'linear', begin: 50, end: 70 },
      { name: 'adam', begin: 75, end: 85 },
    ],
  };
}

function recording(wall: number, change: Partial<Round> = {}): Recording {
  return { steps: 2, rounds: [0, 1, 2].map(() => ({ ...round(wall), ...change })) };
}

describe('anatomyOf', () => {
  test('adds up what was planted, per step', () => {
    const anatomy = anatomyOf('graph', false, recording(104), 1);
    const parts = Object.fromEntries(anatomy.parts.map(({ name, time }) => [name, time.value]));
    expect(parts).toEqual({
      encode: 10,
      submit: 2,
      gpu: 30,
      gaps: 3,
      wait: 5,
      readback: 1,
      unexplained: 1,
    });
    expect(anatomy.closes).toBe(true);
    expect(anatomy.unexplained).toBeCloseTo(1 / 52, 10);
    expect(anatomy.kernels).toMatchObject([
      { name: 'linear', count: 1, time: { value: 20 } },
      { name: 'adam', count: 1, time: { value: 10 } },
    ]);
    expect(anatomy.calls[1]).toMatchObject({ name: 'dispatchWorkgroups', count: 2, time: { value: 7.5 } });
    const sum = anatomy.parts.reduce((total, { time }) => total + time.value, 0);
    expect(sum).toBeCloseTo(anatomy.wall.median, 10);
  });

  test('says by how much the parts do not close', () => {
    const anatomy = anatomyOf('graph', false, recording(150), 1);
    expect(anatomy.closes).toBe(false);
    expect(anatomy.unexplained).toBeCloseTo(48 / 150, 10);
    expect(anatomyOf('graph', false, recording(80), 1)).toMatchObject({ closes: false, unexplained: -0.275 });
  });

  test('counts no dispatch twice where a pass is stamped before the one before it ends', () => {
    // As Dawn stamps on Vulkan: the beginning when the queue comes to the pass, which then waits.
    const dispatches = [
      { name: 'linear', begin: 0, end: 20 },
      { name: 'adam', begin: 0, end: 30 },
      { name: 'linear', begin: 20, end: 50 },
      { name: 'adam', begin: 30, end: 60 },
    ];
    const anatomy = anatomyOf('graph', false, recording(104, { dispatches }), 1);
    const parts = Object.fromEntries(anatomy.parts.map(({ name, time }) => [name, time.value]));
    expect(parts).toMatchObject({ gpu: 30, gaps: 3 });
    expect(anatomy.kernels).toMatchObject([
      { name: 'linear', count: 1, time: { value: 20 } },
      { name: 'adam', count: 1, time: { value: 10 } },
    ]);
  });

  test('without usable timestamps leaves the GPU in the wait, and says so', () => {
    const backwards = [{ begin: 5, end: 4 }];
    const missing = [{ begin: NaN, end: NaN }];
    for (const passes of [null, backwards, missing]) {
      const anatomy = anatomyOf('graph', false, recording(104, { passes }), 1);
      expect(anatomy.parts.map(({ name }) => name)).not.toContain('gpu');
      expect(anatomy.parts.find(({ name }) => name === 'wait')!.time.value).toBe(38);
      expect(anatomy.closes).toBe(true);
      expect(anatomy.kernels).toEqual([]);
      expect(anatomy.notes.join('\n')).toMatch(/no usable timestamps/);
    }
  });

  test('finds no gaps where dispatches alone take longer than all together', () => {
    const dispatches = [{ name: 'linear', begin: 0, end: 100 }];
    const anatomy = anatomyOf('graph', false, recording(104, { dispatches }), 1);
    const parts = Object.fromEntries(anatomy.parts.map(({ name, time }) => [name, time.value]));
    expect(parts).toMatchObject({ gpu: 33, gaps: 0 });
    expect(anatomy.notes.join('\n')).toMatch(/17\.00 µs a step more/);
  });
});

describe.skipIf(noAdapter !== '')('the instrument', () => {
  test('counts the calls of a step and leaves nothing behind', async () => {
    const gpu = await deviceForTest({ limits: 'default' });
    const instrument = new Instrument(gpu, realClock);
    const { spec } = defaultSetting();
    const engine = await createWebGpuEngine(spec, { gpu, launch: 'graph' });
    const plain = await createWebGpuEngine(spec, { gpu, launch: 'graph' });
    let losses = [...(await engine.advance(1))];
    const { calls, passes } = await instrument.watch(async () => losses.push(...(await engine.advance(1))));
    const count = (name: string) => calls.get(name)?.count;
    const dispatches = count('dispatchWorkgroups')!;
    expect(dispatches).toBeGreaterThan(20);
    expect(count('submit')).toBe(1);
    expect(count('beginComputePass')).toBe(1);
    expect(count('setBindGroup')).toBe(dispatches);
    expect(count('mapAsync')).toBe(1);
    for (const { time } of calls.values()) expect(time).toBeGreaterThan(0);

    if (instrument.timestamps) {
      expect(passes).toHaveLength(1);
      const single = await instrument.dispatches(async () => losses.push(...(await engine.advance(1))));
      expect(single).toHaveLength(dispatches);
      expect(single[0].name).toBe('batch');
      expect(single.at(-1)!.name).toBe('adam');
      for (const { begin, end } of single) expect(end).toBeGreaterThanOrEqual(begin);
    } else expect(passes).toBeNull();

    expect(Object.getOwnPropertyNames(gpu.device.queue)).not.toContain('submit');
    expect(Object.getOwnPropertyNames(gpu.device)).not.toContain('createCommandEncoder');
    losses = losses.concat([...(await engine.advance(2))]);
    expect(losses).toEqual([...(await plain.advance(losses.length))]); // watching changes no number
    engine.dispose();
    plain.dispose();
    instrument.destroy();
  });
});

describe.skipIf(noAdapter !== '')('PassTimer', () => {
  test('more work takes longer, and too many passes are an error', async (task) => {
    const gpu = await deviceForTest({ limits: 'default' });
    if (!PassTimer.available(gpu)) task.skip('this adapter has no timestamps');
    const timer = new PassTimer(gpu);
    expect(await timer.read()).toEqual([]);
    const code = `override N: u32; @group(0) @binding(0) var<storage, read_write> x: array<f32>;
      @compute @workgroup_size(64) fn work(@builtin(local_invocation_index) i: u32) {
        var y = x[i]; for (var k = 0u; k < N; k++) { y = fma(y, 0.5, 1.0); } x[i] = y; }`;
    const { device } = gpu;
    const module = device.createShaderModule({ code });
    const buffer = device.createBuffer({ size: 256, usage: GPUBufferUsage.STORAGE });
    const works = [1, 200_000].map((N) => {
      const compute = { module, entryPoint: 'work', constants: { N } };
      const pipeline = device.createComputePipeline({ layout: 'auto', compute });
      const entries = [{ binding: 0, resource: { buffer } }];
      const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
      return { pipeline, bindGroup, shortest: Infinity };
    });
    // By turns, and until both have had a quiet moment: other programs lengthen what they interrupt, and shorten nothing.
    const told = () => works[1].shortest > 2 * works[0].shortest;
    for (let i = 0; i < 5 || (i < 100 && !told()); i++) {
      for (const work of works) {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass({ timestampWrites: timer.next() });
        pass.setPipeline(work.pipeline);
        pass.setBindGroup(0, work.bindGroup);
        pass.dispatchWorkgroups(1);
        pass.end();
        device.queue.submit([encoder.finish()]);
        const [{ begin, end }] = await timer.read();
        work.shortest = Math.min(work.shortest, end - begin);
      }
    }
    expect(told()).toBe(true);
    for (let i = 0; i < 2048; i++) timer.next();
    expect(() => timer.next()).toThrow(/at most 2048 passes/);
    timer.destroy();
  });

  test('says where there are no stamps', async (task) => {
    const gpu = await deviceForTest({ limits: 'default' });
    if (!PassTimer.available(gpu)) task.skip('this adapter has no timestamps');
    const timer = new PassTimer(gpu);
    timer.next(); // of a pass that is never made
    expect(await timer.read()).toEqual([{ begin: NaN, end: NaN }]);
    timer.destroy();
  });
});
