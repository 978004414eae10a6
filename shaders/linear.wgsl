// linear and its two derivatives are one matrix product in three transpositions:
//
//   linear         out[r, o] = sum_i x[r, i] * w[o, i]         a = x,    b = w
//   linear_grad_x  dx[r, i]  = sum_o dout[r, o] * w[o, i]      a = dout, b = w
//   linear_grad_w  dw[o, i]  = sum_r dout[r, o] * x[r, i]      a = dout, b = x
//
// lib/product.wgsl multiplies.

override M: u32;  // 0 where it is the rows in use
override N: u32;
override K: u32;  // 0 where it is the rows in use
override A: u32;  // width of a
override B: u32;
override PARTS: u32;  // of k; linear_grad_w gives that many sums                              // (PARTS, O, I)

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> a: array<a_item>;
@group(0) @binding(2) var<storage, read> b: array<b_item>;
@group(0) @binding(3) var<storage, read_write> out: array<out_item>;

var<private> first_row: u32;

fn c_put(m: u32, n: u32, sums: vec4f) {
  out_put(first_row + m, n, sums);
}

fn strided(group: vec3u, a_along_k: bool, b_along_k: bool, worker: u32) {
  let rows = step.rows;
  first_row = group.z * M;
  let k = part_of(select(K, rows, K == 0), group.z, PARTS);
  let product = Product(select(M, rows, M == 0), N, k.x, k.y, a_along_k, b_along_k);
  multiply(product, group.y * BM, group.x * BN, worker);
}

@compute @workgroup_size(WORKERS)
fn linear(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) worker: u32) {
  strided(group, true, true, worker);
}

@compute @workgroup_size(WORKERS)
fn linear_grad_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) worker: u32) {
  strided(group, true, false, worker);
}

@compute @workgroup_size(WORKERS)
fn linear_grad_w(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) worker: u32) {
  strided(group, false, false, worker);
}
