/** 97.5% quantiles of Student's t for 1 … 30 degrees of freedom. */
const QUANTILES = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604,
  2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.093, 2.086, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555,
  2.0518, 2.0484, 2.0452, 2.0423,
] as const;

/** A mean with its standard error and 95% t-interval, which want at least two values. */
export interface MeanInterval {
  readonly mean: number;
  readonly error?: number;
  readonly low?: number;
  readonly high?: number;
}

/** Of at least one value. */
export function meanInterval(values: readonly number[]): MeanInterval {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const error = Math.sqrt(squares / (n - 1) / n);
  const half = quantile(n - 1) * error;
  return { mean, error, low: mean - half, high: mean + half };
}

/** Beyond the table by Cornish and Fisher's expansion, to its digits. */
function quantile(freedom: number): number {
  const z = 1.959964;
  const more = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2);
  return QUANTILES[freedom - 1] ?? z + (z ** 3 + z) / (4 * freedom) + more;
}
