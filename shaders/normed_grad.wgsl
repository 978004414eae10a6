// normed_grad: the derivative of rmsnorm from what it gave, normed = x * scale, one workgroup per row.  // (R, C)
//
//   dx_i = scale * (dout_i - normed_i * sum_j(dout_j * normed_j) / C)

override C: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> normed: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> dout: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

fn mean_product(worker: u32, row: u32) -> f32 {
  var products = 0.0;
  for (var c = worker; c < C; c += WORKERS) {
    products += dout[row + c] * normed[row + c];
  }
  return workgroup_sum(worker, products) / f32(C);
}

@compute @workgroup_size(WORKERS)
fn normed_grad(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  let slope = mean_product(worker, r * C);
  for (var i = r * C + worker; i < (r + 1) * C; i += WORKERS) {
    dx[i] = scale[r] * (dout[i] - normed[i] * slope);
  }
}

// normed_grad_add: the same, added to the gradient `other` that reaches x by another way (the residual connection).

@group(0) @binding(4) var<storage, read> other: array<f32>;
@group(0) @binding(5) var<storage, read_write> dsum: array<f32>;

@compute @workgroup_size(WORKERS)
fn normed_grad_add(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  let slope = mean_product(worker, r * C);
  for (var i = r * C + worker; i < (r + 1) * C; i += WORKERS) {
    dsum[i] = other[i] + scale[r] * (dout[i] - normed[i] * slope);
  }
}
