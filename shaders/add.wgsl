// add: out = a + b. The residual connection, and the sum of gradients that meet.                 // (R, C)

override C: u32;
override WHOLE: u32;  // elements of all rows; 0: of those in use

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn add(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  if (i < select(WHOLE, step.rows * C, WHOLE == 0)) {
    out[i] = a[i] + b[i];
  }
}
