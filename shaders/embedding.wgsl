// embedding: out[r, c] = wte[tokens[r], c] + wpe[positions[r], c].                          // (R, C)

override C: u32;
override ROWS: u32;  // rows of the table whose gradient is taken

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> wte: array<f32>;
@group(0) @binding(2) var<storage, read> wpe: array<f32>;
@group(0) @binding(3) var<storage, read> tokens: array<u32>;
@group(0) @binding(4) var<storage, read> positions: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn embedding(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  let r = i / C;
  if (r >= step.rows) {
    return;
  }
  let c = i % C;
  out[i] = wte[tokens[r] * C + c] + wpe[positions[r] * C + c];
}

// embedding_grad: dtable[n, c] = sum over the rows r with ids[r] == n of dout[r, c]. Each element
// gathers its own sum in row order, so there are no atomics and the bits do not change from run to run.

@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read> dout: array<f32>;
@group(0) @binding(3) var<storage, read_write> dtable: array<f32>;

@compute @workgroup_size(256)
fn embedding_grad(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  let n = i / C;
  if (n >= ROWS) {
    return;
  }
  let c = i % C;
  var sum = 0.0;
  for (var r = 0u; r < step.rows; r++) {
    if (ids[r] == n) {
      sum += dout[r * C + c];
    }
  }
  dtable[i] = sum;
}
