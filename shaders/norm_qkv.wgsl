// norm_qkv: the three projections of rmsnorm(x) as one product; q, k and v of a row stand side by side.  // (R, 3C)

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> x: array<x_item>;
@group(0) @binding(2) var<storage, read> wq: array<wq_item>;
@group(0) @binding(3) var<storage, read> wk: array<wk_item>;
@group(0) @binding(4) var<storage, read> wv: array<wv_item>;
@group(0) @binding(5) var<storage, read_write> qkv: array<qkv_item>;
@group(0) @binding(6) var<storage, read_write> normed: array<normed_item>;
@group(0) @binding(7) var<storage, read_write> scale: array<f32>;

fn a_quad(m: u32, k: u32) -> vec4f {
  return x_quad(m, k);
}

fn b_quad(n: u32, k: u32) -> vec4f {
  if (n < C) {
    return wq_quad(n, k);
  }
  if (n < 2 * C) {
    return wk_quad(n - C, k);
  }
  return wv_quad(n - 2 * C, k);
}

fn c_put(m: u32, n: u32, sums: vec4f) {
  qkv_put(m, n, sums);
}

@compute @workgroup_size(WORKERS)
fn norm_qkv(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  multiply(Product(step.rows, 3 * C, 0, C, true, true), group.y * BM, group.x * BN, worker);
  put_normed(group, groups, worker);
}
