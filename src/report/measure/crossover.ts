// From which size the GPU wins, with each way of launching: which cells of the grid are measured, and what becomes of them.

import { openCpuEngine } from '../../cpu/engine.ts';
import type { Engine, LaunchStrategy } from '../../engine/engine.ts';
import { LAUNCH_STRATEGIES } from '../../engine/choice.ts';
import { MicrogptError } from '../../util/errors.ts';
import type { GpuDevice } from '../../webgpu/adapter.ts';
import { createWebGpuEngine } from '../../webgpu/engine.ts';
import { whyNotResident } from '../../webgpu/resident/step.ts';
import type { Cell, Crossover } from '../schema.ts';
import { CELL_SHARE, costOf, measureCell, skipped } from './crossover-cell.ts';
import type { CellTimes, Contest, Contestant } from './crossover-cell.ts';
import { predictCells } from './crossover-prediction.ts';
import { stepFlops } from './counts.ts';
import { coarseGrid, frontierOf, nextPoint, wholeGrid, type Known } from './grid.ts';
import type { SectionContext } from './section.ts';
import type { Session } from './session.ts';
import { gridSetting, gridShape, type GridPoint } from './setting.ts';

export async function measureCrossover(context: SectionContext): Promise<Crossover> {
  const gpu = await context.openDevice!();
  try {
    return await crossoverOf((point) => engineContest(point, gpu), gpu.info.software, context);
  } finally {
    gpu.destroy();
  }
}

/** Software is spared the compiling of a kernel for each op. */
const ON_SOFTWARE: readonly LaunchStrategy[] = ['fused', 'resident'];

/** The engines of this project, on `gpu`. */
export function engineContest(
  point: GridPoint,
  gpu: GpuDevice,
  launches = gpu.info.software ? ON_SOFTWARE : LAUNCH_STRATEGIES,
): Contest {
  const { spec } = gridSetting(point);
  const strategy = async (launch: LaunchStrategy): Promise<Contestant | string> => {
    if (!launches.includes(launch)) return 'left out: a software adapter compiles slowly';
    const why = launch === 'resident' ? whyNotResident(spec.model, spec.training) : undefined;
    return why ?? contestant(await createWebGpuEngine(spec, { gpu, launch }));
  };
  return {
    cpu: async () => contestant(await openCpuEngine(spec)),
    gpu: new Map(LAUNCH_STRATEGIES.map((launch) => [launch, () => strategy(launch)])),
  };
}

function contestant(engine: Engine): Contestant {
  return {
    description: engine.info.description,
    advance: (steps) => engine.advance(steps),
    dispose: () => engine.dispose(),
  };
}

/** Times of a cell, by the work that a step of it is. */
interface Seen extends CellTimes {
  readonly flops: number;
}

/** The crossover of whatever takes part in `contestAt`. */
export async function crossoverOf(
  contestAt: (point: GridPoint) => Contest,
  software: boolean,
  context: SectionContext,
): Promise<Crossover> {
  const { session } = context;
  const seen: Seen[] = [];
  const grid = wholeGrid();
  const cells = new Map<GridPoint, Cell>();
  const visit = async (point: GridPoint) => {
    cells.set(point, await visited(point, contestAt, seen, software, context));
    context.progress(cells.size, grid.length);
  };
  const same = (a: GridPoint) => (b: GridPoint) =>
    a.width === b.width && a.batch === b.batch && a.context === b.context;
  for (const point of coarseGrid()) await visit(grid.find(same(point))!);
  for (;;) {
    const open = grid.filter((point) => !cells.has(point));
    const next = nextPoint(open, knownOf([...cells.values()]));
    if (next === undefined || session.over) break;
    await visit(next);
  }
  const measured = [...cells.values()].some(({ ratio }) => ratio !== null);
  for (const point of grid) {
    if (!cells.has(point)) cells.set(point, skipped(point, whyNot(session, measured)));
  }
  const ordered = predictCells(
    grid.map((point) => cells.get(point)!),
    context.found,
  );
  const notes = [
    'One layer, vocabulary of 27, heads of up to 64 channels but at least 4 of them; documents fill the context.',
    'The ratio is CPU time over GPU time, each sample continuing the training before it: above 1 the GPU wins.',
  ];
  if (software) notes.push('The adapter is software: these cells say nothing about GPUs.');
  return { software, cells: ordered, frontier: frontierOf(ordered), notes };
}

/** The frontier of the best strategy first, then those of each whose steps any model can make. */
function knownOf(cells: readonly Cell[]): Known[][] {
  const known = (cell: Cell, { ratio }: Pick<Cell, 'ratio'>): Known[] =>
    ratio === null ? [] : [{ ...cell, ratio: ratio.value }];
  const best = cells.flatMap((cell) => known(cell, cell));
  const each = LAUNCH_STRATEGIES.filter((launch) => launch !== 'resident').map((launch) =>
    cells.flatMap((cell) =>
      cell.strategies.filter(({ strategy }) => strategy === launch).flatMap((own) => known(cell, own)),
    ),
  );
  return [best, ...each];
}

function whyNot({ over, stopped }: Session, measured: boolean): string {
  if (stopped) return 'the measurement was stopped';
  if (over) return 'no time was left';
  if (!measured) return 'no cell around it could be measured';
  return 'clear from the cells around it: more than 4 times faster or slower with every strategy';
}

async function visited(
  point: GridPoint,
  contestAt: (point: GridPoint) => Contest,
  seen: Seen[],
  software: boolean,
  context: SectionContext,
): Promise<Cell> {
  const { session } = context;
  const flops = stepFlops(gridShape(point));
  const cost = costOf(foreseen(flops, seen, software));
  if (session.over || cost > CELL_SHARE * session.left) {
    const why = session.stopped
      ? 'the measurement was stopped'
      : `it would take about ${(cost / 1e6).toPrecision(2)} s, and ${(session.left / 1e6).toFixed(0)} s were left for all`;
    return skipped(point, why);
  }
  try {
    const { cell, times } = await measureCell(point, contestAt(point), context);
    if (times) seen.push({ flops, ...times });
    return cell;
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
    return skipped(point, error.message);
  }
}

/**
 * What a step of `flops` takes: at most as much more than the largest seen below it as it is more work. Without any, a guess
 * on the slow side, in operations a microsecond.
 */
function foreseen(flops: number, seen: readonly Seen[], software: boolean): CellTimes {
  const sorted = [...seen].sort((a, b) => a.flops - b.flops);
  const near = sorted.findLast((own) => own.flops <= flops) ?? sorted[0];
  if (near === undefined) {
    const gpu = flops / (software ? 100 : 3000);
    return { cpu: flops / 3000, gpu, tried: (software ? ON_SOFTWARE : LAUNCH_STRATEGIES).length * gpu };
  }
  const growth = Math.max(1, flops / near.flops);
  return { cpu: near.cpu * growth, gpu: near.gpu * growth, tried: near.tried * growth };
}
