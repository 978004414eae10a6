// One sentence for each figure of the report, made from its figures.

import {
  UNDECIDED,
  UNPROVEN,
  isMeasured,
  onGpu,
  onSoftware,
  outcome,
  ratioOf,
  launchShare,
  nameOf,
} from './claims.ts';
import {
  NAIVE,
  crossings,
  crossingsWith,
  moveText,
  moves,
  shownBatches,
  strategiesOf,
  type Crossing,
} from './crossings.ts';
import {
  bytes,
  count,
  figure,
  list,
  percent,
  percentSpread,
  spread,
  times,
  timeSpread,
  timesSpread,
} from './format.ts';
import type { Anatomy, KernelFigures, LaunchCosts, Memory, Report } from '../schema.ts';

/** A section's figures come from a software adapter, or from one nobody can vouch for. */
const ON_SOFTWARE = 'On a software adapter, so not a finding about GPUs: ';

/** What the ladder shows. Software rungs do not compete. */
export function ladderFinding(report: Report): string {
  const rungs = (report.ladder?.rungs ?? [])
    .filter(isMeasured)
    .filter((rung) => rung.models === 1 && !onSoftware(report, rung))
    .sort((a, b) => a.step.median - b.step.median);
  if (rungs.length === 0) return 'No rung was measured.';
  const [first, second] = rungs;
  const oracle = first.timesOracle ? `, ${timesSpread(first.timesOracle)} the oracle's speed` : '';
  const step = `${timeSpread(spread(first.step))} a step${oracle}`;
  const alone = `${nameOf(first)} takes ${step}`;
  if (!second) return `${alone}.`;
  const result = outcome(ratioOf(second.step, first.step), report.control);
  switch (result.kind) {
    case 'faster':
      return (
        `Fastest with one model is ${nameOf(first)} at ${step}; ` +
        `${nameOf(second)} comes next and takes ${timesSpread(result.by)} as long.`
      );
    case 'unproven':
      return `${alone}; against ${nameOf(second)}, ${UNPROVEN}.`;
    default:
      return `${alone}; against ${nameOf(second)}, ${UNDECIDED}.`;
  }
}

/** Where the time of a step goes, for the strategy with the most launch in it and the one with the least. */
export function anatomyFinding(report: Report): string {
  const anatomies = report.anatomy ?? [];
  if (anatomies.length === 0) return 'No step was broken down.';
  const shares = anatomies
    .flatMap((anatomy) => {
      const launch = launchShare(anatomy);
      return launch === null ? [] : [{ anatomy, launch }];
    })
    .sort((a, b) => b.launch.value - a.launch.value);
  const ends = shares.length > 1 ? [shares[0], shares[shares.length - 1]] : shares;
  const text = ends.map(
    ({ anatomy, launch }) => `${percentSpread(launch)} of a step with ${anatomy.strategy}`,
  );
  const open = anatomies.filter(({ closes }) => !closes);
  return sentence(
    caveat(report, anatomies) +
      (text.length > 0
        ? `launching (encoding, submitting, gaps between kernels) is ${list(text)}; `
        : 'how much of a step is launch is not known; ') +
      (open.length === 0
        ? 'the parts of every step add up to its wall time within 10%.'
        : `the parts do not add up to the wall time of ${list(open.map(unexplained))}.`),
  );
}

function unexplained({ strategy, unexplained: share }: Anatomy): string {
  return `${strategy} (${percent(share)} unexplained)`;
}

const INSIDE = ['workgroup barrier', 'dependent multiply-add', 'multiply-add'];

/** What a launch costs and what happens inside one, as far as the fits can tell it from zero, and how well that predicts a step. */
export function launchFinding(report: Report, launch: LaunchCosts): string {
  const { workgroup } = launch;
  const costs = costText(launch.costs, ['dispatch', 'pass', 'submit']) ?? 'no cost could be fitted';
  const fit = `${costs} (R² ${figure(launch.r2)}).`;
  const inside = workgroup && costText(workgroup.costs, INSIDE);
  const phases = inside ? ` Inside a dispatch, ${inside} (R² ${figure(workgroup.r2)}).` : '';
  const off = launch.predictions
    .filter(({ measured, predicted }) => measured.median > 0 && predicted.low > 0)
    .map(
      ({ rung, measured, predicted }) =>
        `${figure(predicted.value / measured.median)} (${rung.replace('webgpu-', '')})`,
    );
  const prediction =
    off.length === 0 ? '' : ` Steps predicted from that take ${list(off)} times as long as measured.`;
  return sentence(caveat(report, [launch]) + fit) + phases + prediction;
}

/** `a dispatch costs 1.90 µs (1.81–1.99) and …; what a pass costs is indistinguishable from zero`; null where none was fitted. */
function costText(all: LaunchCosts['costs'], names: readonly string[]): string | null {
  const costs = names.flatMap((name) => all.find((cost) => cost.name === name) ?? []);
  const known = costs.filter(({ cost }) => cost.low > 0);
  const unknown = costs.filter(({ cost }) => !(cost.low > 0)).map(({ name }) => `a ${name}`);
  const texts = [
    ...(known.length > 0
      ? [list(known.map(({ name, cost }, i) => `a ${name} ${i === 0 ? 'costs ' : ''}${timeSpread(cost)}`))]
      : []),
    ...(unknown.length > 0
      ? [`what ${list(unknown)} ${unknown.length > 1 ? 'cost' : 'costs'} is indistinguishable from zero`]
      : []),
  ];
  return texts.length > 0 ? texts.join('; ') : null;
}

/** Who wins how many cells. */
export function crossoverFinding(report: Report): string {
  const { crossover, control } = report;
  if (!crossover || crossover.cells.length === 0) return 'No size was measured.';
  const tally = { faster: 0, slower: 0, undecided: 0, unproven: 0 };
  let measured = 0;
  for (const { ratio } of crossover.cells) {
    if (ratio === null) continue;
    measured++;
    tally[outcome(ratio, control).kind]++;
  }
  const skipped = crossover.cells.length - measured;
  if (measured === 0)
    return `No size was measured; ${count(skipped)} ${skipped === 1 ? 'was' : 'were'} skipped.`;
  const rest = skipped > 0 ? `; ${count(skipped)} more ${skipped === 1 ? 'was' : 'were'} skipped` : '';
  const where = `${count(measured)} ${measured === 1 ? 'size' : 'sizes'} measured`;
  if (tally.unproven > 0) return `Of ${where}, ${UNPROVEN}${rest}.`;
  const gpu = onGpu(report, crossover) ? 'the GPU' : 'the software adapter';
  const wins = `of ${where}, the CPU is faster in ${count(tally.slower)} and ${gpu} in ${count(tally.faster)}`;
  const open = tally.undecided > 0 ? `; too close to tell in ${count(tally.undecided)}` : '';
  const changes = crossings(crossover, control).filter(({ cpu, gpu: side }) => cpu && side).length;
  const turn =
    changes > 0
      ? `; at ${count(changes)} batch ${changes === 1 ? 'size' : 'sizes'} the winner changes with the width`
      : '';
  return `${sentence(`${caveat(report, [crossover])}${wins}`)}${open}${turn}${rest}.`;
}

/** From which width each strategy overtakes the CPU, and how far apart they are. */
export function strategiesFinding(report: Report): string {
  const { crossover, control } = report;
  const shown = crossover ? shownBatches(crossover) : [];
  const [first] = shown;
  if (!crossover || !first) return 'No strategy was timed on its own.';
  const gpu = onGpu(report, crossover) ? 'the GPU' : 'the software adapter';
  const lead = `${caveat(report, [crossover])}at batch ${count(first.batch)} and context ${count(first.context)}, `;
  if (control === null) return sentence(`${lead}${UNPROVEN}.`);
  const texts = strategiesOf(crossover).flatMap((strategy) => {
    const own = crossingsWith(strategy, crossover, control).find(
      ({ batch, context }) => batch === first.batch && context === first.context,
    );
    return own ? [`${overtakes(own)} with ${strategy}`] : [];
  });
  const each = sentence(`${lead}${gpu} overtakes the CPU ${list(texts)}.`);
  const found = moves(crossover, control).filter((move) =>
    shown.some(({ batch, context }) => move.batch === batch && move.context === context),
  );
  if (found.length > 0) {
    const moved = found.map((move) => `at batch ${count(move.batch)} ${moveText(move)}`);
    return `Launching moves the crossover: ${moved.join('; ')}. ${each}`;
  }
  const looked = crossingsWith(NAIVE, crossover, control).length > 0;
  return looked
    ? `${each} These intervals do not show how far launching moves the crossover.`
    : `${each} How far launching moves the crossover is open: ${NAIVE} was not timed.`;
}

/** `between widths 256 and 512` */
function overtakes({ cpu, gpu, widths }: Crossing): string {
  if (cpu && gpu) return `between widths ${count(cpu.width)} and ${count(gpu.width)}`;
  if (gpu) return `at width ${count(gpu.width)}${gpu.width === widths[0] ? ' already' : ' or below'}`;
  return cpu ? `above width ${count(cpu.width)}, if at all,` : 'at a width that these figures do not show';
}

/** How near the kernels come to what the machine can do. */
export function kernelsFinding(report: Report, kernels: KernelFigures): string {
  const { gflops, gbps } = kernels.ceilings;
  const ceilings = `the ceilings are ${figure(gflops.median)} GFLOP/s and ${figure(gbps.median)} GB/s`;
  if (kernels.rows.length === 0) return sentence(`${caveat(report, [kernels])}${ceilings}.`);
  const launched = kernels.rows.filter(({ bound }) => bound === 'launch').length;
  const others = kernels.rows.filter(({ bound }) => bound !== 'launch');
  const small = `${count(launched)} of ${count(kernels.rows.length)} are too small for either`;
  if (others.length === 0) return sentence(`${caveat(report, [kernels])}${ceilings}; ${small}.`);
  const best = others.reduce((a, b) => (b.share > a.share ? b : a));
  // More than memory can deliver comes out of a cache.
  const reaches =
    best.share > 1
      ? `goes beyond its own, ${percent(best.share)} of it, as data from a cache can`
      : `comes nearest to its own, ${percent(best.share)} of it`;
  return sentence(
    `${caveat(report, [kernels])}${ceilings}; ${best.name} (${best.shape}) ${reaches}; ${small}.`,
  );
}

/** How much of the memory had to be. */
export function memoryFinding(report: Report, memory: Memory): string {
  const rows = memory.rows.filter(({ least }) => least > 0);
  if (rows.length === 0) return 'No memory was counted.';
  const over = rows.map((row) => ({ ...row, factor: row.bytes / row.least }));
  const most = over.reduce((a, b) => (b.factor > a.factor ? b : a));
  const least = over.reduce((a, b) => (b.factor < a.factor ? b : a));
  const text = (row: typeof most) =>
    `${row.strategy} (${row.shape}) ${bytes(row.bytes)} where ${bytes(row.least)} would do`;
  // Without an adapter the buffers are those of the plan.
  const holds = report.machine.adapter === null ? 'A device would hold' : 'The device holds';
  if (most === least) return `${holds} ${times(most.factor)} the least possible: ${text(most)}.`;
  const range = `${times(least.factor)} to ${times(most.factor)}`;
  return `${holds} ${range} the least possible: ${text(least)}, ${text(most)}.`;
}

function caveat(report: Report, sections: readonly { readonly software: boolean }[]): string {
  return sections.every((section) => onGpu(report, section)) ? '' : ON_SOFTWARE;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
