// adam: one dispatch over all parameters (Kingma and Ba 2015; microgpt.py's update), and the step counter.
//
//   m = beta1 * m + (1 - beta1) * g              v = beta2 * v + (1 - beta2) * g^2
//   parameter -= lr * (m / correction1) / (sqrt(v / correction2) + eps)

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
  let g = grads[i];
  m[i] = BETA1 * m[i] + ONE_MINUS_BETA1 * g;
  v[i] = BETA2 * v[i] + ONE_MINUS_BETA2 * g * g;
  parameters[i] -= step.learning_rate * (m[i] / step.correction1) / (sqrt(v[i] / step.correction2) + EPS);
}
