// The derivative of attention.wgsl, in three kernels without atomics (Dao 2023). With dout the gradient of
// out and p made again from lse:
//
//   delta[r]  = sum_d dout[r, d] * out[r, d]
//   ds[r, t]  = p[r, t] * (dout[r] . v[t] - delta[r]) / sqrt(D)
//   dq[r]     = sum_(t <= r) ds[r, t] * k[t]
//   dk[t]     = sum_(r >= t) ds[r, t] * q[r]
//   dv[t]     = sum_(r >= t) p[r, t] * dout[r]

override H: u32;

@group(0) @binding(0) var<uniform> step: Step;

// attention_grad_stats: stats[r, h] = (lse, delta), one invocation per row and head.            // (R, H, 2)

@group(0) @binding(1) var<storage, read> lse: array<f32>;
@group(0) @binding(2) var<storage, read> out: array<f32>;
@group(0) @binding(3) var<storage, read> dout_stats: array<f32>;
@group(0) @binding(4) var<storage, read_write> stats_out: array<vec2f>;

@compute @workgroup_size(256)
fn attention_grad_stats(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  if (i >= step.rows * H) {
    return;
  }
  var delta = 0.0;
  for (var d = 0u; d < D; d++) {
    delta += dout_stats[i * D + d] * out[i * D + d];
  }
  stats_out[i] = vec2f(lse[i], delta);
}

@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> dout: array<f32>;
@group(0) @binding(5) var<storage, read> stats: array<vec2f>;
@group(0) @binding(6) var<storage, read> spans: array<vec2u>;

@group(0) @binding(7) var<storage, read_write> dq: array<f32>;
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;

var<workgroup> bound: u32;  // a row read from storage, made uniform for the loops around barriers
var<private> head: u32;
var<private> row: u32;  // where the sums of this workgroup go

fn query_at(t: u32, d: u32) -> f32 {
  return q[(t * H + head) * D + d];
}

fn key_at(t: u32, d: u32) -> f32 {
  return k[(t * H + head) * D + d];
}

fn value_at(t: u32, d: u32) -> f32 {
  return v[(t * H + head) * D + d];
}

fn dout_at(t: u32, d: u32) -> f32 {
  return dout[(t * H + head) * D + d];
}

fn stats_at(t: u32) -> vec2f {
  return stats[t * H + head];
}

fn put_query(d: u32, sum: f32) {
  dq[row + d] = sum;
}

fn put_key(d: u32, sum: vec2f) {
  dk[row + d] = sum.x;
  dv[row + d] = sum.y;
}

// attention_grad_q: one workgroup per row and head.

@compute @workgroup_size(WORKERS)
fn attention_grad_q(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  head = group.x;
  row = (r * H + head) * D;
  if (worker == 0) {
    bound = spans[r].x;
  }
  attend_grad_query(worker, r, workgroupUniformLoad(&bound));
}

// attention_grad_kv: one workgroup per row and head.

@compute @workgroup_size(WORKERS)
fn attention_grad_kv(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let t = row_id(group, groups);
  if (t >= step.rows) {
    return;
  }
  head = group.x;
  row = (t * H + head) * D;
  if (worker == 0) {
    bound = spans[t].y;
  }
  attend_grad_key(worker, t, workgroupUniformLoad(&bound));
}
