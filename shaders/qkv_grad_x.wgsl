// qkv_grad_x: dnormed[r] = dq[r] . wq + dk[r] . wk + dv[r] . wv, as one product over 3C.           // (R, C)

override C: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> dqkv: array<f32>;
@group(0) @binding(2) var<storage, read> wq: array<f32>;
@group(0) @binding(3) var<storage, read> wk: array<f32>;
@group(0) @binding(4) var<storage, read> wv: array<f32>;
@group(0) @binding(5) var<storage, read_write> dnormed: array<f32>;

fn a_at(m: u32, k: u32) -> f32 {
  return dqkv[m * 3 * C + k];
}

fn b_at(k: u32, n: u32) -> f32 {
  let i = k % C * C + n;
  if (k < C) {
    return wq[i];
  }
  if (k < 2 * C) {
    return wk[i];
  }
  return wv[i];
}

fn c_put(m: u32, n: u32, sum: f32) {
  dnormed[m * C + n] = sum;
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn qkv_grad_x(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  multiply(Product(step.rows, C, 3 * C, true, false), group.y * BM, group.x * BN, local, worker);
}
