// Weights lie in panels of 16 columns: a row of a panel is a line of the cache, and its rows follow one another. Products and
// Adam then walk through the memory line by line, which is what the processor fetches ahead; rows as long as a matrix is
// wide cost a fifth more time in wide models. The last panel is as wide as the columns that are left: 4, 8, 12 or 16.

/** In the place of a stride: the matrix lies in panels. */
export const IN_PANELS: usize = 0;

/** Bytes from row to row of the panel which holds `column` of a matrix that has `columns` of them, a multiple of 4. */
// @ts-ignore: decorators on functions are AssemblyScript, not TypeScript
@inline
export function panelStride(columns: i32, column: i32): usize {
  return <usize>min(16, columns - (column & -16)) << 2;
}

/** Bytes from the start of a matrix (rows, columns) to its element (row, column). */
export function placeOf(rows: i32, columns: i32, row: i32, column: i32): usize {
  const panel = <usize>rows * (<usize>(column & -16) << 2);
  return panel + <usize>row * panelStride(columns, column) + (<usize>(column & 15) << 2);
}
