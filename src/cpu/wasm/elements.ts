// Rows of numbers as they come: element by element, and rows of tables by number. `width` is in bytes, a multiple of 16; every operand has
// a stride of its own.

import { exp, fma } from './lanes';
import { put } from './matmul';
import { IN_PANELS, panelStride } from './panels';

/** What `elements` does that a product does not. */
export namespace Map {
  export const GELU: i32 = 4;
  /** to = from · d gelu(other) / d other. */
  export const GELU_GRAD: i32 = 5;
}

/** to = from, finished as a product is: with `other`, see matmul.ts; or as Map says. */
export function elements(
  finish: i32, R: i32, width: usize, from: usize, fromStride: usize, other: usize, otherStride: usize, to: usize, toStride: usize,
): void {
  for (; R > 0; R--, from += fromStride, other += otherStride, to += toStride) {
    if (finish == Map.GELU) {
      for (let i: usize = 0; i < width; i += 16) {
        const x = v128.load(from + i);
        v128.store(to + i, f32x4.mul(x, geluGate(x)));
      }
    } else if (finish == Map.GELU_GRAD) {
      for (let i: usize = 0; i < width; i += 16) {
        v128.store(to + i, f32x4.mul(v128.load(from + i), geluDerivative(v128.load(other + i))));
      }
    } else {
      for (let i: usize = 0; i < width; i += 16) put(to + i, v128.load(from + i), finish, other - to);
    }
  }
}

const SLOPE: f32 = 1.5957691216057308; // 2 √(2/π)
const CUBIC: f32 = 0.044715;

/** σ(z) with z = 2 √(2/π) (x + 0.044715 x³): see src/ops/gelu.ts. By exp(−|z|), which cannot overflow. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function geluGate(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(x, x), f32x4.mul(x, f32x4.splat(CUBIC)));
  const z = f32x4.mul(f32x4.splat(SLOPE), f32x4.add(x, cube));
  const e = exp(f32x4.neg(f32x4.abs(z)));
  const top = v128.bitselect(e, f32x4.splat(1), f32x4.lt(z, f32x4.splat(0)));
  return f32x4.div(top, f32x4.add(f32x4.splat(1), e));
}

/** σ + x · σ (1 − σ) · dz/dx. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
function geluDerivative(x: v128): v128 {
  const s = geluGate(x);
  const slope = fma(f32x4.mul(x, x), f32x4.splat(3 * CUBIC * SLOPE), f32x4.splat(SLOPE));
  const rest = f32x4.mul(f32x4.mul(x, f32x4.sub(f32x4.splat(1), s)), slope);
  return f32x4.mul(s, f32x4.add(f32x4.splat(1), rest));
}

/** out[r] = table[ids[r]], or out[r] + table[ids[r]]. A table of `rows` rows may lie in panels. */
export function gather(
  R: i32, width: usize, adds: bool, table: usize, rows: i32, stride: usize, ids: usize, out: usize, outStride: usize,
): void {
  for (let i: usize = 0; i < width;) {
    const end = endOfPiece(stride, i, width);
    gatherPiece(R, i, end, adds, pieceAt(table, rows, stride, i), strideAt(stride, width, i), ids, out, outStride);
    i = end;
  }
}

function gatherPiece(
  R: i32, first: usize, end: usize, adds: bool, table: usize, stride: usize, ids: usize, out: usize, outStride: usize,
): void {
  for (; R > 0; R--, ids += 4, out += outStride) {
    const row = table + <usize>load<u32>(ids) * stride;
    for (let i = first; i < end; i += 16) {
      const value = v128.load(row + i);
      v128.store(out + i, adds ? f32x4.add(v128.load(out + i), value) : value);
    }
  }
}

/** Columns `first` … `end` (in bytes) of the gradient of such a table: table[n] = Σ over the rows r with ids[r] = n of dout[r]. */
export function scatter(
  R: i32, width: usize, first: usize, end: usize, table: usize, rows: i32, stride: usize, ids: usize, dout: usize, doutStride: usize,
): void {
  for (let i = first; i < end;) {
    const next = endOfPiece(stride, i, end);
    scatterPiece(R, i, next, pieceAt(table, rows, stride, i), rows, strideAt(stride, width, i), ids, dout, doutStride);
    i = next;
  }
}

function scatterPiece(
  R: i32, first: usize, end: usize, table: usize, rows: i32, stride: usize, ids: usize, dout: usize, doutStride: usize,
): void {
  for (let row = table; rows > 0; rows--, row += stride) {
    for (let i = first; i < end; i += 16) v128.store(row + i, f32x4.splat(0));
  }
  for (; R > 0; R--, ids += 4, dout += doutStride) {
    const row = table + <usize>load<u32>(ids) * stride;
    for (let i = first; i < end; i += 16) v128.store(row + i, f32x4.add(v128.load(row + i), v128.load(dout + i)));
  }
}

// Columns from byte `i` on that lie together in each row of a table: where they end, where column 0 of row 0 would lie, and the stride.

function endOfPiece(stride: usize, i: usize, end: usize): usize {
  return stride == IN_PANELS ? min(end, (i & -64) + 64) : end;
}

function pieceAt(table: usize, rows: i32, stride: usize, i: usize): usize {
  return stride == IN_PANELS ? table + <usize>(rows - 1) * (i & -64) : table;
}

function strideAt(stride: usize, width: usize, i: usize): usize {
  return stride == IN_PANELS ? panelStride(<i32>(width >>> 2), <i32>(i >>> 2)) : stride;
}
