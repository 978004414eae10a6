// From which size the GPU wins: the best CPU engine against the best launch strategy, over widths, batches and contexts.

import { createCpuEngine } from '../../cpu/engine.ts';
import type { Engine, LaunchStrategy } from '../../engine.ts';
import { MicrogptError } from '../../util/errors.ts';
import type { GpuDevice } from '../../webgpu/adapter.ts';
import { createWebGpuEngine } from '../../webgpu/engine.ts';
import { whyNotResident } from '../../webgpu/resident-layout.ts';
import { predictCells } from './crossover-prediction.ts';
import { stepFlops } from './counts.ts';
import { coarseGrid, frontierOf, nextPoint, wholeGrid, type Known } from './grid.ts';
import type { Cell, Crossover } from '../schema.ts';
import { estimateIn, ratioIn, turnOptions, type SectionContext } from './section.ts';
import type { Session } from './session.ts';
import { gridSetting, gridShape, type GridPoint, type Setting } from './setting.ts';
import { timeInTurns, type Subject } from './subjects.ts';

/** Steps of each contestant that a cell costs at least: trials, warm-up, rounds. */
const LEAST_STEPS = 8;
/** A cell may cost so much of the time that is left, and a little in any case. */
const CELL_SHARE = 0.25;

/** Times of a step in microseconds, by the work that it is. */
interface Seen {
  readonly flops: number;
  readonly cpu: number;
  readonly gpu: number;
}

export async function measureCrossover(context: SectionContext): Promise<Crossover> {
  const gpu = await context.openDevice!();
  const { software } = gpu.info;
  const { session } = context;
  const seen: Seen[] = [];
  const grid = wholeGrid();
  const cells = new Map<GridPoint, Cell>();
  const known: Known[] = [];
  try {
    const visit = async (point: GridPoint) => {
      const cell = await measureCell(point, gpu, seen, context);
      cells.set(point, cell);
      if (cell.ratio) known.push({ ...point, ratio: cell.ratio.value });
      context.progress(cells.size, grid.length);
    };
    const same = (a: GridPoint) => (b: GridPoint) =>
      a.width === b.width && a.batch === b.batch && a.context === b.context;
    for (const point of coarseGrid()) await visit(grid.find(same(point))!);
    for (;;) {
      const next = nextPoint(
        grid.filter((point) => !cells.has(point)),
        known,
      );
      if (next === undefined || session.over) break;
      await visit(next);
    }
  } finally {
    gpu.destroy();
  }
  for (const point of grid) {
    if (!cells.has(point)) cells.set(point, skipped(point, whyNot(session, known)));
  }
  const ordered = predictCells(
    grid.map((point) => cells.get(point)!),
    context.found,
  );
  const notes = [
    'One layer, vocabulary of 27, heads of up to 64 channels but at least 4 of them; documents fill the context.',
    'The ratio is CPU time over GPU time, both trained on from where they stood: above 1 the GPU wins.',
  ];
  if (software) notes.push('The adapter is software: these cells say nothing about GPUs.');
  return { software, cells: ordered, frontier: frontierOf(ordered), notes };
}

function whyNot({ over, stopped }: Session, known: readonly Known[]): string {
  if (stopped) return 'the measurement was stopped';
  if (over) return 'no time was left';
  if (known.length === 0) return 'no cell around it could be measured';
  return 'clear from the cells around it: more than 4 times, either way';
}

function skipped({ width, batch, context }: GridPoint, reason: string): Cell {
  return {
    width,
    batch,
    context,
    cpu: null,
    gpu: null,
    cpuEngine: '',
    gpuStrategy: '',
    ratio: null,
    predicted: null,
    skipped: reason,
  };
}

async function measureCell(
  point: GridPoint,
  gpu: GpuDevice,
  seen: Seen[],
  context: SectionContext,
): Promise<Cell> {
  const { session, mode } = context;
  const flops = stepFlops(gridShape(point));
  const cost = LEAST_STEPS * foreseen(flops, seen, gpu.info.software);
  if (session.over || cost > CELL_SHARE * session.left) {
    const why = session.stopped
      ? 'the measurement was stopped'
      : `it would take about ${(cost / 1e6).toPrecision(2)} s, and ${(session.left / 1e6).toFixed(0)} s were left for all`;
    return skipped(point, why);
  }
  const engines: Engine[] = [];
  try {
    const setting = gridSetting(point);
    const cpu = createCpuEngine(setting.spec);
    engines.push(cpu);
    const best = await bestStrategy(setting, gpu, context);
    engines.push(best.engine);
    const subjects: Subject[] = [
      { name: 'cpu', run: (steps) => cpu.advance(steps) },
      { name: 'gpu', run: (steps) => best.engine.advance(steps) },
    ];
    const part = session.part(CELL_SHARE * session.left);
    const { least, most } = turnOptions(context);
    const sample = mode === 'quick' ? 5_000 : 30_000;
    const [cpuTimed, gpuTimed] = await timeInTurns(subjects, part, {
      sample,
      least: Math.min(least, 5),
      most,
    });
    if (cpuTimed.samples.length === 0) return skipped(point, 'the measurement was stopped');
    const cell = {
      ...skipped(point, ''),
      skipped: null,
      cpu: estimateIn(context, cpuTimed.samples),
      gpu: estimateIn(context, gpuTimed.samples),
      cpuEngine: cpu.info.description,
      gpuStrategy: best.launch,
      ratio: ratioIn(context, cpuTimed.samples, gpuTimed.samples),
    };
    seen.push({ flops, cpu: cell.cpu.median, gpu: cell.gpu.median });
    return cell;
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
    return skipped(point, error.message);
  } finally {
    for (const engine of engines) engine.dispose();
  }
}

/**
 * Microseconds that a step of `flops` takes on both sides together: at most as much more than the largest seen below it as it is
 * more work. Without any, a guess on the slow side, in operations a microsecond.
 */
function foreseen(flops: number, seen: readonly Seen[], software: boolean): number {
  if (seen.length === 0) return flops / 3000 + flops / (software ? 100 : 3000);
  const sorted = [...seen].sort((a, b) => a.flops - b.flops);
  const near = sorted.findLast((own) => own.flops <= flops) ?? sorted[0];
  return (near.cpu + near.gpu) * Math.max(1, flops / near.flops);
}

/** The fastest strategy of a few steps. `eager` never is; software is spared the compiling of `graph`. */
async function bestStrategy(
  { spec }: Setting,
  gpu: GpuDevice,
  { session }: SectionContext,
): Promise<{ launch: LaunchStrategy; engine: Engine }> {
  const launches: LaunchStrategy[] = gpu.info.software ? ['fused'] : ['fused', 'graph'];
  if (whyNotResident(spec.model, spec.training) === undefined) launches.push('resident');
  let best: { launch: LaunchStrategy; engine: Engine; time: number } | undefined;
  for (const launch of launches) {
    const engine = await createWebGpuEngine(spec, { gpu, launch });
    let time = Infinity;
    await engine.advance(1);
    for (const steps of [1, 4]) {
      const start = session.clock();
      await engine.advance(steps);
      time = Math.min(time, (session.clock() - start) / steps);
      if (time > 100_000) break;
    }
    const better = best === undefined || time < best.time;
    (better ? best?.engine : engine)?.dispose();
    if (better) best = { launch, engine, time };
  }
  return best!;
}
