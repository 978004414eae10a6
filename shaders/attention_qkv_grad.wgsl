// attention_qkv_grad: the whole derivative of attention in one dispatch. Of the two workgroups for each row and head one
// makes dq, the other dk and dv; delta is made again where it is needed.                        // (R, 3C)

override H: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> out: array<f32>;
@group(0) @binding(3) var<storage, read> lse: array<f32>;
@group(0) @binding(4) var<storage, read> dout: array<f32>;
@group(0) @binding(5) var<storage, read> spans: array<vec2u>;
@group(0) @binding(6) var<storage, read_write> dqkv: array<f32>;

var<workgroup> bound: u32;  // a row read from storage, made uniform for the loops around barriers
var<private> head: u32;
var<private> row: u32;

fn query_at(t: u32, d: u32) -> f32 {
  return qkv[(3 * t * H + head) * D + d];
}

fn key_at(t: u32, d: u32) -> f32 {
  return qkv[((3 * t + 1) * H + head) * D + d];
}

fn value_at(t: u32, d: u32) -> f32 {
  return qkv[((3 * t + 2) * H + head) * D + d];
}

fn dout_at(t: u32, d: u32) -> f32 {
  return dout[(t * H + head) * D + d];
}

fn stats_at(t: u32) -> vec2f {
  var delta = 0.0;
  for (var d = 0u; d < D; d++) {
    delta += dout_at(t, d) * out[(t * H + head) * D + d];
  }
  return vec2f(lse[t * H + head], delta);
}

fn put_query(d: u32, sum: f32) {
  dqkv[(3 * row * H + head) * D + d] = sum;
}

fn put_key(d: u32, sum: vec2f) {
  dqkv[((3 * row + 1) * H + head) * D + d] = sum.x;
  dqkv[((3 * row + 2) * H + head) * D + d] = sum.y;
}

@compute @workgroup_size(WORKERS)
fn attention_qkv_grad(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  head = group.x / 2;
  row = r;
  let of_query = group.x % 2 == 0;
  if (worker == 0) {
    bound = select(spans[r].y, spans[r].x, of_query);
  }
  let end = workgroupUniformLoad(&bound);
  if (of_query) {
    attend_grad_query(worker, r, end);
  } else {
    attend_grad_key(worker, r, end);
  }
}
