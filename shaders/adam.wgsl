// adam: one dispatch over all parameters, and the step counter; lib/update.wgsl has the arithmetic.

override N: u32;
override BETA1: f32;
override ONE_MINUS_BETA1: f32;
override BETA2: f32;
override ONE_MINUS_BETA2: f32;
override EPS: f32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> grads: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(3) var<storage, read_write> m: array<f32>;
@group(0) @binding(4) var<storage, read_write> v: array<f32>;
@group(0) @binding(5) var<storage, read_write> counter: array<u32>;

@compute @workgroup_size(256)
fn adam(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  if (i == 0) {
    counter[0] = step.index + 1;
  }
  if (i >= N) {
    return;
  }
  let moments = Moments(BETA1, ONE_MINUS_BETA1, BETA2, ONE_MINUS_BETA2, EPS);
  let rate = vec3f(step.learning_rate, step.correction1, step.correction2);
  let updated = adam_update(vec3f(parameters[i], m[i], v[i]), grads[i], moments, rate);
  parameters[i] = updated.x;
  m[i] = updated.y;
  v[i] = updated.z;
}
