// rmsnorm: out = x * s with s = (mean(x^2) + 1e-5)^(-1/2), row by row, one workgroup each.      // (R, C)

override C: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WORKERS)
fn rmsnorm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  let row = r * C;
  var squares = 0.0;
  for (var c = worker; c < C; c += WORKERS) {
    squares += x[row + c] * x[row + c];
  }
  let s = norm_scale(workgroup_sum(worker, squares), C);
  for (var c = worker; c < C; c += WORKERS) {
    out[row + c] = x[row + c] * s;
  }
}

// rmsnorm_grad: dx_i = s * dout_i - x_i * s^3 / C * sum_j(dout_j * x_j).

@group(0) @binding(2) var<storage, read> dout: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKERS)
fn rmsnorm_grad(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  let row = r * C;
  var squares = 0.0;
  var products = 0.0;
  for (var c = worker; c < C; c += WORKERS) {
    squares += x[row + c] * x[row + c];
    products += dout[row + c] * x[row + c];
  }
  let s = norm_scale(workgroup_sum(worker, squares), C);
  let slope = workgroup_sum(worker, products) * s * s / f32(C);
  for (var c = worker; c < C; c += WORKERS) {
    dx[row + c] = s * (dout[row + c] - x[row + c] * slope);
  }
}
