// rmsnorm of the rows that a product takes: c(m, n) = normed[m] . w[n] = scales[m] * x[m] . w[n]. The invocations that fetch
// x for lib/product.wgsl add up its squares as they pass, so the norm reads nothing of its own. The shader that
// includes this file declares x, normed and scale, all of rows of C.

override C: u32;

// Squares of a row are summed in four parts, those of the channels 4 part ... 4 part + 3 modulo 16, whatever the
// depth of a slab: all tiles give the same bits. Puts the parts of an invocation's four rows where a's slabs were;
// an invocation has one of them where slabs are 16 deep, and every other slab's where they are 8.
fn share_squares(slab: u32, squares: vec4f, worker: u32) {
  if (worker < A_PIECES) {
    a_tile[0][slab * (BK / 4) + worker / (BM / 4)][worker % (BM / 4)] = squares;
  }
}

// The scales of the rows 4 quad ... 4 quad + 3 of the tile.
fn row_scales(quad: u32) -> vec4f {
  let sums = a_tile[0][0][quad] + a_tile[0][1][quad] + a_tile[0][2][quad] + a_tile[0][3][quad];
  return vec4f(norm_scale(sums.x, C), norm_scale(sums.y, C), norm_scale(sums.z, C), norm_scale(sums.w, C));
}

// Stores the scales and the normed rows of this tile, which the backward pass takes. The workgroups of a row of tiles
// have the same scales, so each stores some of the columns.
fn put_normed(group: vec3u, groups: vec3u, worker: u32) {
  let m0 = group.y * BM;
  let rows = min(BM, max(step.rows, m0) - m0);
  let quads = (C + 3) / 4;
  let first = quads * group.x / groups.x;
  let count = quads * (group.x + 1) / groups.x - first;
  for (var i = worker; i < rows * count; i += WORKERS) {
    let row = i / count;
    let column = (first + i % count) * 4;
    normed_put(m0 + row, column, x_quad(m0 + row, column) * row_scales(row / 4)[row % 4]);
  }
  if (group.x == 0) {
    for (var row = worker; row < rows; row += WORKERS) {
      scale[m0 + row] = row_scales(row / 4)[row % 4];
    }
  }
}
