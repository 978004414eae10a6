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

// embedding_grad_ordered: the same for large tables. What token_order gives says which rows an element sums, in the same
// order; most rows of a large vocabulary have none and are just set to 0. Neighbours read neighbours of a row of dout.

@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> ranges: array<vec2u>;
@group(0) @binding(4) var<storage, read> dout_ordered: array<f32>;
@group(0) @binding(5) var<storage, read_write> dtable_ordered: array<f32>;

@compute @workgroup_size(256)
fn embedding_grad_ordered(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  let n = i / C;
  if (n >= ROWS) {
    return;
  }
  var range = ranges[n];
  // Of a row that no id names, range is left from another time: then it starts beyond the rows or at one with another id.
  if (range.x >= step.rows || ids[order[range.x]] != n) {
    range = vec2u();
  }
  var sum = 0.0;
  for (var place = range.x; place < range.y; place++) {
    sum += dout_ordered[order[place] * C + i % C];
  }
  dtable_ordered[i] = sum;
}
