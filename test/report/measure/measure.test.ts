// The whole measurement, with little time.

import * as v from 'valibot';
import { coreCount } from '../../../src/cpu/workers.ts';
import { describe, expect, test } from 'vitest';
import { controlOf } from '../../../src/report/measure/control.ts';
import type { ForeignRung } from '../../../src/report/measure/ladder-rungs.ts';
import {
  measureReport,
  type MeasureHooks,
  type MeasureOptions,
} from '../../../src/report/measure/measure.ts';
import { REPORT, type Report } from '../../../src/report/schema.ts';
import type { SectionName } from '../../../src/report/measure/section.ts';
import { DeviceError } from '../../../src/util/errors.ts';
import { PlantedClock } from '../../support/planted-clock.ts';
import { testContext } from '../../support/section-context.ts';

const MACHINE: MeasureOptions['machine'] = {
  name: 'a test',
  cpu: 'some',
  cores: 2,
  memoryBytes: null,
  os: 'some',
  runtime: 'Node',
  dawn: null,
  version: '0.0.0',
  commit: null,
  flags: [],
};

const none = async (): Promise<undefined> => undefined;

function measure(options: Partial<MeasureOptions>, hooks = {}): Promise<Report> {
  return measureReport(
    { machine: MACHINE, mode: 'quick', seed: 1, gpu: none, seconds: 3, ...options },
    hooks,
  );
}

/** A program that takes `microseconds` a step, or whatever `start` gives. */
function foreign(id: string, start: ForeignRung['start']): ForeignRung {
  return { id, label: id, kind: 'peer', start };
}

describe('the control', () => {
  test('names the pair that differs more, and what may be claimed', async () => {
    const clock = new PlantedClock(0.01);
    const subject = (name: string, time: number) => ({
      name,
      run: async (steps: number) => clock.pass(steps * time),
    });
    const subjects = [subject('a', 10), subject('a', 10), subject('b', 10), subject('b', 14)];
    const context = testContext({ clock: clock.now, seconds: 1000 });
    const control = (await controlOf(subjects, context))!;
    expect(control.what).toMatch(/^b,/);
    expect(control.ratio.value).toBeCloseTo(10 / 14, 1);
    expect(control.claimable).toBeGreaterThan(1.35);
    expect(await controlOf(subjects, testContext({ signal: AbortSignal.abort() }))).toBeNull();
  });
});

describe('without an adapter', () => {
  test('measures the CPU, and says why there is nothing about a GPU', async () => {
    const sections: SectionName[] = [];
    const section: MeasureHooks['section'] = (name, figures, soFar) => {
      sections.push(name);
      expect(soFar[name]).toBe(figures);
      expect(soFar.complete).toBe(false);
    };
    const report = await measure({}, { section });
    expect(v.parse(REPORT, report)).toEqual(report);
    expect(report).toMatchObject({
      complete: true,
      anatomy: null,
      launch: null,
      crossover: null,
      kernels: null,
    });
    expect(report.machine.adapter).toBeNull();
    expect(report.machine.noAdapter).toMatch(/WebGPU/);
    expect(sections).toEqual(['control', 'ladder', 'memory']);
    expect(report.notes).toEqual([
      report.machine.noAdapter,
      'memory: resident: not measured without a device',
    ]);
    const { rungs } = report.ladder!;
    expect(rungs.map(({ id }) => id)).toEqual(['oracle', 'cpu-plain', 'cpu-simd', 'cpu-threads']);
    const alone = coreCount() < 2;
    expect(rungs[3].reason).toBe(alone ? 'this machine has one core' : null);
    for (const rung of alone ? rungs.slice(0, 3) : rungs) {
      expect(rung.reason).toBeNull();
      expect(rung.step!.samples.length).toBeGreaterThanOrEqual(5);
      expect(rung.lossDifference!).toBeLessThan(1e-5);
      expect(rung.samplesPerSecond! * rung.step!.median).toBeCloseTo(1e6, 0);
    }
    const [oracle, plain, simd] = rungs;
    expect(oracle.timesOracle).toEqual({ value: 1, low: 1, high: 1 });
    expect(plain.timesOracle!.low).toBeGreaterThan(1);
    expect(simd.timesOracle!.value).toBeGreaterThan(plain.timesOracle!.value);
  });

  test('programs of others: checked, timed by their own clock, or listed with the reason', async () => {
    let stopped = 0;
    const run = (lossDifference: number) => async () => ({
      lossDifference,
      round: async () => 12_345,
      stop: () => {
        stopped++;
      },
    });
    const report = await measure({
      sections: ['ladder'],
      foreign: [
        foreign('right', run(1e-9)),
        foreign('wrong', run(0.5)),
        foreign('nan', run(NaN)),
        foreign('failing', async () => ({
          lossDifference: 0,
          round: () => Promise.reject(new DeviceError('the device was lost')),
          stop() {},
        })),
        foreign('missing', async () => 'not installed: no such package'),
      ],
    });
    const rungs = Object.fromEntries(report.ladder!.rungs.map((rung) => [rung.id, rung]));
    expect(rungs['right'].step!.median).toBe(12_345);
    expect(rungs['wrong']).toMatchObject({ step: null, reason: expect.stringMatching(/wrong answer/) });
    expect(rungs['nan']).toMatchObject({ step: null, lossDifference: null });
    expect(rungs['missing']).toMatchObject({ step: null, reason: 'not installed: no such package' });
    expect(rungs['failing']).toMatchObject({ step: null, reason: 'the device was lost' });
    expect(rungs['cpu-simd'].step).not.toBeNull();
    expect(stopped).toBe(3);
    expect(v.safeParse(REPORT, report).success).toBe(true);
  });

  test('a figure that is no number costs its section, and nothing else', async () => {
    const endless = foreign('endless', async () => ({
      lossDifference: 0,
      round: async () => Infinity,
      stop() {},
    }));
    const report = await measure({ sections: ['ladder', 'memory'], foreign: [endless] });
    expect(report.ladder).toBeNull();
    expect(report.notes.join('\n')).toMatch(/ladder: not measured. One of its figures is not a number/);
    expect(report.memory).not.toBeNull();
    expect(v.safeParse(REPORT, report).success).toBe(true);
  });

  test('stopped, it keeps what was measured and is not complete', async () => {
    const controller = new AbortController();
    const hooks = { section: (name: SectionName) => name === 'control' && controller.abort() };
    const report = await measure({ signal: controller.signal }, hooks);
    expect(report.complete).toBe(false);
    expect(report.control).not.toBeNull();
    expect(report.ladder).toBeNull();
    expect(report.notes.at(-1)).toMatch(/stopped/);
    expect(v.safeParse(REPORT, report).success).toBe(true);
  });

  test('stopped within the ladder, it keeps the rounds that were whole', async () => {
    const controller = new AbortController();
    const hooks = {
      progress: ({ section, done }: { section: string; done: number }) => {
        if (section === 'ladder' && done === 2) controller.abort();
      },
    };
    const report = await measure({ sections: ['ladder'], signal: controller.signal }, hooks);
    expect(report.complete).toBe(false);
    for (const { step } of report.ladder!.rungs) expect(step!.samples).toHaveLength(2);
  });
});
