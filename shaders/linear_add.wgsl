// linear_add: out = x . w + residual, the sum taken where the product is stored.                 // (R, O)

override O: u32;
override I: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

fn a_at(m: u32, k: u32) -> f32 {
  return x[m * I + k];
}

fn b_at(k: u32, n: u32) -> f32 {
  return w[n * I + k];
}

fn c_put(m: u32, n: u32, sum: f32) {
  out[m * O + n] = sum + residual[m * O + n];
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn linear_add(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  multiply(Product(step.rows, O, I, true, true), group.y * BM, group.x * BN, local, worker);
}
