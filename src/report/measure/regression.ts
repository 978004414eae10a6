// Least squares, for costs that add up: time = Σ count · cost.

import type { Interval } from '../schema.ts';

export interface Fit {
  /** One cost for each column, with its 95% interval. */
  readonly costs: readonly Interval[];
  /** Share of the (weighted) variance of `times` that the costs explain. */
  readonly r2: number;
  /** What the costs say of another run, with the 95% interval of its mean. */
  predict(counts: readonly number[]): Interval;
}

/**
 * Fits `times[i]` ≈ Σ_j `rows[i][j]` · cost_j by weighted least squares. There is no intercept: a run of nothing takes no
 * time. Intervals are Student's t on the residuals, which assumes that after weighting they are all of one size. Times of
 * computers err in proportion to themselves, so `weights` are 1 / time² unless told.
 *
 * Throws RangeError where there are fewer than 5 rows more than costs, or where two columns cannot be told apart.
 */
export function fitCosts(
  rows: readonly (readonly number[])[],
  times: readonly number[],
  weights: readonly number[] = times.map((time) => 1 / (time * time)),
): Fit {
  const n = rows.length;
  const p = rows[0]?.length ?? 0;
  const freedom = n - p;
  if (freedom < 5)
    throw new RangeError(`fitCosts: expected at least ${p + 5} rows for ${p} costs, got ${n}.`);

  // Columns of unit length: counts of thousands of dispatches stand beside one readback.
  const scale = Array.from({ length: p }, (_, j) =>
    Math.sqrt(rows.reduce((sum, row, i) => sum + weights[i] * row[j] ** 2, 0)),
  );
  if (scale.includes(0)) throw new RangeError(`fitCosts: column ${scale.indexOf(0)} is 0 in every row.`);
  const scaled = rows.map((row) => row.map((x, j) => x / scale[j]));

  const inverse = inverted(
    scale.map((_, a) =>
      scale.map((_unused, b) => scaled.reduce((sum, row, i) => sum + weights[i] * row[a] * row[b], 0)),
    ),
  );
  const moments = scale.map((_, a) =>
    scaled.reduce((sum, row, i) => sum + weights[i] * row[a] * times[i], 0),
  );
  const beta = inverse.map((row) => dot(row, moments));

  const mean = dot(weights, times) / weights.reduce((a, b) => a + b, 0);
  let residual = 0;
  let total = 0;
  for (let i = 0; i < n; i++) {
    residual += weights[i] * (times[i] - dot(scaled[i], beta)) ** 2;
    total += weights[i] * (times[i] - mean) ** 2;
  }
  const variance = residual / freedom;
  const t = studentQuantile(freedom);

  const predict = (counts: readonly number[]): Interval => {
    const x = counts.map((count, j) => count / scale[j]);
    const value = dot(x, beta);
    const spread =
      t *
      Math.sqrt(
        Math.max(
          0,
          variance *
            dot(
              x,
              inverse.map((row) => dot(row, x)),
            ),
        ),
      );
    return { value, low: value - spread, high: value + spread };
  };
  const unit = (j: number) => scale.map((_, k) => (k === j ? 1 : 0));
  return { costs: scale.map((_, j) => predict(unit(j))), r2: 1 - residual / total, predict };
}

/** The 97.5% quantile of Student's t, to 1e-3 from 5 degrees of freedom on (Abramowitz & Stegun 26.7.5). */
export function studentQuantile(freedom: number): number {
  const z = 1.959963984540054;
  const n = freedom;
  const [z3, z5, z7, z9] = [z ** 3, z ** 5, z ** 7, z ** 9];
  return (
    z +
    (z3 + z) / (4 * n) +
    (5 * z5 + 16 * z3 + 3 * z) / (96 * n ** 2) +
    (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n ** 3) +
    (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / (92160 * n ** 4)
  );
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

/** Inverse of a small matrix whose diagonal is 1, by Gauss and Jordan with the largest pivot. */
function inverted(matrix: readonly (readonly number[])[]): number[][] {
  const p = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let c = 0; c < p; c++) {
    let best = c;
    for (let r = c + 1; r < p; r++) if (Math.abs(rows[r][c]) > Math.abs(rows[best][c])) best = r;
    if (Math.abs(rows[best][c]) < 1e-10) {
      throw new RangeError(`fitCosts: column ${c} is a combination of the columns before it.`);
    }
    [rows[c], rows[best]] = [rows[best], rows[c]];
    const pivot = rows[c][c];
    rows[c] = rows[c].map((x) => x / pivot);
    for (let r = 0; r < p; r++) {
      if (r === c) continue;
      const factor = rows[r][c];
      rows[r] = rows[r].map((x, j) => x - factor * rows[c][j]);
    }
  }
  return rows.map((row) => row.slice(p));
}
