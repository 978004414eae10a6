// adam: one dispatch over all parameters, and the step counter; lib/update.wgsl has the arithmetic. It moves 28 bytes a
// parameter and computes next to nothing, so an invocation takes 4 at once, with reads and writes 16 bytes wide.

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> grads: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> counter: array<u32>;

@compute @workgroup_size(256)
fn adam(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  if (i == 0) {
    counter[0] = step.index + 1;
  }
  if (i >= QUADS) {
    return;
  }
  adam_quad(i, grads[i], vec3f(step.learning_rate, step.correction1, step.correction2));
}
