// qkv_grad_w: the gradients of wq, wk and wv, of one shape, as one product: dw[o, i] = sum_r dqkv[r, o] * normed[r, i].
// With PARTS > 1 each is that many sums over some of the rows.                               // (PARTS, C, C) each

override C: u32;
override PARTS: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> dqkv: array<dqkv_item>;
@group(0) @binding(2) var<storage, read> normed: array<normed_item>;
@group(0) @binding(3) var<storage, read_write> dwq: array<dwq_item>;
@group(0) @binding(4) var<storage, read_write> dwk: array<dwk_item>;
@group(0) @binding(5) var<storage, read_write> dwv: array<dwv_item>;

var<private> part: u32;

fn a_quad(k: u32, m: u32) -> vec4f {
  return dqkv_quad(k, m);
}

fn b_quad(k: u32, n: u32) -> vec4f {
  return normed_quad(k, n);
}

fn c_put(m: u32, n: u32, sums: vec4f) {
  let row = part * C + m % C;
  if (m < C) {
    dwq_put(row, n, sums);
  } else if (m < 2 * C) {
    dwk_put(row, n, sums);
  } else {
    dwv_put(row, n, sums);
  }
}

@compute @workgroup_size(WORKERS)
fn qkv_grad_w(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) worker: u32) {
  part = group.z;
  let rows = part_of(step.rows, group.z, PARTS);  // not of `part`: a private variable is never uniform
  multiply(Product(3 * C, C, rows.x, rows.y, false, false), group.y * BM, group.x * BN, worker);
}
