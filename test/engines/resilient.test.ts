// Training goes on where its device is lost: on a new one to the same bits, on the CPU where that is allowed, or it says
// what to do.

import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Engine, TrainingState } from '../../src/engine/engine.ts';
import type { EngineChoice } from '../../src/engine/choice.ts';
import { createEngine, type ChosenEngine } from '../../src/engine/choose.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ResilientEngine } from '../../src/engine/resilient.ts';
import { ConfigError, DeviceError } from '../../src/util/errors.ts';
import { changed, noAdapter } from '../support/device.ts';
import { frailGpu, type FrailGpu } from '../support/lose-device.ts';

const { spec } = prepareRun({
  documents: ['anna', 'bea', 'carl', 'dora'],
  model: { nLayer: 1, nEmbd: 8, nHead: 2, blockSize: 8 },
  training: { ...DEFAULT_TRAINING, steps: 60 },
});

/** The one whose kernels compile fastest. */
const LAUNCH = 'graph';

interface Lasting {
  readonly engine: ResilientEngine;
  readonly frail: FrailGpu;
  readonly notes: string[];
}

/** The engine asked for is WebGPU's; `engine` is what was asked for as far as losses go. */
async function lasting({ engine = 'webgpu' }: Partial<EngineChoice> = {}): Promise<Lasting> {
  const frail = frailGpu();
  const choice = { engine: 'webgpu', launch: LAUNCH, gpu: frail.gpu } as const;
  const notes: string[] = [];
  const chosen = await createEngine(choice, spec);
  const made = new ResilientEngine(chosen, { ...choice, engine }, spec, (text) => notes.push(text));
  onTestFinished(() => made.dispose());
  return { engine: made, frail, notes };
}

/** One that nothing happens to, for all tests: kernels take a second to compile where a processor imitates a GPU. */
let calm: (ChosenEngine & { readonly beginning: TrainingState }) | undefined;
afterAll(() => calm?.close());

/** What an engine does that nothing happens to. */
async function undisturbed<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
  if (calm === undefined) {
    const chosen = await createEngine({ engine: 'webgpu', launch: LAUNCH, gpu: frailGpu().gpu }, spec);
    calm = { ...chosen, beginning: await chosen.engine.state() };
  }
  await calm.engine.load(calm.beginning);
  return work(calm.engine);
}

/** From now on there is no adapter. */
function unplug(frail: FrailGpu): void {
  frail.adapter = () => null;
  frail.lose();
}

describe.skipIf(noAdapter !== '')('a resilient engine', () => {
  it('goes on after losses before the first step, between steps and during them', async () => {
    const expected = await undisturbed(async (engine) => ({
      losses: await engine.advance(30),
      state: await engine.state(),
    }));
    const { engine, frail, notes } = await lasting();
    frail.lose();
    const losses = [...(await engine.advance(10))];
    frail.lose();
    losses.push(...(await engine.advance(10)));
    const last = engine.advance(10);
    frail.lose();
    losses.push(...(await last));
    frail.lose();
    expect(await engine.state()).toEqual(expected.state);
    expect(losses).toEqual([...expected.losses]);
    expect(frail.opened).toBe(5);
    expect(notes).toHaveLength(4);
    expect(notes[1]).toMatch(
      /^The GPU device was lost \(destroyed\) on .* Training continues after step 10, from a copy of step (0|10), on a new device$/,
    );
    // What was computed again is kept, and so is what somebody read.
    expect(notes[2]).toMatch(/after step 20, from a copy of step (10|20),/);
    expect(engine.kept?.step).toBe(30);
  });

  it('goes on with several models', async () => {
    const several = { ...spec, others: [{ ...spec, parameters: spec.parameters.map((x) => -x) }] };
    const frail = frailGpu();
    const choice = { engine: 'webgpu', launch: 'resident', gpu: frail.gpu } as const;
    const other = await createEngine(choice, several);
    onTestFinished(() => other.close());
    const expected = [
      await other.engine.advance(4),
      await other.engine.advance(4),
      await other.engine.state(),
    ];
    const engine = new ResilientEngine(await createEngine(choice, several), choice, several);
    onTestFinished(() => engine.dispose());
    expect(engine.size).toBe(2);
    const got: unknown[] = [await engine.advance(4)];
    frail.lose();
    got.push(await engine.advance(4), await engine.state());
    expect(got).toEqual(expected);
    expect(frail.opened).toBe(3);
  });

  it('goes on from a state that was loaded', async () => {
    const state = await undisturbed(async (engine) => (await engine.advance(5), engine.state()));
    const expected = await undisturbed(async (engine) => (await engine.advance(8), engine.state()));
    const { engine, frail, notes } = await lasting();
    frail.lose();
    await engine.load(state);
    frail.lose();
    await engine.advance(3);
    frail.lose();
    expect(await engine.state()).toEqual(expected);
    expect(notes[1]).toContain('Training continues after step 5, from a copy of step 5,');
  });

  it('goes on in the middle of a sample, and gives gradients and parameters', async () => {
    const work = async (engine: Engine, lose: () => void) => {
      const seen: unknown[] = [];
      await engine.advance(3);
      seen.push(await engine.prefill([0, 1]));
      for (const token of [2, 3, 1]) {
        seen.push(await engine.decode(token));
        lose();
      }
      seen.push(await engine.decode(4));
      lose();
      seen.push(await engine.gradients());
      lose();
      seen.push(await engine.parameters());
      return seen;
    };
    const expected = await undisturbed((engine) => work(engine, () => undefined));
    const { engine, frail } = await lasting();
    expect(await work(engine, () => frail.lose())).toEqual(expected);
    expect(frail.opened).toBe(6);
  });

  it('takes an error that is no loss for one: what the device computed after it cannot be trusted', async () => {
    const expected = await undisturbed((engine) => engine.advance(12));
    const { engine, frail, notes } = await lasting();
    let device!: GPUDevice;
    frail.onOpen = (opened) => (device = opened);
    frail.lose();
    const losses = [...(await engine.advance(6))];
    device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    losses.push(...(await engine.advance(6)));
    expect(losses).toEqual([...expected]);
    expect(notes[1]).toMatch(/^GPUValidationError on /);
  });

  it('goes on after its device ran out of memory in the middle, where a new one has enough', async ({
    skip,
  }) => {
    // SwiftShader refuses an allocation of 1 GiB, though its limits allow it: a real error of the driver.
    const software = process.env['MICROGPT_TEST_ADAPTER'] === 'software';
    if (!software) return skip('a GPU of many gigabytes would have to be filled');
    const expected = await undisturbed(async (engine) => (await engine.advance(9), engine.state()));
    const { engine, frail, notes } = await lasting();
    let filled = 1;
    frail.onOpen = (device) => {
      if (filled-- <= 0) return;
      const create = device.createBuffer.bind(device);
      device.createBuffer = (descriptor) => {
        const reads = descriptor.label?.startsWith('read ') === true;
        return create(reads ? { ...descriptor, size: device.limits.maxBufferSize } : descriptor);
      };
    };
    frail.lose(); // the first device was opened before
    await engine.advance(9);
    expect(await engine.state()).toEqual(expected);
    expect(notes[1]).toMatch(
      /^The GPU is out of memory: reading \w+ takes \d+\.\d MiB more\. Training continues after step 9, from a copy of step 0, on a new device$/,
    );
    filled = Infinity;
    frail.lose();
    await expect(engine.state()).rejects.toThrow(
      /^The GPU is out of memory: reading .*\nSo were 3 new ones\.$/,
    );
  });

  it('stops where no new device can be had, says why, and keeps the last state at hand', async () => {
    const { engine, frail, notes } = await lasting();
    await engine.advance(5);
    const kept = await engine.state();
    await engine.advance(2);
    unplug(frail);
    const next = engine.advance(1);
    await expect(next).rejects.toThrow(DeviceError);
    await expect(next).rejects.toThrow(
      /^The GPU device was lost .*\nNo other could be had in 3 tries: No WebGPU adapter was found/,
    );
    expect(engine.kept).toEqual(kept);
    expect(notes).toEqual([]);
    await expect(engine.state()).rejects.toThrow(/^The GPU device was lost/);
    engine.dispose();
    await expect(engine.advance(1)).rejects.toThrow(ConfigError);
  });

  it('takes no other adapter than the one it began on', async () => {
    const { engine, frail } = await lasting();
    const info = { vendor: 'acme', architecture: 'x1', device: 'Acme X1', description: '' };
    frail.adapter = (real) => changed(real, { info });
    frail.lose();
    await expect(engine.advance(1)).rejects.toThrow(/ is gone; there is only Acme X1\.$/);
  });

  it('gives up where every new device is lost as well', async () => {
    const { engine, frail } = await lasting();
    let compiled = 0;
    frail.onOpen = (device) => {
      // Once it is ready, which takes pipelines: the step that it is made for is what it does not survive.
      const submit = device.queue.submit.bind(device.queue);
      device.queue.submit = (commands) => {
        compiled++;
        submit(commands);
        device.destroy();
      };
    };
    frail.lose();
    await expect(engine.advance(1)).rejects.toThrow(/^The GPU device was lost .*\nSo were 3 new ones\.$/);
    expect(compiled).toBe(3);
    expect(frail.opened).toBe(4);
  });

  it('goes on with the CPU engine where the choice was auto', async () => {
    const expected = await undisturbed((engine) => engine.advance(20));
    const { engine, frail, notes } = await lasting({ engine: 'auto' });
    const losses = [...(await engine.advance(12))];
    unplug(frail);
    losses.push(...(await engine.advance(8)));
    expect(engine.info.engine).toBe('cpu');
    // 1e-5: what f32 engines agree within.
    losses.forEach((loss, i) => expect(Math.abs(loss - expected[i])).toBeLessThanOrEqual(1e-5));
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(
      /Training continues after step 12, from a copy of step (0|12), with cpu .* within rounding/,
    );
    expect((await engine.state()).step).toBe(20);
  });

  it('copies the state by itself as time goes by', async () => {
    const { engine } = await lasting();
    await engine.advance(1);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await engine.advance(1);
    expect(engine.kept?.step).toBe(2);
  });

  it('leaves no device open where it is disposed of while it recovers', async () => {
    const { engine, frail } = await lasting();
    const lost: Promise<unknown>[] = [];
    frail.onOpen = (device) => lost.push(device.lost);
    frail.lose();
    const next = engine.advance(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    engine.dispose();
    await expect(next).rejects.toThrow(/used after dispose/);
    expect(lost).toHaveLength(1);
    await Promise.all(lost);
  });
});
