// layernorm: out = (x - mean) * s * weight + bias, row by row, one workgroup each; stats = (mean, s).  // (R, C), (R, 2)

override C: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<storage, read_write> stats: array<f32>;

@compute @workgroup_size(WORKERS)
fn layernorm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  let row = r * C;
  var sum = 0.0;
  for (var c = worker; c < C; c += WORKERS) {
    sum += x[row + c];
  }
  let mean = workgroup_sum(worker, sum) / f32(C);
  var squares = 0.0;
  for (var c = worker; c < C; c += WORKERS) {
    squares += (x[row + c] - mean) * (x[row + c] - mean);
  }
  let s = norm_scale(workgroup_sum(worker, squares), C);
  for (var c = worker; c < C; c += WORKERS) {
    out[row + c] = fma((x[row + c] - mean) * s, weight[c], bias[c]);
  }
  if (worker == 0) {
    stats[2 * r] = mean;
    stats[2 * r + 1] = s;
  }
}

// layernorm_grad: dx = s * (g - mean(g) - normed * mean(g * normed)) with g = dout * weight.

@group(0) @binding(2) var<storage, read> row_stats: array<f32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read> dout: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKERS)
fn layernorm_grad(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  let row = r * C;
  let mean = row_stats[2 * r];
  let s = row_stats[2 * r + 1];
  var sum = 0.0;
  var products = 0.0;
  for (var c = worker; c < C; c += WORKERS) {
    let g = dout[row + c] * scales[c];
    sum += g;
    products += g * (x[row + c] - mean) * s;
  }
  let mean_g = workgroup_sum(worker, sum) / f32(C);
  let mean_products = workgroup_sum(worker, products) / f32(C);
  for (var c = worker; c < C; c += WORKERS) {
    let normed = (x[row + c] - mean) * s;
    dx[row + c] = s * (dout[row + c] * scales[c] - mean_g - normed * mean_products);
  }
}

// layernorm_grad_w: dweight[c] = sum_r dout[r, c] * normed[r, c], dbias[c] = sum_r dout[r, c].      // 2 of (C)

@group(0) @binding(3) var<storage, read> row_gradients: array<f32>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;

@compute @workgroup_size(256)
fn layernorm_grad_w(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) invocation: u32) {
  let c = group.x * COLUMNS + invocation % COLUMNS;
  var sums = vec2f();
  if (c < C) {
    for (var r = invocation / COLUMNS; r < step.rows; r += ROW_LANES) {
      let d = row_gradients[r * C + c];
      sums += vec2f(d * (x[r * C + c] - row_stats[2 * r]) * row_stats[2 * r + 1], d);
    }
  }
  let total = sum_of_lanes(invocation, sums);
  if (invocation < COLUMNS && c < C) {
    dweight[c] = total.x;
    dbias[c] = total.y;
  }
}
