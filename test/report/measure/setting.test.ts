import { describe, expect, test } from 'vitest';
import { createCpuEngine } from '../../../src/cpu/engine.ts';
import { defaultSetting, engineSubject, stepTokens } from '../../../src/report/measure/setting.ts';

describe('the default setting', () => {
  const setting = defaultSetting();

  test.each([1, 2, 7, 20, 300])('samples of %i steps have the mean number of tokens', (wanted) => {
    const { start, steps } = setting.window(wanted);
    expect(start).toBeGreaterThanOrEqual(1);
    expect(steps).toBeGreaterThanOrEqual(wanted);
    expect(steps).toBeLessThan(wanted + 10);
    let tokens = 0;
    for (let step = start; step < start + steps; step++) tokens += stepTokens(setting.spec, step);
    expect(Math.abs(tokens / steps / setting.shape.tokensPerStep - 1)).toBeLessThanOrEqual(0.005);
  });

  test('a sample cannot be longer than the run, and asks for no step beyond it', async () => {
    const { start, steps } = setting.window(100_000);
    expect(start + steps).toBe(1000);
    const engine = createCpuEngine(setting.spec);
    const subject = engineSubject('cpu', engine, setting);
    for (let i = 0; i < 2; i++) {
      await subject.prepare!(steps);
      await subject.run(steps);
    }
    engine.dispose();
  });

  test('every sample is the same training', async () => {
    const engine = createCpuEngine(setting.spec);
    const subject = engineSubject('cpu', engine, setting);
    const runs: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      await subject.prepare!(7);
      runs.push(await subject.run(7));
    }
    expect(runs[0]).toEqual(runs[1]);
    engine.dispose();
  });
});
