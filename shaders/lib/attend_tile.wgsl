// Tiles of causal attention for one head: 64 rows against 32 columns at a time, by 128 invocations. What the forward pass
// (attend_tiled.wgsl) and the backward pass (attend_grad_tiled.wgsl) share.
//
// Why so. An invocation makes 4 x 4 scores in registers: 8 loads of 4 floats from workgroup memory for 64 multiply-adds;
// mixing makes 4 rows x 4 channels of each 32, 4 + 4n loads for 64n, with n = 2 at D = 64. Sums stay in registers: 32
// floats a tensor at D = 64, 64 at D = 128. Slabs of channels keep workgroup memory below the 16 KiB that every device
// has, so that some 5 workgroups share a processor with 64 K registers and wait for each other's memory; rows are read
// again for each tile, from the cache, at 16 flops a byte. All reads from storage are 4 floats wide and
// neighbouring invocations read neighbours. Rows in workgroup memory are an odd number of vectors apart, so that 8
// invocations that read 8 rows hit 8 different banks. Matrices in registers are never indexed by a variable: a compiler that
// does not unroll such a loop would put them into memory.
//
// The shader that includes this file has at(kind, t, quad): channels 4 * quad ... + 3 of the head in row t.

override H: u32;
override D: u32;      // a multiple of 4, at most 128
override SCALE: f32;  // 1 / sqrt(D)
override QUADS = D / 4;
override PARTS = (D + 31) / 32;  // of 32 channels, of which each invocation mixes 4
override MIXED: u32;  // columns that are mixed at a time, a multiple of 4: as many as fit

const ROWS = 64u;
const COLUMNS = 32u;
const INVOCATIONS = 128u;  // (x, y) of (8, 16): rows y + 16i, columns 4x + k
const STRIDE = SLAB + 1;   // between rows of a slab of SLAB quads
const WEIGHT_STRIDE = 9u;  // between rows of 32 weights
const WEIGHTS_END = ROWS * WEIGHT_STRIDE;

const QUERY = 0u;
const KEY = 1u;
const VALUE = 2u;
const DOUT = 3u;

alias Scores = mat4x4f;  // [row i][column k]

// What is mixed: [row i][channel] of each part.
struct Sums {
  p0: mat4x4f,
  p1: mat4x4f,
  p2: mat4x4f,
  p3: mat4x4f,
}

var<workgroup> tile: array<vec4f, TILE>;  // slabs of rows and columns, then weights and what they mix
var<private> head: u32;

// Quads q0 ... of the `count` rows from t0 on, to tile[base]; zeros from row `end` on and beyond the channels.
// Column 4x + k goes to place x + 8k, so that neighbours in x lie side by side.
fn take_slab(kind: u32, base: u32, count: u32, t0: u32, end: u32, q0: u32, worker: u32) {
  for (var i = worker; i < count * SLAB; i += INVOCATIONS) {
    let n = i / SLAB;
    let quad = i % SLAB;
    var value = vec4f();
    if (t0 + n < end && q0 + quad < QUADS) {
      value = at(kind, t0 + n, q0 + quad);
    }
    let place = select(n % 4 * 8 + n / 4, n, count == ROWS);
    tile[base + place * STRIDE + quad] = value;
  }
}

// The scores with the products of a slab of rows at tile[rows] and one of columns at tile[columns] added.
fn add_scores(scores: Scores, rows: u32, columns: u32, x: u32, y: u32) -> Scores {
  var sums = scores;
  let row = rows + y * STRIDE;
  let column = columns + x * STRIDE;
  for (var quad = 0u; quad < min(SLAB, QUADS); quad++) {
    let of_columns = mat4x4f(
      tile[column + quad],
      tile[column + 8 * STRIDE + quad],
      tile[column + 16 * STRIDE + quad],
      tile[column + 24 * STRIDE + quad],
    );
    sums[0] += tile[row + quad] * of_columns;
    sums[1] += tile[row + 16 * STRIDE + quad] * of_columns;
    sums[2] += tile[row + 32 * STRIDE + quad] * of_columns;
    sums[3] += tile[row + 48 * STRIDE + quad] * of_columns;
  }
  return sums;
}

// The rows of an invocation.
fn rows_of(r0: u32, y: u32) -> vec4u {
  return r0 + y + vec4u(0, 16, 32, 48);
}

// Whether column t0 + 4x + k is one of lowest ... highest.
fn within(t0: u32, x: u32, lowest: u32, highest: u32) -> vec4<bool> {
  let t = t0 + 4 * x + vec4u(0, 1, 2, 3);
  return (t >= vec4u(lowest)) & (t <= vec4u(highest));
}

// 4 channels of the columns n ... n + 3 of those that are being mixed.
fn columns_at(n: u32, quad: u32) -> mat4x4f {
  let place = WEIGHTS_END + n * QUADS + min(quad, QUADS - 1);
  return mat4x4f(tile[place], tile[place + QUADS], tile[place + 2 * QUADS], tile[place + 3 * QUADS]);
}

// before[row] + sum over the columns t0 ... of weights[row, column] * at(kind, column). Columns from `end` on count nothing.
fn mix(before: Sums, weights: Scores, kind: u32, t0: u32, end: u32, x: u32, y: u32) -> Sums {
  var sums = before;
  let mine = y * WEIGHT_STRIDE + x;
  tile[mine] = weights[0];
  tile[mine + 16 * WEIGHT_STRIDE] = weights[1];
  tile[mine + 32 * WEIGHT_STRIDE] = weights[2];
  tile[mine + 48 * WEIGHT_STRIDE] = weights[3];
  for (var n0 = 0u; n0 < COLUMNS; n0 += MIXED) {
    let count = min(MIXED, COLUMNS - n0);
    for (var i = y * 8 + x; i < count * QUADS; i += INVOCATIONS) {
      let t = t0 + n0 + i / QUADS;
      var value = vec4f();
      if (t < end) {
        value = at(kind, t, i % QUADS);
      }
      tile[WEIGHTS_END + i] = value;
    }
    workgroupBarrier();
    for (var n = 0u; n < count; n += 4) {
      let weight = y * WEIGHT_STRIDE + (n0 + n) / 4;
      let of_rows = mat4x4f(
        tile[weight],
        tile[weight + 16 * WEIGHT_STRIDE],
        tile[weight + 32 * WEIGHT_STRIDE],
        tile[weight + 48 * WEIGHT_STRIDE],
      );
      sums.p0 += columns_at(n, x) * of_rows;
      if (PARTS > 1) {
        sums.p1 += columns_at(n, x + 8) * of_rows;
      }
      if (PARTS > 2) {
        sums.p2 += columns_at(n, x + 16) * of_rows;
      }
      if (PARTS > 3) {
        sums.p3 += columns_at(n, x + 24) * of_rows;
      }
    }
    workgroupBarrier();
  }
  return sums;
}
