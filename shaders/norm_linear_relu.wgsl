// norm_linear_relu: out = relu(rmsnorm(x) . w).                                                  // (R, O)

override O: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read_write> normed: array<f32>;
@group(0) @binding(5) var<storage, read_write> scale: array<f32>;

fn a_at(m: u32, k: u32) -> f32 {
  return x[m * C + k];
}

fn b_at(k: u32, n: u32) -> f32 {
  return w[n * C + k];
}

fn c_put(m: u32, n: u32, sum: f32) {
  out[m * O + n] = max(sum * scales[m % BM], 0);
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn norm_linear_relu(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  take_scales(group.y * BM, worker, group.x == 0);
  multiply(Product(step.rows, O, C, true, true), group.y * BM, group.x * BN, local, worker);
}
