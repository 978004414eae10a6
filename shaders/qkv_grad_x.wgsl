// qkv_grad_x: dnormed[r] = dq[r] . wq + dk[r] . wk + dv[r] . wv, as one product over 3C.           // (R, C)

override C: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> dqkv: array<dqkv_item>;
@group(0) @binding(2) var<storage, read> wq: array<wq_item>;
@group(0) @binding(3) var<storage, read> wk: array<wk_item>;
@group(0) @binding(4) var<storage, read> wv: array<wv_item>;
@group(0) @binding(5) var<storage, read_write> dnormed: array<dnormed_item>;

fn a_quad(m: u32, k: u32) -> vec4f {
  return dqkv_quad(m, k);
}

fn b_quad(k: u32, n: u32) -> vec4f {
  if (k < C) {
    return wq_quad(k, n);
  }
  if (k < 2 * C) {
    return wk_quad(k - C, n);
  }
  return wv_quad(k - 2 * C, n);
}

fn c_put(m: u32, n: u32, sums: vec4f) {
  dnormed_put(m, n, sums);
}

@compute @workgroup_size(WORKERS)
fn qkv_grad_x(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) worker: u32) {
  multiply(Product(step.rows, C, 0, 3 * C, true, false), group.y * BM, group.x * BN, worker);
}
