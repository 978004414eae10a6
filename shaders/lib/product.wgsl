// One tile of a matrix product, c(m, n) = sum_k a(m, k) * b(k, n): a workgroup makes BM x BN elements, each invocation
// 4 x 4 of them; k runs in steps of 16 through workgroup memory. The shader that includes this file says what a, b and
// c are: a_at(m, k), b_at(k, n), c_put(m, n, sum).

override BM: u32 = 32;
override BN: u32 = 32;
override WORKERS_X = BN / 4;
override WORKERS_Y = BM / 4;
const BK = 16u;

struct Product {
  m_end: u32,
  n_end: u32,
  k_end: u32,
  a_along_k: bool,  // whether neighbours in k are neighbours in memory
  b_along_k: bool,
}

var<workgroup> a_tile: array<f32, BK * BM>;  // [k, m]
var<workgroup> b_tile: array<f32, BK * BN>;  // [k, n]

// The tile whose first element is (m0, n0); nothing where it lies beyond m_end.
fn multiply(product: Product, m0: u32, n0: u32, local: vec3u, worker: u32) {
  if (m0 >= product.m_end) {
    return;
  }
  let workers = WORKERS_X * WORKERS_Y;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();

  for (var k0 = 0u; k0 < product.k_end; k0 += BK) {
    // Neighbouring invocations read neighbouring memory, whichever way the matrix lies.
    for (var i = worker; i < BK * BM; i += workers) {
      let k = select(i / BM, i % BK, product.a_along_k);
      let m = select(i % BM, i / BK, product.a_along_k);
      var value = 0.0;
      if (m0 + m < product.m_end && k0 + k < product.k_end) {
        value = a_at(m0 + m, k0 + k);
      }
      a_tile[k * BM + m] = value;
    }
    for (var i = worker; i < BK * BN; i += workers) {
      let k = select(i / BN, i % BK, product.b_along_k);
      let n = select(i % BN, i / BK, product.b_along_k);
      var value = 0.0;
      if (n0 + n < product.n_end && k0 + k < product.k_end) {
        value = b_at(k0 + k, n0 + n);
      }
      b_tile[k * BN + n] = value;
    }
    workgroupBarrier();
    for (var k = 0u; k < min(BK, product.k_end - k0); k++) {
      let p = k * BM + local.y * 4;
      let q = k * BN + local.x * 4;
      let right = vec4f(b_tile[q], b_tile[q + 1], b_tile[q + 2], b_tile[q + 3]);
      s0 += a_tile[p] * right;
      s1 += a_tile[p + 1] * right;
      s2 += a_tile[p + 2] * right;
      s3 += a_tile[p + 3] * right;
    }
    workgroupBarrier();
  }

  let m = m0 + local.y * 4;
  let n = n0 + local.x * 4;
  put_row(product, m, n, s0);
  put_row(product, m + 1, n, s1);
  put_row(product, m + 2, n, s2);
  put_row(product, m + 3, n, s3);
}

fn put_row(product: Product, m: u32, n: u32, sums: vec4f) {
  if (m >= product.m_end) {
    return;
  }
  for (var j = 0u; j < min(4, product.n_end - min(product.n_end, n)); j++) {
    c_put(m, n + j, sums[j]);
  }
}
