// What the crossover should be: the GPU's time from the price of its launches and the roofline of its kernels, or from what one
// workgroup does inside a dispatch, measured apart from any cell; the CPU's from a power law through its measured cells.

import { DEFAULT_TRAINING } from '../../config/config.ts';
import { whyNotResident } from '../../webgpu/resident/step.ts';
import {
  costValues,
  dot,
  modelOf,
  PLANNED,
  residentCounts,
  stepCounts,
  stepFlops,
  stepRoofline,
} from './counts.ts';
import { COSTS } from './launch.ts';
import { WORKGROUP_COSTS } from './workgroup.ts';
import type { Cell, ModelShape, Report } from '../schema.ts';
import { gridShape } from './setting.ts';

/**
 * Cells with their predicted ratios, where launches and kernels were measured, and at least three cells. resident has one where
 * the phases of a workgroup were measured too and one workgroup may train the model.
 */
export function predictCells(
  cells: readonly Cell[],
  { launch, kernels }: Pick<Partial<Report>, 'launch' | 'kernels'>,
): Cell[] {
  const measured = cells.filter(({ cpu }) => cpu !== null);
  if (!launch || !kernels || measured.length < 3) return [...cells];
  const costs = costValues(COSTS, launch.costs);
  const { workgroup } = launch;
  /** Microseconds of a step, by strategy. */
  const gpuTimes = (shape: ModelShape): [string, number][] => {
    const planned = PLANNED.map((own): [string, number] => [
      own,
      dot(stepCounts(shape, own), costs) + stepRoofline(shape, own, kernels.ceilings),
    ]);
    const training = { ...DEFAULT_TRAINING, batchSize: shape.batchSize };
    if (!workgroup || whyNotResident(modelOf(shape), training) !== undefined) return planned;
    const time = dot(residentCounts(shape, workgroup), costValues(WORKGROUP_COSTS, workgroup.costs));
    return time > 0 ? [...planned, ['resident', time]] : planned;
  };
  const cpuTime = powerLaw(measured.map((cell) => [stepFlops(gridShape(cell)), cell.cpu!.median]));
  return cells.map((cell) => {
    const shape = gridShape(cell);
    const cpu = cpuTime(stepFlops(shape));
    const ratios = new Map(gpuTimes(shape).map(([strategy, time]) => [strategy, cpu / time]));
    return {
      ...cell,
      predicted: Math.max(...ratios.values()),
      strategies: cell.strategies.map((own) => ({ ...own, predicted: ratios.get(own.strategy) ?? null })),
    };
  });
}

/** y = a · x^b through `points` by least squares of the logarithms. */
export function powerLaw(points: readonly (readonly [x: number, y: number])[]): (x: number) => number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length;
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length;
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = variance === 0 ? 0 : covariance / variance;
  return (x) => Math.exp(meanY + slope * (Math.log(x) - meanX));
}
