// attention_qkv: attention.wgsl with q, k and v side by side in the rows of one tensor, one workgroup per row and head.

override H: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> spans: array<vec2u>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;

var<workgroup> bound: u32;  // a row read from storage, made uniform for the loops around barriers
var<private> head: u32;

fn key(t: u32, d: u32) -> f32 {
  return qkv[((3 * t + 1) * H + head) * D + d];
}

fn value(t: u32, d: u32) -> f32 {
  return qkv[((3 * t + 2) * H + head) * D + d];
}

@compute @workgroup_size(WORKERS)
fn attention_qkv(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  head = group.x;
  if (worker == 0) {
    bound = spans[r].x;
  }
  for (var d = worker; d < D; d += WORKERS) {
    query[d] = qkv[(3 * r * H + head) * D + d];
  }
  let softmax = attend(worker, workgroupUniformLoad(&bound), r);
  for (var d = worker; d < D; d += WORKERS) {
    out[(r * H + head) * D + d] = mixed[d] / softmax.y;
  }
  if (worker == 0) {
    lse[r * H + head] = softmax.x + log(softmax.y);
  }
}
