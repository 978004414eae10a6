// norm_qkv: the three projections of rmsnorm(x) as one product; q, k and v of a row stand side by side.  // (R, 3C)

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> wq: array<f32>;
@group(0) @binding(3) var<storage, read> wk: array<f32>;
@group(0) @binding(4) var<storage, read> wv: array<f32>;
@group(0) @binding(5) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(6) var<storage, read_write> normed: array<f32>;
@group(0) @binding(7) var<storage, read_write> scale: array<f32>;

fn a_at(m: u32, k: u32) -> f32 {
  return x[m * C + k];
}

fn b_at(k: u32, n: u32) -> f32 {
  let i = n % C * C + k;
  if (n < C) {
    return wq[i];
  }
  if (n < 2 * C) {
    return wk[i];
  }
  return wv[i];
}

fn c_put(m: u32, n: u32, sum: f32) {
  qkv[m * 3 * C + n] = sum * scales[m % BM];
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn norm_qkv(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  take_scales(group.y * BM, worker, group.x == 0);
  multiply(Product(step.rows, 3 * C, C, true, true), group.y * BM, group.x * BN, local, worker);
}
