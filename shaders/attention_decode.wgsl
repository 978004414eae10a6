// attention_decode: attention of one new position over the positions before it, whose keys and values
// are kept in a cache; adds its own key and value to the cache. One workgroup per head.           // (1, C)

override H: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> positions: array<u32>;
@group(0) @binding(5) var<storage, read_write> keys: array<f32>;
@group(0) @binding(6) var<storage, read_write> values: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<f32>;

var<workgroup> bound: u32;  // a position read from storage, made uniform for the loops around barriers
var<private> head: u32;

fn key(t: u32, d: u32) -> f32 {
  return keys[(t * H + head) * D + d];
}

fn value(t: u32, d: u32) -> f32 {
  return values[(t * H + head) * D + d];
}

@compute @workgroup_size(WORKERS)
fn attention_decode(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  if (step.rows == 0) {
    return;
  }
  head = group.x;
  if (worker == 0) {
    bound = positions[0];
  }
  let position = workgroupUniformLoad(&bound);
  for (var d = worker; d < D; d += WORKERS) {
    let channel = head * D + d;
    query[d] = q[channel];
    keys[position * H * D + channel] = k[channel];
    values[position * H * D + channel] = v[channel];
  }
  storageBarrier();
  let softmax = attend(worker, 0, position);
  for (var d = worker; d < D; d += WORKERS) {
    out[head * D + d] = mixed[d] / softmax.y;
  }
}
