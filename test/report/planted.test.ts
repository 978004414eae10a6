// From planted engines to sentences: what is measured on a clock that only they move, and what the report then says of them.

import { describe, expect, test } from 'vitest';
import { compareReports } from '../../src/report/judge/compare.ts';
import { verdict } from '../../src/report/judge/verdict.ts';
import { controlOf } from '../../src/report/measure/control.ts';
import { estimateIn } from '../../src/report/measure/section.ts';
import { timeInTurns, type Subject } from '../../src/report/measure/subjects.ts';
import type { Report } from '../../src/report/schema.ts';
import { PlantedClock } from '../support/planted-clock.ts';
import { gpuReport, rung } from '../support/report-fixture.ts';
import { testContext } from '../support/section-context.ts';

const TRIALS = 20;
const NOISE = 0.03;

/** A report of a CPU engine and a GPU engine that take so many microseconds a step, measured with its own control pair. */
async function measured(cpu: number, gpu: number, seed: number): Promise<Report> {
  const clock = new PlantedClock(NOISE, seed);
  const context = testContext({ clock: clock.now, seconds: 1000 });
  const engine = (name: string, step: number): Subject => ({
    name,
    run: async (steps) => clock.pass(steps * step),
  });
  const control = await controlOf([engine('a', cpu), engine('a', cpu)], context);
  const options = { sample: 1000, least: 15, most: 15 };
  const timed = await timeInTurns([engine('cpu', cpu), engine('gpu', gpu)], context.session, options);
  const steps = timed.map(({ samples }) => estimateIn(context, samples));
  const report = gpuReport();
  report.ladder!.rungs = [
    rung('cpu-simd', 'CPU, SIMD', cpu, { step: steps[0] }),
    rung('webgpu-graph', 'WebGPU, graph', gpu, { step: steps[1] }),
  ];
  return { ...report, control, anatomy: null };
}

/** In how many of the trials `says` holds of a report. */
async function count(cpu: number, gpu: number, says: (report: Report, seed: number) => unknown) {
  let times = 0;
  for (let seed = 1; seed <= TRIALS; seed++) if (await says(await measured(cpu, gpu, seed), seed)) times++;
  return times;
}

describe('of planted engines, the verdict', () => {
  test('calls one that is slowed by a quarter slower, by about that, and never faster', async () => {
    const slower = await count(100, 125, (report) => {
      const [speed] = verdict(report);
      expect(speed).not.toMatch(/faster\.$/);
      const by = speed.match(/the GPU is ([\d.]+)× .* slower\.$/)?.[1];
      if (by !== undefined) expect(Math.abs(Number(by) / 1.25 - 1)).toBeLessThan(0.1);
      return by;
    });
    // With 15 samples that err by 3%, a quarter is many intervals away from nothing.
    expect(slower).toBeGreaterThanOrEqual(TRIALS - 2);
  });

  test('says of two that are the same that they cannot be told apart', async () => {
    const same = await count(100, 100, (report) =>
      /no difference distinguishable from noise/.test(verdict(report)[0]),
    );
    // The intervals alone would miss one in 20; the control pair has to hide another part of those.
    expect(same).toBeGreaterThanOrEqual(TRIALS - 2);
  });

  test('says nothing of a difference that its own control pair shows as well', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const report = await measured(100, 125, seed);
      const clock = new PlantedClock(NOISE, seed);
      const uneven = [100, 140].map((step) => ({
        name: 'a',
        run: async (steps: number) => clock.pass(steps * step),
      }));
      const control = await controlOf(uneven, testContext({ clock: clock.now, seconds: 1000 }));
      expect(verdict({ ...report, control })[0]).toMatch(/no difference distinguishable from noise/);
    }
  });
});

test('a comparison calls an engine slower that was slowed between two reports, and the other unchanged', async () => {
  const found = { slower: 0, same: 0 };
  for (let seed = 1; seed <= TRIALS; seed++) {
    const before = await measured(100, 200, seed);
    const after = await measured(100, 250, 100 + seed);
    const reports = [before, after].map((report, i) => ({ name: `${i}.json`, report }));
    const [cpu, gpu] = compareReports(reports).sentences;
    if (/in B \(graph\), 1\.[12]\d?× .* slower\.$/.test(gpu)) found.slower++;
    if (/in B \(SIMD\), no difference/.test(cpu)) found.same++;
    expect(gpu).not.toMatch(/faster/);
  }
  expect(found.slower).toBeGreaterThanOrEqual(TRIALS - 2);
  expect(found.same).toBeGreaterThanOrEqual(TRIALS - 2);
});
