// What `microgpt report` prints of each section as it is done; the files have the rest.

import type { Interval, Report } from '../report/schema.ts';
import type { SectionName } from '../report/measure/section.ts';
import type { MeasurementRecord } from '../train/records.ts';

type Figures = Report[SectionName];

/** Figures of a section as records of --json; none where it was not measured. */
export function measurements(name: SectionName, figures: Figures): MeasurementRecord[] {
  return figuresOf(name, figures).map(({ label, value, unit }) => ({
    type: 'measurement',
    name: `${name} ${label}`,
    value,
    unit,
  }));
}

/** The same for a person; of the kernels, which are many, only what they are held against. */
export function sectionLines(name: SectionName, figures: Figures): string[] {
  const all = figuresOf(name, figures);
  if (figures === null || all.length === 0) return [`${name}: nothing was measured`];
  const own = name === 'kernels' ? all.slice(0, CEILINGS) : all;
  const width = Math.max(...own.map(({ label }) => label.length));
  return [
    `${name}:`,
    ...own.map(({ label, value, unit, low, high }) => {
      const interval = low === undefined || high === undefined ? '' : ` (${digits(low)} – ${digits(high)})`;
      return `  ${label.padEnd(width)}  ${digits(value)} ${unit}${interval}`;
    }),
  ];
}

/** Figures of the section kernels that stand before those of the kernels. */
const CEILINGS = 2;

interface Figure {
  readonly label: string;
  readonly value: number;
  readonly unit: string;
  readonly low?: number;
  readonly high?: number;
}

function figuresOf(name: SectionName, figures: Figures): Figure[] {
  if (figures === null) return [];
  const found = { [name]: figures } as Partial<Report>;
  const time = (label: string, { median, low, high }: { median: number; low: number; high: number }) => ({
    label,
    value: median,
    unit: 'µs',
    low,
    high,
  });
  const costs = (label: string, { value, low, high }: Interval) => ({ label, value, unit: 'µs', low, high });
  const { control, ladder, anatomy, launch, crossover, kernels, memory } = found;
  return [
    ...(control ? [{ label: 'claimable', value: control.claimable, unit: '×' }] : []),
    ...(ladder?.rungs ?? []).flatMap(({ id, software, step }) =>
      step ? [time(`${id}${marked(software)}`, step)] : [],
    ),
    ...(anatomy ?? []).flatMap(({ strategy, software, wall, parts }) => [
      time(`${strategy}${marked(software)}`, wall),
      ...parts.map((part) => costs(`${strategy} ${part.name}`, part.time)),
    ]),
    ...(launch?.costs ?? []).map(({ name: cost, cost: own }) =>
      costs(`${cost}${marked(launch!.software)}`, own),
    ),
    ...(crossover?.cells ?? []).flatMap(({ width, batch, context, ratio }) => {
      const label = `width ${width} batch ${batch} context ${context}${marked(crossover!.software)}`;
      return ratio ? [{ label, unit: '× CPU/GPU', ...ratio }] : [];
    }),
    ...(kernels ? [kernels.ceilings] : []).flatMap(({ gflops, gbps }) => [
      { ...time(`arithmetic${marked(kernels!.software)}`, gflops), unit: 'GFLOP/s' },
      { ...time(`memory${marked(kernels!.software)}`, gbps), unit: 'GB/s' },
    ]),
    ...(kernels?.rows ?? []).map(({ name: kernel, shape, time: own }) => time(`${kernel} ${shape}`, own)),
    ...(memory?.rows ?? []).map(({ strategy, shape, bytes }) => ({
      label: `${strategy}, ${shape}`,
      value: bytes,
      unit: 'bytes',
    })),
  ];
}

function marked(software: boolean): string {
  return software ? ' (software, not a GPU)' : '';
}

function digits(x: number): string {
  return Math.abs(x) >= 1000 ? Math.round(x).toLocaleString('en-US') : String(Number(x.toPrecision(3)));
}
