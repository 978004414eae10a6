// The price of a launch: what each call costs, and how the steps that these costs predict compare with the measured.

import { onGpu } from '../judge/claims.ts';
import { launchFinding } from '../judge/findings.ts';
import { count, figure, roundTime, spread, time, times, timeSpread } from '../judge/format.ts';
import type { Interval, LaunchCosts, Report, WorkgroupCosts } from '../schema.ts';
import { axisAbove, dot, logScale } from './scale.ts';
import { NONE, number, ranged, words, type Drawing, type Section, type Table } from './section.ts';
import { label, line, whisker } from './svg.ts';

export function launchSection(report: Report, launch: LaunchCosts): Section {
  const software = !onGpu(report, launch);
  return {
    id: 'launch',
    title: 'What does a launch cost?',
    finding: launchFinding(report, launch),
    key:
      'Above: the fitted cost of one call' +
      (launch.workgroup ? ', and of what one workgroup does inside a dispatch,' : '') +
      ' with its 95% interval; an arrow where that reaches nothing. Below: a step of each ' +
      'strategy, open circle as predicted from these costs and the kernels’ ceilings, filled as measured; in figures, ' +
      'predicted → measured.',
    software,
    draw: (width) => draw(launch, width),
    tables: [
      costsTable(launch, software),
      ...(launch.workgroup ? [workgroupTable(launch.workgroup, software)] : []),
      predictionsTable(launch, software),
      pointsTable(launch, software),
      ...(launch.workgroup ? [phasesTable(launch.workgroup, software)] : []),
    ],
    notes: [
      'dispatch: starting one kernel; barrier: waiting for the kernel before it; pass: a group of dispatches; submit: handing ' +
        'recorded work to the GPU; readback: fetching a result; work: what the kernel of known work computes.',
      `Least squares over ${count(launch.points.length)} settings, R² ${figure(launch.r2)}.`,
      ...residentNotes(launch),
    ],
  };
}

/** How resident is predicted; or why it is not, in reports from before workgroups were measured. */
function residentNotes({ workgroup, predictions }: LaunchCosts): string[] {
  const predicted = predictions.some(({ rung }) => rung === 'webgpu-resident');
  if (workgroup === null) return predicted ? [] : [NO_RESIDENT];
  const inside =
    `dispatch to readback: all that is around a dispatch of one workgroup of ${count(workgroup.workers)} invocations; ` +
    'workgroup barrier: the end of a phase in it; dependent multiply-add: latency, what each takes of the invocation that makes ' +
    'most; multiply-add: reciprocal throughput, what each of the whole workgroup adds to that. Both read their numbers four at ' +
    'a time. ' +
    `Least squares over ${count(workgroup.points.length)} settings, R² ${figure(workgroup.r2)}.`;
  return predicted ? [inside, RESIDENT] : [inside];
}

const RESIDENT =
  'resident is predicted from its barriers, from its multiply-adds, of the busiest invocation and of all, and from its share ' +
  'of a dispatch. Left out: exponentials, logarithms and divisions; the arithmetic of indices; memory that is not the ' +
  'workgroup’s, where Adam’s moments lie and whatever does not fit; packs of fewer than four channels; what documents of ' +
  'unequal length cost.';

const NO_RESIDENT =
  'There is no prediction for resident: a step of it is part of one dispatch, so there is nothing in it that these costs ' +
  'could predict, and the ceilings are those of the whole device, of which it uses one workgroup.';

function costsTable({ costs }: LaunchCosts, software: boolean): Table {
  return {
    id: 'launch',
    caption: 'Cost of one call',
    columns: [{ label: 'call' }, { label: 'cost (95% interval)', numeric: true }],
    rows: costs.map(({ name, cost }) => ({ software, cells: [words(name), ranged(cost, timeSpread)] })),
  };
}

function workgroupTable({ costs }: WorkgroupCosts, software: boolean): Table {
  return {
    id: 'launch-workgroup',
    caption: 'Cost inside a dispatch of one workgroup',
    columns: [{ label: 'what' }, { label: 'cost (95% interval)', numeric: true }],
    rows: costs.map(({ name, cost }) => ({ software, cells: [words(name), ranged(cost, timeSpread)] })),
  };
}

function predictionsTable({ predictions }: LaunchCosts, software: boolean): Table {
  return {
    id: 'launch-predictions',
    caption: 'Steps as predicted from these costs and as measured',
    columns: [
      { label: 'rung' },
      { label: 'predicted', numeric: true },
      { label: 'measured', numeric: true },
      { label: 'predicted / measured', numeric: true },
    ],
    rows: predictions.map(({ rung, predicted, measured }) => ({
      software,
      cells: [
        words(rung),
        ranged(predicted, timeSpread),
        ranged(spread(measured), timeSpread),
        measured.median > 0 ? words(times(predicted.value / measured.median)) : NONE,
      ],
    })),
  };
}

function pointsTable({ points }: LaunchCosts, software: boolean): Table {
  return {
    id: 'launch-points',
    caption: 'The experiment',
    detail: true,
    columns: [
      { label: 'kernel' },
      { label: 'dispatches a pass', numeric: true },
      { label: 'passes', numeric: true },
      { label: 'submits', numeric: true },
      { label: 'readbacks', numeric: true },
      { label: 'measured', numeric: true },
      { label: 'predicted', numeric: true },
    ],
    rows: points.map((point) => ({
      software,
      cells: [
        words(`${point.kernel}, ${point.dependent ? 'dependent' : 'independent'}`),
        number(point.dispatches, count),
        number(point.passes, count),
        number(point.submits, count),
        number(point.readbacks, count),
        ranged(spread(point.time), timeSpread),
        number(point.predicted, time),
      ],
    })),
  };
}

function phasesTable({ points }: WorkgroupCosts, software: boolean): Table {
  return {
    id: 'launch-phases',
    caption: 'The experiment inside a dispatch',
    detail: true,
    columns: [
      { label: 'phases' },
      { label: 'invocations', numeric: true },
      { label: 'multiply-adds of each', numeric: true },
      { label: 'measured', numeric: true },
      { label: 'predicted', numeric: true },
    ],
    rows: points.map((point) => ({
      software,
      cells: [
        number(point.phases, count),
        number(point.invocations, count),
        number(point.multiplyAdds, count),
        ranged(spread(point.time), timeSpread),
        number(point.predicted, time),
      ],
    })),
  };
}

const TOP = 28;

function draw({ costs, predictions, workgroup }: LaunchCosts, width: number): Drawing {
  const costChart = dotRows(
    [...costs, ...(workgroup?.costs ?? [])].map(({ name, cost }) => ({
      name,
      text: timeSpread(cost),
      interval: cost,
    })),
    TOP,
    width,
  );
  if (predictions.length === 0) return costChart;
  const stepChart = dotRows(
    predictions.map(({ rung, predicted, measured }) => ({
      name: rung.replace(/^webgpu-/, ''),
      text: `${time(predicted.value)} → ${time(measured.median)}`,
      interval: predicted,
      measured: measured.median,
    })),
    costChart.height + TOP + 20,
    width,
  );
  return { height: stepChart.height, body: costChart.body + stepChart.body };
}

interface DotRow {
  readonly name: string;
  readonly text: string;
  readonly interval: Interval;
  /** Beside what the interval predicts. */
  readonly measured?: number;
}

/** Rows of dots with whiskers under one axis; its `height` is where they end. */
function dotRows(rows: readonly DotRow[], top: number, width: number): Drawing {
  const narrow = width < 500;
  const step = narrow ? 46 : 32;
  const left = narrow ? 6 : 166;
  const right = narrow ? width - 20 : width - 206; // room for 25 digits of a time and its interval
  const scale = logScale(
    rows.flatMap(({ interval: { value, low, high }, measured }) => [value, low, high, measured ?? value]),
    [left, right],
    narrow ? 5 : 7,
  );
  const marks = rows.map(({ name, text, interval: { value, low, high }, measured }, i) => {
    const y = top + i * step + (narrow ? 34 : step / 2);
    const base = narrow ? y - 16 : y + 4.5;
    const place = narrow ? { x: 0, 'text-anchor': 'start' } : { x: left - 14, 'text-anchor': 'end' };
    return (
      line(left, y, right, y, 'guide') +
      label(place.x, base, name, { room: narrow ? 150 : left - 14, 'text-anchor': place['text-anchor'] }) +
      label(narrow ? width : right + 16, base, text, {
        class: 'value',
        'text-anchor': narrow ? 'end' : 'start',
      }) +
      (high > 0 ? whisker(scale(low), scale(high), y, { beyond: low <= 0 }) : '') +
      (measured !== undefined && measured > 0 ? dot(scale(measured), y, 'accent-dot') : '') +
      (value > 0 ? dot(scale(value), y, measured === undefined ? 'ink-dot' : 'open-dot') : '')
    );
  });
  const end = top + rows.length * step;
  return { height: end + 4, body: axisAbove(scale, top, end, roundTime) + marks.join('') };
}
