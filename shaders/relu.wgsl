// relu: out = max(0, x).                                                                       // (R, C)

override C: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn relu(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  if (i < step.rows * C) {
    out[i] = max(x[i], 0);
  }
}

// relu_grad: dx = dout where x > 0, else 0.

@group(0) @binding(2) var<storage, read> dout: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(256)
fn relu_grad(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  if (i < step.rows * C) {
    dx[i] = select(0, dout[i], x[i] > 0);
  }
}
