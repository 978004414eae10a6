// adam: one dispatch over all parameters, and the step counter; lib/update.wgsl has the arithmetic. It moves 28 bytes a
// parameter and computes next to nothing, so an invocation takes 4 at once, with reads and writes 16 bytes wide.

override QUADS: u32;  // of parameters
override BETA1: f32;
override ONE_MINUS_BETA1: f32;
override BETA2: f32;
override ONE_MINUS_BETA2: f32;
override EPS: f32;

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
  let moments = Moments(BETA1, ONE_MINUS_BETA1, BETA2, ONE_MINUS_BETA2, EPS);
  let rate = vec3f(step.learning_rate, step.correction1, step.correction2);
  let g = grads[i];
  var updated = mat3x4f(parameters[i], m[i], v[i]);
  for (var j = 0u; j < 4; j++) {
    let one = adam_update(vec3f(updated[0][j], updated[1][j], updated[2][j]), g[j], moments, rate);
    updated[0][j] = one.x;
    updated[1][j] = one.y;
    updated[2][j] = one.z;
  }
  parameters[i] = updated[0];
  m[i] = updated[1];
  v[i] = updated[2];
}
