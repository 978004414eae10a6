// linear and its two derivatives are one matrix product in three transpositions:
//
//   linear         out[r, o] = sum_i x[r, i] * w[o, i]         a = x,    b = w
//   linear_grad_x  dx[r, i]  = sum_o dout[r, o] * w[o, i]      a = dout, b = w
//   linear_grad_w  dw[o, i]  = sum_r dout[r, o] * x[r, i]      a = dout, b = x
//
// c[m, n] = sum_k a(m, k) * b(k, n), where strides say how a and b lie in memory. A workgroup makes a tile
// of BM x BN elements, each invocation 4 x 4 of them; k runs in steps of 16 through workgroup memory.

override M: u32;  // 0 where it is the rows in use
override N: u32;
override K: u32;  // 0 where it is the rows in use
override A_M: u32;  // a(m, k) = a[m * A_M + k * A_K]
override A_K: u32;
override B_K: u32;  // b(k, n) = b[k * B_K + n * B_N]
override B_N: u32;
override BM: u32 = 32;
override BN: u32 = 32;
override WORKERS_X = BN / 4;
override WORKERS_Y = BM / 4;
const BK = 16u;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

var<workgroup> a_tile: array<f32, BK * BM>;  // [k, m]
var<workgroup> b_tile: array<f32, BK * BN>;  // [k, n]

fn multiply(group: vec3u, local: vec3u, worker: u32) {
  let m_end = select(M, step.rows, M == 0);
  let k_end = select(K, step.rows, K == 0);
  let m0 = group.y * BM;
  let n0 = group.x * BN;
  if (m0 >= m_end) {
    return;
  }
  let workers = WORKERS_X * WORKERS_Y;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();

  for (var k0 = 0u; k0 < k_end; k0 += BK) {
    // Neighbouring invocations read neighbouring memory, whichever way the matrix lies.
    for (var i = worker; i < BK * BM; i += workers) {
      let k = select(i / BM, i % BK, A_K == 1);
      let m = select(i % BM, i / BK, A_K == 1);
      var value = 0.0;
      if (m0 + m < m_end && k0 + k < k_end) {
        value = a[(m0 + m) * A_M + (k0 + k) * A_K];
      }
      a_tile[k * BM + m] = value;
    }
    for (var i = worker; i < BK * BN; i += workers) {
      let k = select(i / BN, i % BK, B_K == 1);
      let n = select(i % BN, i / BK, B_K == 1);
      var value = 0.0;
      if (n0 + n < N && k0 + k < k_end) {
        value = b[(k0 + k) * B_K + (n0 + n) * B_N];
      }
      b_tile[k * BN + n] = value;
    }
    workgroupBarrier();
    for (var k = 0u; k < min(BK, k_end - k0); k++) {
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
  store(m, m_end, n, s0);
  store(m + 1, m_end, n, s1);
  store(m + 2, m_end, n, s2);
  store(m + 3, m_end, n, s3);
}

fn store(m: u32, m_end: u32, n: u32, values: vec4f) {
  if (m >= m_end) {
    return;
  }
  for (var j = 0u; j < min(4, N - min(N, n)); j++) {
    c[m * N + n + j] = values[j];
  }
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn linear(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  multiply(group, local, worker);
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn linear_grad_x(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  multiply(group, local, worker);
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn linear_grad_w(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  multiply(group, local, worker);
}
