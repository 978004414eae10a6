import { beforeAll, describe, expect, it } from 'vitest';
import { createCpuEngine } from '../../src/cpu/engine.ts';
import type { Engine, Member, TrainingState } from '../../src/engine/engine.ts';
import { specOf } from '../../src/engine/models.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import type { ModelSource, SweepChoice } from '../../src/engine/choice.ts';
import { chooseEngines } from '../../src/engine/choose.ts';
import { pickLosses } from '../../src/train/metrics-file.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { axesOf, gridPoint, gridSize, varyingAxes } from '../../src/train/sweep-grid.ts';
import {
  compareResults,
  doneBefore,
  runSweep,
  smoothingWindow,
  sweepSource,
  type ModelResult,
  type SweepOptions,
  type SweepOutcome,
  type SweepProgress,
} from '../../src/train/sweep.ts';
import { ResilientEngines } from '../../src/engine/recovery.ts';
import { DeviceError } from '../../src/util/errors.ts';
import { createWebGpuEngine } from '../../src/webgpu/engine.ts';
import { changed, deviceForTest, noAdapter } from '../support/device.ts';
import { expectSameBits } from '../support/same-bits.ts';
import { frailGpu, type FrailGpu } from '../support/lose-device.ts';

const ONE = axesOf(DEFAULT_TRAINING);
const OPTIONS: SweepOptions = {
  documents: ['anna', 'bea', 'christopher', 'dora', 'emil', 'fritz', 'g'],
  model: { nLayer: 1, nEmbd: 8, nHead: 2, blockSize: 6 },
  training: { steps: 60, batchSize: 2, clip: 0 },
  axes: { ...ONE, seed: [1, 7], initScale: [0.02, 0.2], beta1: [0, 0.9], learningRate: [0.003, 0.03] },
};

/** CPU engines of `capacity` models. */
function onCpu(source: ModelSource, capacity: number) {
  const create = async (members: readonly Member[]) => createCpuEngine(specOf(source, members));
  return { capacity, create };
}

/** The run that a model of the sweep is to equal. */
function alone({ documents, model, training, axes }: SweepOptions, index: number) {
  return prepareRun({ documents, model, training: { ...training, ...gridPoint(axes, index) } }).spec;
}

describe('the grid', () => {
  it('has every combination once, learning rates fastest and seeds slowest', () => {
    const { axes } = OPTIONS;
    expect(gridSize(axes)).toBe(16);
    const points = Array.from({ length: 16 }, (_, i) => gridPoint(axes, i));
    expect(new Set(points.map((point) => JSON.stringify(point))).size).toBe(16);
    expect(points[0]).toEqual({
      seed: 1,
      initScale: 0.02,
      eps: 1e-8,
      beta2: 0.99,
      beta1: 0,
      learningRate: 0.003,
    });
    expect(points[1]).toEqual({ ...points[0], learningRate: 0.03 });
    expect(points[8]).toEqual({ ...points[0], seed: 7 });
    expect(varyingAxes(axes)).toEqual(['learningRate', 'beta1', 'initScale', 'seed']);
  });
});

describe('a sweep', () => {
  it('gives every model what it gets alone, however many train at a time', async () => {
    const source = sweepSource(OPTIONS);
    const whole = await runSweep(source, onCpu(source, 16));
    expect(whole.results).toHaveLength(16);
    for (const result of whole.results) {
      const engine = createCpuEngine(alone(OPTIONS, result.index));
      const losses = await engine.advance(60);
      const last = [...losses.subarray(10)];
      const mean = last.reduce((sum, loss) => sum + loss, 0) / 50;
      const variance = last.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / 49;
      expect(result).toEqual({ index: result.index, step: 60, loss: mean, error: Math.sqrt(variance / 50) });
      if (result.index !== whole.best?.result.index) continue;
      expect(whole.best).toEqual({
        result: whole.results[0],
        losses,
        state: await engine.state(),
        engine: engine.info,
      });
    }
    const ranked = whole.results.map(({ loss }) => loss!);
    expect(ranked).toEqual(ranked.toSorted((a, b) => a - b));
    for (const capacity of [1, 5, 100])
      expect(await runSweep(source, onCpu(source, capacity))).toEqual(whole);
  });

  it.skipIf(noAdapter)('gives the bits of each training alone on a device too', async () => {
    const gpu = await deviceForTest({ limits: 'adapter' });
    // Several models may be fastest at another width. 1e-4: f32 rounding, carried on by 12 steps of Adam.
    const sameBits = (got: unknown, expected: unknown, what: string) =>
      expectSameBits(gpu, got, expected, 1e-4, what);
    const training = { steps: 12, batchSize: 2, clip: 0 };
    const options: SweepOptions = {
      ...OPTIONS,
      training,
      axes: { ...OPTIONS.axes, beta1: [0], eps: [1e-8, 1e-3] },
    };
    const source = sweepSource(options);
    const create = (members: readonly Member[]) =>
      createWebGpuEngine(specOf(source, members), { gpu, launch: 'resident' });
    const outcome = await runSweep(source, { capacity: 11, create });
    expect(outcome.results).toHaveLength(16);
    for (const result of outcome.results) {
      const engine = await createWebGpuEngine(alone(options, result.index), { gpu, launch: 'resident' });
      const losses = await engine.advance(12);
      const mean = losses.reduce((sum, loss) => sum + loss, 0) / 12;
      sameBits(result.loss, mean, `loss of model ${result.index}`);
      if (result.index === outcome.best?.result.index) {
        const { best } = outcome;
        sameBits([best.losses, best.state], [losses, await engine.state()], 'the best model');
      }
      engine.dispose();
    }
  });

  it('marks models that diverge, ranks them last and trains the others to the end', async () => {
    const options = { ...OPTIONS, axes: { ...ONE, seed: [1, 2], learningRate: [1e38, 0.01, 1e30] } };
    const source = sweepSource(options);
    for (const capacity of [1, 6]) {
      const { results, best } = await runSweep(source, onCpu(source, capacity));
      expect(results.map(({ diverged }) => diverged ?? false)).toEqual([
        false,
        false,
        true,
        true,
        true,
        true,
      ]);
      expect(new Set(results.slice(0, 2).map(({ index }) => index))).toEqual(new Set([1, 4]));
      expect(results.slice(0, 2).map(({ step }) => step)).toEqual([60, 60]);
      for (const { index, step, loss } of results.slice(2)) {
        const losses = await createCpuEngine(alone(options, index)).advance(60);
        expect(losses.findIndex((x) => !Number.isFinite(x))).toBe(step);
        expect(loss).toBeUndefined();
      }
      expect(best?.result).toEqual(results[0]);
    }
    const none = sweepSource({ ...options, axes: { ...ONE, learningRate: [1e38] } });
    const { results, best } = await runSweep(none, onCpu(none, 4));
    expect(results).toMatchObject([{ index: 0, diverged: true }]);
    expect(best).toBeUndefined();
  });

  it('keeps what it has when it is stopped', async () => {
    const source = sweepSource(OPTIONS);
    const whole = await runSweep(source, onCpu(source, 1));
    const stop = new AbortController();
    const onProgress = ({ models, step }: SweepProgress) => {
      if (models === 2 && step < 60) stop.abort();
    };
    const { create } = onCpu(source, 1);
    let made = 0;
    const slow = async (members: readonly Member[]): Promise<Engine> => {
      const engine = await create(members);
      if (++made !== 2) return engine;
      const advance = async (k: number) => {
        await new Promise((resolve) => setTimeout(resolve, 400)); // so that the third is not trained at one go
        return engine.advance(k);
      };
      return { ...engine, advance };
    };
    const options = { signal: stop.signal, onProgress };
    const { results, best } = await runSweep(source, { capacity: 1, create: slow }, options);
    const inPart = results[2]; // stopped in the middle: behind those that are done
    expect(results).toHaveLength(3);
    expect(inPart.index).toBe(2);
    expect(inPart.step).toBeGreaterThan(0);
    expect(inPart.step).toBeLessThan(60);
    const done = whole.results.filter(({ index }) => index < 2);
    expect(results.slice(0, 2)).toEqual(done);
    expect(best?.result).toEqual(done[0]);

    stop.abort();
    expect(await runSweep(source, onCpu(source, 1), { signal: stop.signal })).toEqual({ results: [] });
  });

  it('tells how far it is', async () => {
    const source = sweepSource(OPTIONS);
    const seen: SweepProgress[] = [];
    await runSweep(source, onCpu(source, 5), { onProgress: (progress) => seen.push(progress) });
    const last = seen.at(-1)!;
    expect(last).toMatchObject({ modelSteps: 960, allModelSteps: 960, models: 16, allModels: 16, step: 60 });
    for (let i = 1; i < seen.length; i++) expect(seen[i].modelSteps).toBeGreaterThan(seen[i - 1].modelSteps);
  });

  it('shows every model while it trains, and how each ends', async () => {
    const source = sweepSource(OPTIONS);
    const seen: Float64Array[] = [];
    const states: TrainingState[] = [];
    const { results, best } = await runSweep(source, onCpu(source, 5), {
      onLosses(first, losses) {
        for (const [i, own] of losses.entries()) {
          const before: Float64Array = seen[first + i] ?? own.subarray(0, 0);
          expect(own.length).toBeGreaterThan(before.length);
          expect(own.slice(0, before.length)).toEqual(before.slice());
          seen[first + i] = own;
        }
      },
      onStates: (first, own) => own.forEach((state, i) => (states[first + i] = state)),
    });
    for (const { index, loss } of results) {
      expect(seen[index]).toHaveLength(60);
      const last = seen[index].slice(-smoothingWindow(60));
      expect(last.reduce((a, b) => a + b) / last.length).toBe(loss);
    }
    expect(states).toHaveLength(16);
    expect(states[best!.result.index]).toEqual(best!.state);
    expect(states[results[1].index].parameters).not.toEqual(best!.state.parameters);
  });

  it('disposes of its engines, and hands on what goes wrong in one', async () => {
    const source = sweepSource(OPTIONS);
    const { create } = onCpu(source, 8);
    let open = 0;
    const counted = async (members: readonly Member[]): Promise<Engine> => {
      const engine = await create(members);
      open++;
      return { ...engine, dispose: () => (open--, engine.dispose()) };
    };
    await runSweep(source, { capacity: 8, create: counted });
    expect(open).toBe(0);
    const failing = async (members: readonly Member[]): Promise<Engine> => ({
      ...(await counted(members)),
      advance: () => Promise.reject(new Error('lost')),
      dispose: () => open--,
    });
    await expect(runSweep(source, { capacity: 8, create: failing })).rejects.toThrow('lost');
    expect(open).toBe(0);
  });
});

describe('a sweep that was ended', () => {
  it('goes on with the models that are missing, to the outcome of one that was not', async () => {
    const source = sweepSource(OPTIONS);
    const told: SweepOutcome[] = [];
    const onDone = async (outcome: SweepOutcome) => void told.push(outcome);
    const whole = await runSweep(source, onCpu(source, 3), { onDone });
    expect(told.map(({ results }) => results.length)).toEqual([3, 6, 9, 12, 15, 16]);
    expect(told.at(-1)).toEqual(whole);

    for (const { results: left, best } of told) {
      const models: number[] = [];
      const known = doneBefore(left, 60);
      const { results, best: found } = await runSweep(source, onCpu(source, 2), {
        known,
        onLosses: (first, losses) => losses.forEach((_, i) => models.push(first + i)),
        onProgress: ({ modelSteps }) => expect(modelSteps).toBeGreaterThan(60 * known.length),
      });
      expect(results).toEqual(whole.results);
      expect(Math.min(16, ...models)).toBe(known.length);
      expect(found ?? best).toEqual(whole.best);
    }
  });

  it('has done what comes before the first model that was not trained to its end', () => {
    const done = (index: number): ModelResult => ({ index, step: 60, loss: 2 });
    const diverged: ModelResult = { index: 1, step: 3, diverged: true };
    const part: ModelResult = { index: 3, step: 20, loss: 1 };
    expect(doneBefore([done(2), done(0), diverged, part], 60)).toEqual([done(0), diverged, done(2)]);
    expect(doneBefore([done(4), done(2), done(0)], 60)).toEqual([done(0)]);
    expect(doneBefore([part], 60)).toEqual([]);
  });
});

describe('ranking', () => {
  it('puts models that got further first, then lower losses, then those that came first', () => {
    const ranked: ModelResult[] = [
      { index: 5, step: 60, loss: 2 },
      { index: 6, step: 60, loss: 2 },
      { index: 0, step: 60, loss: 3 },
      { index: 1, step: 20, loss: 1 },
      { index: 2, step: 50, diverged: true },
      { index: 3, step: 0, diverged: true },
    ];
    expect(ranked.toReversed().toSorted(compareResults)).toEqual(ranked);
  });

  it.each([
    [1, 1],
    [50, 50],
    [60, 50],
    [250, 50],
    [1000, 200],
    [1001, 201],
  ])('of runs of %i steps takes the mean of %i', (steps, window) => {
    expect(smoothingWindow(steps)).toBe(window);
  });
});

it('of a long run as many losses are kept as train keeps', () => {
  const losses = Float64Array.from({ length: 10 }, (_, step) => step + 1);
  expect([...pickLosses(losses, 100_000)]).toEqual([...losses]);
  expect([...pickLosses(losses, 250_000)]).toEqual([3, 6, 9]);
});

it('the defaults of a sweep are those of a run', () => {
  const { steps: _, batchSize: __, clip: ___, ...rest } = DEFAULT_TRAINING;
  expect(gridPoint(ONE, 0)).toEqual(rest);
});

describe.skipIf(noAdapter !== '')('a sweep whose device is lost', () => {
  const source = sweepSource({ ...OPTIONS, axes: { ...OPTIONS.axes, beta1: [0.9] } });
  const ALL = [0, 1, 2, 3, 4, 5, 6, 7];
  const order = ({ results }: SweepOutcome) => results.map(({ index }) => index).toSorted((a, b) => a - b);

  interface Lossy {
    readonly outcome: SweepOutcome;
    readonly notes: string[];
    readonly opened: number;
  }

  /** Three models at a time. `disturb` is called after every advance, with the steps done of all models together. */
  async function sweep(
    disturb: (frail: FrailGpu, modelSteps: number) => void,
    engine: SweepChoice['engine'] = 'webgpu',
  ): Promise<Lossy> {
    const frail = frailGpu();
    const notes: string[] = [];
    const chosen = await chooseEngines({ engine: 'webgpu', gpu: frail.gpu }, source);
    const choice = { engine, gpu: frail.gpu };
    const lasting = new ResilientEngines(chosen, choice, source, (text) => notes.push(text));
    const engines = {
      capacity: 3,
      create: (members: readonly Member[]) => lasting.create(members),
      recover: (lost: DeviceError, done: number) => lasting.recover(lost, done),
    };
    const onProgress = ({ modelSteps }: SweepProgress) => disturb(frail, modelSteps);
    // States are asked for, so that a loss is noticed after the last step too: a fast machine does all steps at once.
    const onStates = () => undefined;
    try {
      const outcome = await runSweep(source, engines, { onProgress, onStates });
      return { outcome, notes, opened: frail.opened };
    } finally {
      lasting.close();
    }
  }

  /** Calls `act` the first time that so many steps are done. */
  function once(at: number, act: (frail: FrailGpu) => void): (frail: FrailGpu, modelSteps: number) => void {
    let acted = false;
    return (frail, modelSteps) => {
      if (acted || modelSteps < at) return;
      acted = true;
      act(frail);
    };
  }

  const unplug = (frail: FrailGpu) => {
    frail.adapter = () => null;
    frail.lose();
  };

  let whole: Lossy;
  beforeAll(async () => {
    whole = await sweep(() => undefined);
  });

  it('goes on, on a new one, to the same bits', async () => {
    expect([order(whole.outcome), whole.opened]).toEqual([ALL, 1]);
    // With the first models, and after the last step of the second ones.
    const moments = [3, 360].map((at) => once(at, (frail) => frail.lose()));
    const { outcome, notes, opened } = await sweep((frail, steps) =>
      moments.forEach((act) => act(frail, steps)),
    );
    expect(outcome).toEqual(whole.outcome);
    expect(opened).toBe(1 + notes.length);
    expect(notes).toHaveLength(2);
    expect(notes[0]).toMatch(
      /^The GPU device was lost \(destroyed\) on .* 0 models are done; the others are trained on a new device$/,
    );
    expect(notes.at(-1)).toContain(' 3 models are done; ');
  });

  it('goes on with the CPU where no other is left and the choice was auto', async () => {
    const { outcome, notes } = await sweep(once(3 * 60 + 3, unplug), 'auto');
    expect([order(outcome), outcome.failure]).toEqual([ALL, undefined]);
    for (const { index, loss, step } of outcome.results) {
      const expected = whole.outcome.results.find((result) => result.index === index)!;
      expect(step).toBe(60);
      if (index < 3) expect(loss).toBe(expected.loss);
      // 1e-5: what f32 engines agree within.
      else expect(Math.abs(loss! - expected.loss!)).toBeLessThanOrEqual(1e-5);
    }
    const { result, engine } = outcome.best!;
    expect(engine.engine).toBe(result.index < 3 ? 'webgpu' : 'cpu');
    expect(notes).toEqual([
      expect.stringMatching(
        /No other device could be had\. 3 models are done; .* with cpu .* within rounding/,
      ),
    ]);
  });

  it('gives the models that were done, with the error, where WebGPU was asked for', async () => {
    const { outcome, notes } = await sweep(once(2 * 3 * 60 + 2, unplug));
    expect(outcome.failure?.message).toMatch(
      /^The GPU device was lost .*\nNo other could be had in 3 tries: No WebGPU adapter was found/,
    );
    expect([order(outcome), notes]).toEqual([ALL.slice(0, 6), []]);
    expect(outcome.results.every(({ step }) => step === 60)).toBe(true);
    expect(outcome.best?.result).toEqual(outcome.results[0]);
  });

  it('fails where none was done', async () => {
    await expect(sweep(once(3, unplug))).rejects.toThrow(DeviceError);
  });

  it('gives up where every new device is lost as well, though each does some steps', async () => {
    const { outcome, opened } = await sweep((frail, modelSteps) => {
      if (modelSteps > 180) frail.lose();
    });
    expect(outcome.failure?.message).toMatch(/^The GPU device was lost .*\nSo were 3 new ones\.$/);
    expect([order(outcome), opened]).toEqual([[0, 1, 2], 4]);
  });

  it('takes no other adapter than the one it began on', async () => {
    const info = { vendor: 'acme', architecture: 'x1', device: 'Acme X1', description: '' };
    const exchanged = once(3, (frail) => {
      frail.adapter = (real) => changed(real, { info });
      frail.lose();
    });
    await expect(sweep(exchanged)).rejects.toThrow(/ is gone; there is only Acme X1\.$/);
  });
});
