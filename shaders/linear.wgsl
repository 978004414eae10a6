// linear and its two derivatives are one matrix product in three transpositions:
//
//   linear         out[r, o] = sum_i x[r, i] * w[o, i]         a = x,    b = w
//   linear_grad_x  dx[r, i]  = sum_o dout[r, o] * w[o, i]      a = dout, b = w
//   linear_grad_w  dw[o, i]  = sum_r dout[r, o] * x[r, i]      a = dout, b = x
//
// c[m, n] = sum_k a(m, k) * b(k, n), where strides say how a and b lie in memory; lib/product.wgsl multiplies.

override M: u32;  // 0 where it is the rows in use
override N: u32;
override K: u32;  // 0 where it is the rows in use
override A_M: u32;  // a(m, k) = a[m * A_M + k * A_K]
override A_K: u32;
override B_K: u32;  // b(k, n) = b[k * B_K + n * B_N]
override B_N: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

fn a_at(m: u32, k: u32) -> f32 {
  return a[m * A_M + k * A_K];
}

fn b_at(k: u32, n: u32) -> f32 {
  return b[k * B_K + n * B_N];
}

fn c_put(m: u32, n: u32, sum: f32) {
  c[m * N + n] = sum;
}

fn strided(group: vec3u, local: vec3u, worker: u32) {
  let product = Product(select(M, step.rows, M == 0), N, select(K, step.rows, K == 0), A_K == 1, B_K == 1);
  multiply(product, group.y * BM, group.x * BN, local, worker);
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn linear(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  strided(group, local, worker);
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn linear_grad_x(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  strided(group, local, worker);
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn linear_grad_w(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  strided(group, local, worker);
}
