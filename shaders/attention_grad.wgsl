// The derivative of attention.wgsl, in three kernels without atomics (Dao 2023). With dout the gradient of
// out and p made again from lse:
//
//   delta[r]  = sum_d dout[r, d] * out[r, d]
//   ds[r, t]  = p[r, t] * (dout[r] . v[t] - delta[r]) / sqrt(D)
//   dq[r]     = sum_(t <= r) ds[r, t] * k[t]
//   dk[t]     = sum_(r >= t) ds[r, t] * q[r]
//   dv[t]     = sum_(r >= t) p[r, t] * dout[r]

override H: u32;
override D: u32;
override SCALE: f32;  // 1 / sqrt(D)
override WORKERS: u32 = 64;

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

var<workgroup> bound: u32;  // a row read from storage, made uniform for the loops around barriers
var<workgroup> left: array<f32, D>;
var<workgroup> right: array<f32, D>;
var<workgroup> ds: array<f32, WORKERS>;
var<workgroup> p: array<f32, WORKERS>;

// attention_grad_q: one workgroup per row and head; the keys come in chunks of one per invocation.

@group(0) @binding(7) var<storage, read_write> dq: array<f32>;

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
  let head = group.x;
  let row = (r * H + head) * D;
  for (var d = worker; d < D; d += WORKERS) {
    left[d] = q[row + d];
    right[d] = dout[row + d];
    dq[row + d] = 0;
  }
  if (worker == 0) {
    bound = spans[r].x;
  }
  let of_row = stats[r * H + head];
  for (var t0 = workgroupUniformLoad(&bound); t0 <= r; t0 += WORKERS) {
    let count = min(WORKERS, r - t0 + 1);
    if (worker < count) {
      let at = ((t0 + worker) * H + head) * D;
      var score = 0.0;
      var dp = 0.0;
      for (var d = 0u; d < D; d++) {
        score += left[d] * k[at + d];
        dp += right[d] * v[at + d];
      }
      ds[worker] = exp(score * SCALE - of_row.x) * (dp - of_row.y) * SCALE;
    }
    workgroupBarrier();
    for (var d = worker; d < D; d += WORKERS) {
      var sum = dq[row + d];
      for (var i = 0u; i < count; i++) {
        sum += ds[i] * k[((t0 + i) * H + head) * D + d];
      }
      dq[row + d] = sum;
    }
    workgroupBarrier();
  }
}

// attention_grad_kv: one workgroup per row t and head; the queries r >= t come in chunks.

@group(0) @binding(7) var<storage, read_write> dk: array<f32>;
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;

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
  let head = group.x;
  let row = (t * H + head) * D;
  for (var d = worker; d < D; d += WORKERS) {
    left[d] = k[row + d];
    right[d] = v[row + d];
    dk[row + d] = 0;
    dv[row + d] = 0;
  }
  if (worker == 0) {
    bound = spans[t].y;
  }
  let end = workgroupUniformLoad(&bound);
  for (var r0 = t; r0 < end; r0 += WORKERS) {
    let count = min(WORKERS, end - r0);
    if (worker < count) {
      let r = r0 + worker;
      let at = (r * H + head) * D;
      let of_row = stats[r * H + head];
      var score = 0.0;
      var dp = 0.0;
      for (var d = 0u; d < D; d++) {
        score += left[d] * q[at + d];
        dp += right[d] * dout[at + d];
      }
      let weight = exp(score * SCALE - of_row.x);
      p[worker] = weight;
      ds[worker] = weight * (dp - of_row.y) * SCALE;
    }
    workgroupBarrier();
    for (var d = worker; d < D; d += WORKERS) {
      var key_sum = dk[row + d];
      var value_sum = dv[row + d];
      for (var i = 0u; i < count; i++) {
        let at = ((r0 + i) * H + head) * D + d;
        key_sum += ds[i] * q[at];
        value_sum += p[i] * dout[at];
      }
      dk[row + d] = key_sum;
      dv[row + d] = value_sum;
    }
    workgroupBarrier();
  }
}
