// adam_clipped: adam with a gradient that is shortened first. Every workgroup adds up the squares for itself, in the same
// order: a dispatch of one more number would cost more than 256 reads of what lies in the cache.

override PARTS: u32;
override CLIP: f32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> grads: array<vec4f>;
@group(0) @binding(2) var<storage, read> parts: array<f32>;  // of the squares of all gradients
@group(0) @binding(3) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> counter: array<u32>;

@compute @workgroup_size(WORKERS)
fn adam_clipped(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  var squares = 0.0;
  for (var p = worker; p < PARTS; p += WORKERS) {
    squares += parts[p];
  }
  let scale = clip_scale(workgroup_sum(worker, squares), CLIP);
  let i = element_id(id, groups);
  if (i == 0) {
    counter[0] = step.index + 1;
  }
  if (i >= QUADS) {
    return;
  }
  adam_quad(i, scale * grads[i], vec3f(step.learning_rate, step.correction1, step.correction2));
}
