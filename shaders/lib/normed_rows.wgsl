// rmsnorm of the rows of a tile, ahead of the product that takes them: c(m, n) = normed[m] . w[n] = scales[m] * x[m] . w[n].
// The tile is that of lib/product.wgsl; the shader that includes this file declares x, normed and scale.

override C: u32;
var<workgroup> scales: array<f32, BM>;  // of row m0 + i

// `keep`: this workgroup also stores the normed rows and their scales, which the backward pass takes.
fn take_scales(m0: u32, worker: u32, keep: bool) {
  let rows = min(BM, max(step.rows, m0) - m0);
  for (var i = worker; i < rows; i += WORKERS_X * WORKERS_Y) {
    var squares = 0.0;
    for (var c = 0u; c < C; c++) {
      let value = x[(m0 + i) * C + c];
      squares += value * value;
    }
    let s = norm_scale(squares, C);
    scales[i] = s;
    if (keep) {
      scale[m0 + i] = s;
    }
  }
  workgroupBarrier();
  if (keep) {
    for (var i = worker; i < rows * C; i += WORKERS_X * WORKERS_Y) {
      normed[m0 * C + i] = x[m0 * C + i] * scales[i / C];
    }
  }
}
