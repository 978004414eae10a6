// Where and how it was measured: what a reader needs to judge the figures or to get them again.

import { bytes, count, date, duration, spread, times, timeSpread, timesSpread } from '../judge/format.ts';
import type { Control, Machine, Report } from '../schema.ts';
import { number, ranged, words, type Row, type Section, type Table } from './section.ts';

export function disclosure(report: Report): Section {
  const { control, machine } = report;
  return {
    id: 'disclosure',
    title: 'How it was measured',
    finding:
      'Rounds of all contestants are interleaved in random order; a figure is the median of its rounds with a 95% ' +
      'bootstrap interval, outliers kept. ' +
      (control ? `${noiseText(control.claimable)}.` : 'No control pair bounds what may be claimed.'),
    software: false,
    tables: [
      machineTable(report),
      ...(control ? [controlTable(control)] : []),
      ...(machine.adapter === null ? [] : [limitsTable(machine)]),
    ],
    notes: report.notes,
  };
}

function noiseText(claimable: number): string {
  const noise = Math.max(1, claimable);
  return `In the control, the same thing measured twice, ratios between ${times(1 / noise)} and ${times(noise)} were noise`;
}

function machineTable(report: Report): Table {
  const { machine } = report;
  const { adapter } = machine;
  const facts: [string, string | number | null][] = [
    ['machine', machine.name],
    ['CPU', machine.cpu],
    ['cores', machine.cores],
    ['memory', machine.memoryBytes === null ? 'unknown' : bytes(machine.memoryBytes)],
    ['operating system', machine.os],
    ['runtime', machine.runtime],
    ['Dawn (npm webgpu)', machine.dawn],
    ['adapter', adapter ? adapterText(adapter) : `none: ${machine.noAdapter ?? 'no reason given'}`],
    ['adapter is', adapter && (adapter.software ? 'software that imitates a GPU' : 'hardware')],
    ['features', machine.features.join(', ')],
    ['flags', machine.flags.join(', ') || 'none'],
    ['version', machine.version],
    ['commit', machine.commit],
    ['date', date(report.date)],
    ['mode', `${report.mode}, ${report.complete ? 'complete' : 'stopped early'}`],
    ['duration', duration(report.seconds)],
    ['seed', report.seed],
  ];
  return {
    id: 'machine',
    caption: 'Machine and run',
    columns: [{ label: 'what' }, { label: 'value' }],
    rows: facts.map(([what, value]) => ({ cells: [words(what), fact(value)] })),
  };
}

function fact(value: string | number | null) {
  return typeof value === 'number' ? number(value, count) : words(value ?? '–');
}

function adapterText({ vendor, architecture, device, description }: NonNullable<Machine['adapter']>): string {
  return [vendor, architecture, device, description].filter((text) => text !== '').join(', ');
}

function controlTable({ what, first, second, ratio, claimable }: Control): Table {
  const row = (name: string, cell: Row['cells'][number]): Row => ({ cells: [words(name), cell] });
  return {
    id: 'control',
    caption: `Control: ${what}`,
    columns: [{ label: 'what' }, { label: 'figure (95% interval)', numeric: true }],
    rows: [
      row('first', ranged(spread(first), timeSpread)),
      row('second', ranged(spread(second), timeSpread)),
      row('first / second', ranged(ratio, timesSpread)),
      row('smallest ratio that may be claimed', number(claimable, times)),
    ],
  };
}

function limitsTable({ limits }: Machine): Table {
  return {
    id: 'limits',
    caption: 'Limits of the adapter',
    columns: [{ label: 'limit' }, { label: 'value', numeric: true }],
    rows: Object.entries(limits).map(([name, value]) => ({ cells: [words(name), number(value, count)] })),
  };
}
