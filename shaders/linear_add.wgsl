// linear_add: out = x . w + residual, the sum taken where the product is stored.                 // (R, O)

override O: u32;
override I: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> x: array<x_item>;
@group(0) @binding(2) var<storage, read> w: array<w_item>;
@group(0) @binding(3) var<storage, read> residual: array<residual_item>;
@group(0) @binding(4) var<storage, read_write> out: array<out_item>;

fn a_quad(m: u32, k: u32) -> vec4f {
  return x_quad(m, k);
}

fn b_quad(n: u32, k: u32) -> vec4f {
  return w_quad(n, k);
}

fn c_put(m: u32, n: u32, sums: vec4f) {
  out_put(m, n, sums + residual_quad(m, n));
}

@compute @workgroup_size(WORKERS)
fn linear_add(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) worker: u32) {
  multiply(Product(step.rows, O, 0, I, true, true), group.y * BM, group.x * BN, worker);
}
