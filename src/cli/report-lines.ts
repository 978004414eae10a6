// What `microgpt report` prints of each section as it is done; the files have the rest.

import type { Interval, Report, Rung } from '../report/schema.ts';
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

/** The same for a person, without the details: of the kernels only what they are held against. */
export function sectionLines(name: SectionName, figures: Figures): string[] {
  const own = figuresOf(name, figures).filter(({ detail }) => !detail);
  if (own.length === 0) return [`${name}: nothing was measured`];
  const width = Math.max(...own.map(({ label }) => label.length));
  return [
    `${name}:`,
    ...own.map(({ label, value, unit, low, high }) => {
      const interval = low === undefined || high === undefined ? '' : ` (${digits(low)} – ${digits(high)})`;
      return `  ${label.padEnd(width)}  ${digits(value)} ${unit}${interval}`;
    }),
  ];
}

/** Programs of others that were `asked` for and have no figure, with the reason. */
export function notTimed(
  name: SectionName,
  figures: Figures,
  asked: Readonly<Partial<Record<Rung['kind'], boolean>>>,
): string[] {
  if (name !== 'ladder' || figures === null) return [];
  const { rungs } = figures as NonNullable<Report['ladder']>;
  return rungs.flatMap(({ label, kind, step, reason }) =>
    step === null && asked[kind] === true ? [`${label}: not timed: ${reason}`] : [],
  );
}

interface Figure {
  readonly label: string;
  readonly value: number;
  readonly unit: string;
  readonly low?: number;
  readonly high?: number;
  /** One of very many. */
  readonly detail?: boolean;
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
    ...[...(launch?.costs ?? []), ...(launch?.workgroup?.costs ?? [])].map(({ name: cost, cost: own }) =>
      costs(`${cost}${marked(launch!.software)}`, own),
    ),
    ...(crossover?.cells ?? []).flatMap(({ width, batch, context, ratio, strategies }) => {
      const cell = `width ${width} batch ${batch} context ${context}`;
      const figure = (label: string, own: Interval | null, detail: boolean) =>
        own ? [{ label: `${label}${marked(crossover!.software)}`, unit: '× CPU/GPU', ...own, detail }] : [];
      return [
        ...figure(cell, ratio, false),
        ...strategies.flatMap((own) => figure(`${cell} ${own.strategy}`, own.ratio, true)),
      ];
    }),
    ...(kernels ? [kernels.ceilings] : []).flatMap(({ gflops, gbps }) => [
      { ...time(`arithmetic${marked(kernels!.software)}`, gflops), unit: 'GFLOP/s' },
      { ...time(`memory${marked(kernels!.software)}`, gbps), unit: 'GB/s' },
    ]),
    ...(kernels?.rows ?? []).map(({ name: kernel, shape, time: own }) => ({
      ...time(`${kernel} ${shape}`, own),
      detail: true,
    })),
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
