// sum_squares: parts[p] = the sum of the squares of part p of the gradient, in a fixed order: by invocation, by channel of
// a quad, over the invocations. Part p has every PARTS-th run of 256 quads, so that neighbours read neighbours.

override QUADS: u32;
override PARTS: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> grads: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> parts: array<f32>;

@compute @workgroup_size(WORKERS)
fn sum_squares(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) worker: u32) {
  _ = step.index;  // not needed, but in the layout that all kernels share
  var squares = vec4f(0);
  for (var i = group.x * WORKERS + worker; i < QUADS; i += PARTS * WORKERS) {
    let g = grads[i];
    squares += g * g;
  }
  let sum = workgroup_sum(worker, squares.x + squares.y + squares.z + squares.w);
  if (worker == 0) {
    parts[group.x] = sum;
  }
}
