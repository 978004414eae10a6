// rmsnorm of the rows of a tile, ahead of the product that takes them: c(m, n) = normed[m] . w[n] = scales[m] * x[m] . w[n].
// The tile is that of lib/product.wgsl; the shader that includes this file declares x, normed and scale.

override C: u32;
override LANES = WORKERS_X * WORKERS_Y / BM;  // invocations that share a row
const BLOCK = 16u;  // a sum of sums: serial, that of a wide row would lose digits that the exponentials of attention show

var<workgroup> squares: array<f32, WORKERS_X * WORKERS_Y>;
var<workgroup> scales: array<f32, BM>;  // of row m0 + i

// `keep`: this workgroup also stores the normed rows and their scales, which the backward pass takes.
fn take_scales(m0: u32, worker: u32, keep: bool) {
  let rows = min(BM, max(step.rows, m0) - m0);
  if (worker / LANES < rows) {
    let row = (m0 + worker / LANES) * C;
    var sum = 0.0;
    for (var c0 = worker % LANES; c0 < C; c0 += LANES * BLOCK) {
      var part = 0.0;
      for (var c = c0; c < min(C, c0 + LANES * BLOCK); c += LANES) {
        part += x[row + c] * x[row + c];
      }
      sum += part;
    }
    squares[worker] = sum;
  }
  workgroupBarrier();
  if (worker < rows) {
    var sum = 0.0;
    for (var lane = 0u; lane < LANES; lane++) {
      sum += squares[worker * LANES + lane];
    }
    scales[worker] = norm_scale(sum, C);
    if (keep) {
      scale[m0 + worker] = scales[worker];
    }
  }
  workgroupBarrier();
  if (keep) {
    for (var i = worker; i < rows * C; i += WORKERS_X * WORKERS_Y) {
      normed[m0 * C + i] = x[m0 * C + i] * scales[i / C];
    }
  }
}
