// What the op files share: shape checks, grids, and random example inputs.

import type { Attrs, OpCase, Shape, StepScalars } from '../graph/op.ts';
import { ShapeError } from '../util/errors.ts';
import type { PythonRandom } from '../util/python-random.ts';

/**
 * Checks one operand against a pattern such as `['R', 'C']` or `['R', 27]`. Letters are bound in `dims` at their
 * first use and must agree from then on. Throws ShapeError: `rmsnorm at layer0: expected x [R, C], got [64]`.
 */
export function expectShape(
  op: string,
  where: string,
  operand: string,
  shape: Shape | undefined,
  pattern: readonly (string | number)[],
  dims: Record<string, number>,
): void {
  const got = shape ?? [];
  let fits = got.length === pattern.length && got.every((n) => Number.isSafeInteger(n) && n > 0);
  got.forEach((n, i) => {
    const want = pattern[i];
    const bound = typeof want === 'string' ? dims[want] : want;
    if (bound === undefined && typeof want === 'string') dims[want] = n;
    else if (bound !== n) fits = false;
  });
  if (fits) return;
  const expected = pattern.map((p) =>
    typeof p === 'string' && dims[p] !== undefined ? `${p}=${dims[p]}` : p,
  );
  const place = where === '' ? op : `${op} at ${where}`;
  throw new ShapeError(`${place}: expected ${operand} [${expected.join(', ')}], got [${got.join(', ')}]`);
}

/** Checks all operands of an op and gives the values of the letters. */
export function matchShapes<Letter extends string>(
  op: string,
  where: string,
  shapes: readonly Shape[],
  patterns: Readonly<Record<string, readonly (Letter | number)[]>>,
): Record<Letter, number> {
  const dims: Record<string, number> = {};
  Object.entries(patterns).forEach(([operand, pattern], i) => {
    expectShape(op, where, operand, shapes[i], pattern, dims);
  });
  return dims;
}

const MAX_WORKGROUPS = 65_535;

/** Workgroups of 256 invocations for `n` elements; see `element_id` in shaders/lib/grid.wgsl. */
export function elementGrid(n: number): [number, number, number] {
  const groups = Math.ceil(n / 256);
  const y = Math.ceil(groups / MAX_WORKGROUPS);
  return [Math.ceil(groups / y), y, 1];
}

/** A workgroup per row (and per head, in x); see `row_id` in shaders/lib/grid.wgsl. */
export function rowGrid(rows: number, perRow = 1): [number, number, number] {
  const z = Math.ceil(rows / MAX_WORKGROUPS);
  return [perRow, Math.ceil(rows / z), z];
}

/** Workgroups of a sum over rows: each has 32 columns. See `sum_of_rows` in shaders/lib/sum_columns.wgsl. */
export function columnGrid(C: number): [number, number, number] {
  return [Math.ceil(C / 32), 1, 1];
}

/** Invocations for a workgroup that shares `items` among them: a power of two, at most `most`; few items want few. */
export function workersFor(items: number, most = 64): number {
  let workers = 4;
  while (workers < most && workers < items) workers *= 2;
  return workers;
}

/** A number as WGSL of type f32. */
export function float(x: number): string {
  return Number.isInteger(x) ? x.toFixed(1) : String(x);
}

// ---- random examples -------------------------------------------------------------------------------------

/** A whole number from `low` to `high`, both included. */
export function randomInteger(random: PythonRandom, low: number, high: number): number {
  return low + Math.floor(random.random() * (high - low + 1));
}

export function randomNormal(random: PythonRandom, size: number, scale = 1): Float64Array {
  return Float64Array.from({ length: size }, () => random.gauss(0, scale));
}

export function randomIds(random: PythonRandom, size: number, below: number): Uint32Array {
  return Uint32Array.from({ length: size }, () => randomInteger(random, 0, below - 1));
}

/** A step with `rows` rows in use, somewhere in a run. */
export function exampleStep(rows: number, index = 3): StepScalars {
  return {
    index,
    rows,
    learningRate: 0.01,
    correction1: 1 - 0.85 ** (index + 1),
    correction2: 1 - 0.99 ** (index + 1),
  };
}

/** `operands` tensors of one random shape (R, C), for ops that work row by row or element by element. */
export function exampleElements(random: PythonRandom, operands: number): OpCase {
  const [R, C] = [randomInteger(random, 1, 40), randomInteger(random, 1, 150)];
  return {
    shapes: Array.from({ length: operands }, () => [R, C]),
    attrs: {},
    inputs: Array.from({ length: operands }, () => randomNormal(random, R * C)),
    step: exampleStep(randomInteger(random, 1, R)),
  };
}

/** Tensors for R rows of C channels, of which some rows are in use; R large enough that a lane has several. */
export function exampleRows(random: PythonRandom, shapesOf: (R: number, C: number) => readonly Shape[]) {
  const R = randomInteger(random, 1, randomInteger(random, 1, 4) === 1 ? 300 : 40);
  const C = randomInteger(random, 1, 100);
  const shapes = shapesOf(R, C);
  const inputs = shapes.map((shape) => randomNormal(random, shape.reduce((a, b) => a * b))); // prettier-ignore
  return { shapes, attrs: {}, inputs, step: exampleStep(randomInteger(random, 1, R)) };
}

/** Documents packed into rows, with the rows of each one's document: the first, and the one after its last. */
export interface PackedRows {
  /** The largest number of rows, as a shape has it. */
  readonly capacity: number;
  /** Rows in use. */
  readonly rows: number;
  readonly spans: Uint32Array;
}

/** Up to 4 documents of up to `longest` tokens each, packed as `batch` packs them. */
export function randomPackedRows(random: PythonRandom, longest: number): PackedRows {
  const lengths = Array.from({ length: randomInteger(random, 1, 4) }, () =>
    randomInteger(random, 1, longest),
  );
  const rows = lengths.reduce((sum, n) => sum + n, 0);
  const capacity = rows + randomInteger(random, 0, 5);
  const spans = new Uint32Array(2 * capacity);
  let row = 0;
  for (const length of lengths) {
    for (let t = 0; t < length; t++) spans.set([row, row + length], 2 * (row + t));
    row += length;
  }
  return { capacity, rows, spans };
}

// ---- attention ---------------------------------------------------------------------------------------------

/** H, D = C / H and 1 / √D from `attrs.heads`. Throws ShapeError where the heads do not divide C. */
export function headDims(
  op: string,
  where: string,
  C: number,
  attrs: Attrs,
): { H: number; D: number; scale: number } {
  const H = attrs.heads;
  const D = C / H;
  if (!Number.isInteger(D)) {
    const place = where === '' ? op : `${op} at ${where}`;
    throw new ShapeError(`${place}: expected C divisible by ${H} heads, got C=${C}`);
  }
  return { H, D, scale: 1 / Math.sqrt(D) };
}

/** Pairs of rows (r, t ≤ r) with every document at its longest, `attrs.block`. */
export function maskedPairs([R]: Shape, attrs: Attrs): number {
  return (R * (attrs.block + 1)) / 2;
}

/** Constants of the attention kernels, whose invocations share `items` rows and D channels. */
export function headConstants(C: number, attrs: Attrs, items: number): Record<string, number> {
  const { H, D, scale } = headDims('attention', '', C, attrs);
  return { H, D, SCALE: scale, WORKERS: workersFor(Math.max(D, items)) };
}

export function randomHeads(random: PythonRandom): { H: number; C: number } {
  const H = randomInteger(random, 1, 4);
  const D = randomInteger(random, 1, randomInteger(random, 1, 6) === 1 ? 130 : 20);
  return { H, C: H * D };
}
