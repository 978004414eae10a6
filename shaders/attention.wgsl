// attention: causal multi-head attention inside each document, one workgroup per row r and head h.
//
//   p[r, t] = softmax over the rows t of the same document, t <= r, of q[r] . k[t] / sqrt(D)
//   out[r]  = sum_t p[r, t] * v[t]                                                            // (R, C)
//   lse[r]  = log sum_t exp(q[r] . k[t] / sqrt(D))                                            // (R, H)
//
// The backward pass makes p again from lse, so that nothing of size T x T is ever stored.

override H: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> spans: array<vec2u>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;

var<workgroup> bound: u32;  // a row read from storage, made uniform for the loops around barriers
var<private> head: u32;

fn key(t: u32, d: u32) -> f32 {
  return k[(t * H + head) * D + d];
}

fn value(t: u32, d: u32) -> f32 {
  return v[(t * H + head) * D + d];
}

@compute @workgroup_size(WORKERS)
fn attention(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  head = group.x;
  let row = (r * H + head) * D;
  if (worker == 0) {
    bound = spans[r].x;
  }
  for (var d = worker; d < D; d += WORKERS) {
    query[d] = q[row + d];
  }
  let softmax = attend(worker, workgroupUniformLoad(&bound), r);
  for (var d = worker; d < D; d += WORKERS) {
    out[row + d] = mixed[d] / softmax.y;
  }
  if (worker == 0) {
    lse[r * H + head] = softmax.x + log(softmax.y);
  }
}
