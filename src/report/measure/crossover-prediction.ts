// What the crossover should be: the GPU's time from the price of its launches and the roofline of its kernels, measured apart
// from any cell; the CPU's from a power law through its measured cells.

import { PLANNED, stepCounts, stepFlops, stepRoofline, type PlannedStrategy } from './counts.ts';
import { COSTS } from './launch.ts';
import type { Cell, ModelShape, Report } from '../schema.ts';
import { gridShape } from './setting.ts';

/**
 * Cells with their predicted ratios, where launches and kernels were measured, and at least three cells. A resident step
 * has no prediction: see launch.ts.
 */
export function predictCells(
  cells: readonly Cell[],
  { launch, kernels }: Pick<Partial<Report>, 'launch' | 'kernels'>,
): Cell[] {
  const measured = cells.filter(({ cpu }) => cpu !== null);
  if (!launch || !kernels || measured.length < 3) return [...cells];
  const cost = (name: string) => launch.costs.find((own) => own.name === name)?.cost.value ?? 0;
  const costs = COSTS.map(cost);
  const gpuTime = (shape: ModelShape, strategy: PlannedStrategy) =>
    stepCounts(shape, strategy).reduce((sum, count, i) => sum + count * costs[i], 0) +
    stepRoofline(shape, strategy, kernels.ceilings);
  const cpuTime = powerLaw(measured.map((cell) => [stepFlops(gridShape(cell)), cell.cpu!.median]));
  return cells.map((cell) => {
    const shape = gridShape(cell);
    const cpu = cpuTime(stepFlops(shape));
    const ratios = new Map<string, number>(PLANNED.map((own) => [own, cpu / gpuTime(shape, own)]));
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
