// The whole measurement, with little time, on the adapter of the tests.

import * as v from 'valibot';
import { expect, test } from 'vitest';
import { measureReport, type MeasureOptions } from '../../../src/report/measure/measure.ts';
import { SECTION_NAMES } from '../../../src/report/measure/section.ts';
import { REPORT } from '../../../src/report/schema.ts';
import { nodeGpu } from '../../../src/webgpu/node-gpu.ts';
import { noAdapter } from '../../support/device.ts';

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

test.skipIf(noAdapter !== '')('every section, each marked as software where the adapter is', async () => {
  const report = await measureReport({ machine: MACHINE, mode: 'quick', seed: 1, gpu: nodeGpu, seconds: 6 });
  expect(v.parse(REPORT, report)).toEqual(report);
  for (const name of SECTION_NAMES) expect(report[name], name).not.toBeNull();
  const software = report.machine.adapter!.software;
  const { ladder, anatomy, launch, crossover, kernels, memory } = report;
  const marks = [...anatomy!, launch!, crossover!, kernels!].map((section) => section.software);
  expect(new Set(marks)).toEqual(new Set([software]));
  for (const { kind, software: own } of ladder!.rungs) {
    expect(own).toBe(software && (kind === 'webgpu' || kind === 'population'));
  }
  expect(anatomy!.map(({ strategy }) => strategy)).toEqual(['eager', 'graph', 'fused', 'resident']);
  expect(launch!.points.length).toBeGreaterThan(20);
  expect(launch!.workgroup!.points.length).toBeGreaterThan(15);
  const strategies = anatomy!.map(({ strategy }) => `webgpu-${strategy}`);
  expect(launch!.predictions.map(({ rung }) => rung)).toEqual(strategies);
  for (const { predicted } of launch!.predictions) expect(predicted.low).toBeLessThan(predicted.high);
  expect(crossover!.cells.length).toBeGreaterThan(30);
  for (const { ratio, skipped } of crossover!.cells) expect(ratio === null).toBe(skipped !== null);
  expect(new Set(kernels!.rows.map(({ name }) => name)).size).toBeGreaterThan(20);
  expect(memory!.rows.length).toBeGreaterThan(6);
  expect(report.complete).toBe(true);
});
