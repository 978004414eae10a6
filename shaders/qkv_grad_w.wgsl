// qkv_grad_w: the gradients of wq, wk and wv, of one shape, as one product: dw[o, i] = sum_r dqkv[r, o] * normed[r, i].
// (C, C) each

override C: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> dqkv: array<f32>;
@group(0) @binding(2) var<storage, read> normed: array<f32>;
@group(0) @binding(3) var<storage, read_write> dwq: array<f32>;
@group(0) @binding(4) var<storage, read_write> dwk: array<f32>;
@group(0) @binding(5) var<storage, read_write> dwv: array<f32>;

fn a_at(m: u32, k: u32) -> f32 {
  return dqkv[k * 3 * C + m];
}

fn b_at(k: u32, n: u32) -> f32 {
  return normed[k * C + n];
}

fn c_put(m: u32, n: u32, sum: f32) {
  let i = m % C * C + n;
  if (m < C) {
    dwq[i] = sum;
  } else if (m < 2 * C) {
    dwk[i] = sum;
  } else {
    dwv[i] = sum;
  }
}

@compute @workgroup_size(WORKERS_X, WORKERS_Y)
fn qkv_grad_w(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  multiply(Product(3 * C, C, step.rows, false, false), group.y * BM, group.x * BN, local, worker);
}
