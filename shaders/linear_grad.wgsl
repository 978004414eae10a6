// linear_grad: the derivatives of linear by x and by w in one dispatch; lib/both_grads.wgsl.    // (R, I), (O, I)

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> dout: array<dout_item>;
@group(0) @binding(2) var<storage, read> x: array<x_item>;
@group(0) @binding(3) var<storage, read> w: array<w_item>;
@group(0) @binding(4) var<storage, read_write> dx: array<dx_item>;
@group(0) @binding(5) var<storage, read_write> dw: array<dw_item>;

fn dout_at(r: u32, o: u32) -> vec4f {
  return dout_quad(r, o);
}

@compute @workgroup_size(WORKERS)
fn linear_grad(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) worker: u32) {
  both_grads(group, worker);
}
