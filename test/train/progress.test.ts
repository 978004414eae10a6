import { describe, expect, it } from 'vitest';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { countTokens, ProgressMeter, type Progress } from '../../src/train/progress.ts';

const { spec } = prepareRun({
  documents: ['a', 'bb', 'ccccccc'], // 2, 3 and, cut to the block, 4 tokens to predict
  model: { nLayer: 1, nEmbd: 4, nHead: 1, blockSize: 4 },
  training: { ...DEFAULT_TRAINING, steps: 1000, batchSize: 2 },
});

describe('countTokens', () => {
  it('counts what is predicted, over and over the data', () => {
    const whole = 2 + 3 + 4;
    expect(countTokens(spec.documents, 4, 0, 3)).toBe(whole);
    expect(countTokens(spec.documents, 4, 0, 300)).toBe(100 * whole);
    expect(countTokens(spec.documents, 4, 7, 10)).toBe(whole);
    expect(countTokens(spec.documents, 4, 5, 5)).toBe(0);
    const each = [0, 1, 2].map((d) => countTokens(spec.documents, 4, d, d + 1));
    expect(each.toSorted((a, b) => a - b)).toEqual([2, 3, 4]);
  });
});

describe('ProgressMeter', () => {
  it('measures rates and the time left', () => {
    const { meter, run } = clocked();
    const progress = run({ chunks: 10, steps: 30, milliseconds: 100, loss: 2 }); // 300 steps a second
    expect(progress).toMatchObject({ step: 300, steps: 1000, loss: 2 });
    expect(progress.smoothedLoss).toBeCloseTo(2, 12);
    expect(progress.stepsPerSecond).toBeCloseTo(300, 6);
    expect(progress.tokensPerSecond).toBeCloseTo(300 * 2 * 3, 6); // two documents of 3 tokens on average
    expect(progress.secondsLeft).toBeCloseTo(700 / 300, 6);
    const total = meter.total();
    expect(total.seconds).toBeCloseTo(1, 12);
    expect(total.stepsPerSecond).toBeCloseTo(300, 6);
    expect(total.tokensPerSecond).toBeCloseTo(1800, 6);
  });

  it('follows a change of speed within seconds and of loss within some 50 steps', () => {
    const { run } = clocked();
    run({ chunks: 100, steps: 1, milliseconds: 100, loss: 3 });
    const soon = run({ chunks: 50, steps: 1, milliseconds: 20, loss: 1 }); // a second later
    expect(soon.stepsPerSecond).toBeGreaterThan(20);
    expect(soon.stepsPerSecond).toBeLessThan(40);
    expect(soon.smoothedLoss).toBeGreaterThan(1.2);
    expect(soon.smoothedLoss).toBeLessThan(2.2);
    const later = run({ chunks: 500, steps: 1, milliseconds: 20, loss: 1 });
    expect(later.stepsPerSecond).toBeCloseTo(50, 0);
    expect(later.smoothedLoss).toBeCloseTo(1, 3);
  });

  it.each([
    ['learned', [3, 2.5, 2.2, 2.2], ''],
    ['learned, and lost a little', [3, 2.2, 2.4], ''],
    ['learned nothing', [1.4, 1.45], 'no better than chance (ln 4 = 1.39). Try more steps or another'],
    [
      'got worse and worse',
      [1.4, 9],
      'worse than chance (ln 4 = 1.39). Try a smaller learning rate, such as 0.001.',
    ],
    ['began too high', [80, 3], 'It began at 80.0: try more steps, or smaller initial values (init_scale).'],
    ['lost what it had learned', [1.4, 0.2, 0.9], 'far above its lowest, 0.2'],
  ])('says what is wrong with a run that %s', (_name, means, expected) => {
    const scale = expected === '' ? 0.4 : 1; // chance is 1.39
    const { meter, run } = clocked();
    for (const mean of means) run({ chunks: 4, steps: 100, milliseconds: 1, loss: scale * mean });
    if (expected === '') expect(meter.problem()).toBe('');
    else expect(meter.problem()).toContain(expected);
  });

  it('says nothing of some steps around chance, and much of a few that explode', () => {
    const { meter, run } = clocked();
    run({ chunks: 1, steps: 3, milliseconds: 1, loss: 1.5 });
    expect(meter.problem()).toBe('');
    run({ chunks: 1, steps: 3, milliseconds: 1, loss: 1e30 });
    expect(meter.problem()).toMatch(/^The smoothed loss ended at \d\.\d+e\+29, worse than chance/);
  });

  it('counts the first losses fully', () => {
    const meter = new ProgressMeter(spec, () => 0);
    expect(meter.update({ from: 0, step: 1, losses: Float64Array.of(5) }).smoothedLoss).toBe(5);
  });

  it('has finite figures where the clock stands still', () => {
    const meter = new ProgressMeter(spec, () => 7);
    const progress = meter.update({ from: 0, step: 1, losses: Float64Array.of(1) });
    for (const figure of Object.values(progress)) expect(figure).toSatisfy(Number.isFinite);
    for (const figure of Object.values(meter.total())) expect(figure).toSatisfy(Number.isFinite);
  });
});

/** A meter and a way to feed it chunks of `steps` that take `milliseconds` each. */
function clocked() {
  let clock = 1000;
  let step = 0;
  const meter = new ProgressMeter(spec, () => clock);
  const run = (each: { chunks: number; steps: number; milliseconds: number; loss: number }): Progress => {
    let progress: Progress | undefined;
    for (let i = 0; i < each.chunks; i++) {
      clock += each.milliseconds;
      const from = step;
      step += each.steps;
      progress = meter.update({ from, step, losses: new Float64Array(each.steps).fill(each.loss) });
    }
    if (progress === undefined) throw new Error('no chunks');
    return progress;
  };
  return { meter, run };
}
