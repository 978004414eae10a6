// The verdict: three sentences made from the figures. A difference is said with its interval, or withheld where that
// interval or the control pair does not carry it. A software adapter is never called a GPU.

import {
  UNDECIDED,
  UNPROVEN,
  anatomyOf,
  fastest,
  isCpu,
  isGpu,
  isGpuPopulation,
  onGpu,
  outcome,
  ratioOf,
  kernelShare,
  kindOf,
  launchShare,
  type Measured,
} from './claims.ts';
import {
  NAIVE,
  crossings,
  crossingsWith,
  ends,
  moveText,
  moves,
  type Crossing,
  type Side,
} from './crossings.ts';
import { count, percentSpread, spread, timeSpread, timesSpread } from './format.ts';
import type { ModelShape, Report } from '../schema.ts';

/** Plain text, for whoever shows it to escape: how fast, from where on the GPU wins, what launching does to that. */
export function verdict(report: Report): string[] {
  return [speedSentence(report), crossoverSentence(report), launchSentence(report)];
}

/** `1 layer, width 16, context 16, batch 1` */
export function shapeText({ nLayer, nEmbd, blockSize, batchSize }: ModelShape): string {
  const layers = `${count(nLayer)} ${nLayer === 1 ? 'layer' : 'layers'}`;
  return `${layers}, width ${count(nEmbd)}, context ${count(blockSize)}, batch ${count(batchSize)}`;
}

/** Why there is no adapter, in short: what to do about it stands in the disclosure. */
export function whyNoAdapter({ noAdapter }: Report['machine']): string {
  return noAdapter?.split(/[.:](?:\s|$)/, 1)[0] ?? '';
}

/** Why this report says nothing about GPUs: `no GPU was measured (…)`; '' where one was. */
export function noGpu({ machine }: Report): string {
  const { adapter } = machine;
  const why = whyNoAdapter(machine);
  if (adapter === null) return `no GPU was measured${why ? ` (${why})` : ''}`;
  if (!adapter.software) return '';
  const name = adapter.device || adapter.architecture || adapter.description || 'the adapter';
  return `no GPU was measured (${name.replace(/-+$/, '')} is software that imitates one)`;
}

function speedSentence(report: Report): string {
  const { ladder, control } = report;
  const cpu = ladder && fastest(ladder.rungs, isCpu);
  const gpu = ladder && fastest(ladder.rungs, (rung) => isGpu(report, rung));
  if (!ladder || (!cpu && !gpu)) return 'How fast a training step is was not measured.';
  const takes = (where: string, rung: Measured) =>
    `${timeSpread(spread(rung.step))} on the ${where} (${kindOf(rung)})`;
  const step = `A training step (${shapeText(ladder.shape)})`;
  if (!gpu) {
    const oracle = cpu?.timesOracle ? `, ${timesSpread(cpu.timesOracle)} the oracle's speed` : '';
    const missing = noGpu(report) ? 'no GPU was measured' : 'no step on the GPU was measured';
    return `${step} takes ${takes('CPU', cpu as Measured)}${oracle}; ${missing}.`;
  }
  if (!cpu) return `${step} takes ${takes('GPU', gpu)}; no CPU engine was measured.`;
  const both = `${step} takes ${takes('CPU', cpu)} and ${takes('GPU', gpu)}`;
  const result = outcome(ratioOf(cpu.step, gpu.step), control);
  switch (result.kind) {
    case 'faster':
      return `${both}: the GPU is ${timesSpread(result.by)} faster.`;
    case 'slower':
      return `${both}: the GPU is ${timesSpread(result.by)} slower${because(report, gpu)}.`;
    case 'undecided':
      return `${both}: ${UNDECIDED}.`;
    case 'unproven':
      return `${both}: ${UNPROVEN}.`;
  }
}

/** Where a slower GPU's time goes, if the parts of its step add up and most of it is launch. */
function because(report: Report, gpu: Measured): string {
  const anatomy = anatomyOf(report, gpu);
  if (anatomy === null || !onGpu(report, anatomy)) return '';
  const launch = launchShare(anatomy);
  if (launch !== null && launch.low > 0.5) return `, because ${percentSpread(launch)} of its step is launch`;
  const kernels = kernelShare(anatomy);
  if (kernels !== null && kernels.low > 0.5) return `; ${percentSpread(kernels)} of its step is kernels`;
  return '';
}

function crossoverSentence(report: Report): string {
  const { crossover, control } = report;
  if (noGpu(report)) return cpuSentence(report);
  if (crossover === null || !onGpu(report, crossover) || crossover.cells.length === 0) {
    return 'Where the GPU overtakes the CPU was not measured.';
  }
  if (control === null) return `Where the GPU overtakes the CPU: ${UNPROVEN}.`;
  const context = Math.min(...crossover.cells.map((cell) => cell.context));
  const found = crossings(crossover, control).filter((crossing) => crossing.context === context);
  if (found.length === 0) return 'Where the GPU overtakes the CPU was not measured.';
  return `At context ${count(context)}: ${ends(found).map(crossingText).join('; ')}.`;
}

/** `batch 1, the CPU wins up to width 32, there by 1.5× (…), and the GPU from 64 on, there by 1.7× (…)` */
function crossingText({ batch, cpu, gpu, widths }: Crossing): string {
  const there = ({ by }: Side) => `there by ${timesSpread(by)}`;
  const at = `batch ${count(batch)}`;
  const gpuWins = gpu && `the GPU ${cpu ? '' : 'wins '}from width ${count(gpu.width)} on, ${there(gpu)}`;
  if (!cpu) return `${at}, ${gpuWins ?? UNDECIDED}`;
  const cpuWins = `${at}, the CPU wins up to width ${count(cpu.width)}, ${there(cpu)}`;
  if (gpuWins) return `${cpuWins}, and ${gpuWins}`;
  return cpu.width === widths.at(-1)
    ? `${cpuWins}, the largest measured`
    : `${cpuWins}, and beyond that ${UNDECIDED}`;
}

/** What a report without a GPU can compare instead. */
function cpuSentence(report: Report): string {
  const rungs = report.ladder?.rungs ?? [];
  const first = fastest(rungs, isCpu);
  const second = fastest(rungs, (rung) => isCpu(rung) && rung !== first);
  if (!first || !second) return 'Fewer than two CPU engines were measured, so there is nothing to compare.';
  const result = outcome(ratioOf(second.step, first.step), report.control);
  const [firstName, secondName] = [kindOf(first), kindOf(second)];
  const names = `${firstName} and ${secondName}`;
  switch (result.kind) {
    case 'faster':
    case 'slower':
      return `On the CPU, ${firstName} is ${timesSpread(result.by)} ${result.kind} than ${secondName}.`;
    case 'undecided':
      return `Between ${names} there is ${UNDECIDED}.`;
    case 'unproven':
      return `Between ${names}: ${UNPROVEN}.`;
  }
}

function launchSentence(report: Report): string {
  const { ladder, control } = report;
  const missing = noGpu(report);
  if (missing) {
    const open = 'from which model size one would beat this CPU stays open';
    return `${missing.charAt(0).toUpperCase()}${missing.slice(1)}: ${open}.`;
  }
  const steps = ladder?.rungs ?? [];
  const naive = fastest(steps, (rung) => rung.id === 'webgpu-eager' && isGpu(report, rung));
  const clever = fastest(steps, (rung) => rung.id !== 'webgpu-eager' && isGpu(report, rung));
  if (!naive || !clever) return 'What launching does to a step was not measured.';
  const result = outcome(ratioOf(naive.step, clever.step), control);
  const [naiveName, cleverName] = [kindOf(naive), kindOf(clever)];
  const names = `${cleverName} and ${naiveName}`;
  switch (result.kind) {
    case 'faster':
    case 'slower': {
      const lead = result.kind === 'faster' ? 'Launching decides much' : 'Clever launching does not pay here';
      const gain = `${cleverName} is ${timesSpread(result.by)} ${result.kind} than ${naiveName}`;
      return `${lead}: on the same GPU, ${gain}${ofItself(report, naive)}${moved(report)}${againstCpu(report)}.`;
    }
    case 'undecided':
      return `Between ${names} there is ${UNDECIDED}${moved(report)}${againstCpu(report)}.`;
    case 'unproven':
      return `Between ${names}: ${UNPROVEN}.`;
  }
}

/** Where the GPU would stand against the CPU without clever launching. */
function ofItself(report: Report, naive: Measured): string {
  const cpu = fastest(report.ladder?.rungs ?? [], isCpu);
  const result = outcome(cpu && ratioOf(cpu.step, naive.step), report.control);
  if (result.kind !== 'faster' && result.kind !== 'slower') return '';
  return `, which is ${timesSpread(result.by)} ${result.kind} than the CPU`;
}

/** How far that moves the crossover, at the smallest batch for which it can be said. */
function moved(report: Report): string {
  const { crossover, control } = report;
  if (crossover === null || !onGpu(report, crossover)) return '';
  const [move] = moves(crossover, control);
  if (move) return `; launching moves the crossover at batch ${count(move.batch)} ${moveText(move)}`;
  const looked = crossingsWith(NAIVE, crossover, control).length > 0;
  return looked ? '; the intervals do not show how far launching moves the crossover' : '';
}

/** A population's step, per model, beside the CPU's. */
function againstCpu(report: Report): string {
  const rungs = report.ladder?.rungs ?? [];
  const many = fastest(rungs, (rung) => isGpuPopulation(report, rung));
  const cpu = fastest(rungs, isCpu);
  if (!many || !cpu) return '';
  const result = outcome(ratioOf(cpu.step, many.step), report.control);
  if (result.kind !== 'faster' && result.kind !== 'slower') return '';
  const models = `${count(many.models)} models at once take ${timeSpread(spread(many.step))} a step and model`;
  return `; ${models}, ${timesSpread(result.by)} ${result.kind} than one model on the CPU`;
}
