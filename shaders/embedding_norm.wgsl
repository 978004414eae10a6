// embedding_norm: out = rmsnorm(wte[tokens[r]] + wpe[positions[r]]), one workgroup per row; scale[r] is the norm's
// factor.                                                                                      // (R, C), (R)

override C: u32;
override V: u32;
override T: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> wte: array<f32>;
@group(0) @binding(2) var<storage, read> wpe: array<f32>;
@group(0) @binding(3) var<storage, read> tokens: array<u32>;
@group(0) @binding(4) var<storage, read> positions: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> scale: array<f32>;

@compute @workgroup_size(WORKERS)
fn embedding_norm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  let token = tokens[r] * C;
  let position = positions[r] * C;
  var squares = 0.0;
  for (var c = worker; c < C; c += WORKERS) {
    let x = wte[token + c] + wpe[position + c];
    squares += x * x;
  }
  let s = norm_scale(workgroup_sum(worker, squares), C);
  for (var c = worker; c < C; c += WORKERS) {
    out[r * C + c] = (wte[token + c] + wpe[position + c]) * s;
  }
  if (worker == 0) {
    scale[r] = s;
  }
}

// embedding_norm_grad: through the first layer's norm and the embedding's own in one go, one workgroup per row.   // (R, C)
//
//   dsum_i = other_i + scale * (dnormed_i - normed_i * sum_j(dnormed_j * normed_j) / C)     as normed_grad_add has it
//   dx_i = scale_out * (dsum_i - out_i * sum_j(dsum_j * out_j) / C)

@group(0) @binding(1) var<storage, read> normed: array<f32>;
@group(0) @binding(2) var<storage, read> normed_scale: array<f32>;
@group(0) @binding(3) var<storage, read> dnormed: array<f32>;
@group(0) @binding(4) var<storage, read> other: array<f32>;
@group(0) @binding(5) var<storage, read> out_again: array<f32>;
@group(0) @binding(6) var<storage, read> scale_again: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKERS)
fn embedding_norm_grad(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  let row = r * C;
  var products = 0.0;
  for (var i = row + worker; i < row + C; i += WORKERS) {
    products += dnormed[i] * normed[i];
  }
  let slope = workgroup_sum(worker, products) / f32(C);
  products = 0.0;
  for (var i = row + worker; i < row + C; i += WORKERS) {
    let dsum = other[i] + normed_scale[r] * (dnormed[i] - normed[i] * slope);
    dx[i] = dsum;
    products += dsum * out_again[i];
  }
  let slope_out = workgroup_sum(worker, products) / f32(C);
  for (var i = row + worker; i < row + C; i += WORKERS) {
    dx[i] = scale_again[r] * (dx[i] - out_again[i] * slope_out);
  }
}

// embedding_tables_grad: dwte[n, c] = sum of dout[r, c] over the rows r with tokens[r] == n, dwpe the same by
// position. Each element gathers its own sum in row order.                                     // (V, C), (T, C)

@group(0) @binding(1) var<storage, read> token_ids: array<u32>;
@group(0) @binding(2) var<storage, read> position_ids: array<u32>;
@group(0) @binding(3) var<storage, read> dout: array<f32>;
@group(0) @binding(4) var<storage, read_write> dwte: array<f32>;
@group(0) @binding(5) var<storage, read_write> dwpe: array<f32>;

@compute @workgroup_size(256)
fn embedding_tables_grad(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  let n = i / C;
  if (n >= V + T) {
    return;
  }
  var sum = 0.0;
  for (var r = 0u; r < step.rows; r++) {
    if (select(V + position_ids[r], token_ids[r], n < V) == n) {
      sum += dout[r * C + i % C];
    }
  }
  if (n < V) {
    dwte[i] = sum;
  } else {
    dwpe[i - V * C] = sum;
  }
}
