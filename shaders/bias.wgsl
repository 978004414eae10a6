// bias: out[r, c] = x[r, c] + b[c].                                                            // (R, C)

override C: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn bias(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  if (i < step.rows * C) {
    out[i] = x[i] + b[i % C];
  }
}

// bias_grad: db[c] = sum_r dout[r, c].                                                            // (C)

@group(0) @binding(1) var<storage, read> dout: array<f32>;
@group(0) @binding(2) var<storage, read_write> db: array<f32>;

@compute @workgroup_size(256)
fn bias_grad(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) invocation: u32) {
  let c = group.x * COLUMNS + invocation % COLUMNS;
  var sum = 0.0;
  if (c < C) {
    for (var r = invocation / COLUMNS; r < step.rows; r += ROW_LANES) {
      sum += dout[r * C + c];
    }
  }
  let total = sum_of_lanes(invocation, vec2f(sum, 0));
  if (invocation < COLUMNS && c < C) {
    db[c] = total.x;
  }
}
