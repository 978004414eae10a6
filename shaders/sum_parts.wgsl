// sum_parts: out[i] = sum_s parts[s, i], in the order of s.                                            // (O, I)

override S: u32;
override LENGTH: u32;  // O * I

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn sum_parts(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  _ = step.index;  // not needed, but in the layout that all kernels share
  if (i >= LENGTH) {
    return;
  }
  var sum = parts[i];
  for (var s = 1u; s < S; s++) {
    sum += parts[s * LENGTH + i];
  }
  out[i] = sum;
}
