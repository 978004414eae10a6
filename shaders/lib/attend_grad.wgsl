// The derivative of one row of causal attention for one head, without atomics (Dao 2023). The shader that includes
// this file says where things lie, for row t and channel d of the head at hand: query_at(t, d), key_at(t, d),
// value_at(t, d), dout_at(t, d), stats_at(t) = (lse, delta), and takes the sums: put_query(d, sum) and put_key(d, sums),
// the latter for k and v.

override D: u32;
override SCALE: f32;  // 1 / sqrt(D)
override WORKERS: u32 = 64;

var<workgroup> left: array<f32, D>;
var<workgroup> right: array<f32, D>;
var<workgroup> sums: array<vec2f, D>;  // channel d belongs to invocation d mod WORKERS
var<workgroup> ds: array<f32, WORKERS>;
var<workgroup> p: array<f32, WORKERS>;

// dq of row r, over the keys first ... r, which come in chunks of one per invocation.
fn attend_grad_query(worker: u32, r: u32, first: u32) {
  for (var d = worker; d < D; d += WORKERS) {
    left[d] = query_at(r, d);
    right[d] = dout_at(r, d);
    sums[d] = vec2f();
  }
  workgroupBarrier();
  let stats = stats_at(r);
  for (var t0 = first; t0 <= r; t0 += WORKERS) {
    let count = min(WORKERS, r - t0 + 1);
    if (worker < count) {
      var score = 0.0;
      var dp = 0.0;
      for (var d = 0u; d < D; d++) {
        score += left[d] * key_at(t0 + worker, d);
        dp += right[d] * value_at(t0 + worker, d);
      }
      ds[worker] = exp(score * SCALE - stats.x) * (dp - stats.y) * SCALE;
    }
    workgroupBarrier();
    for (var d = worker; d < D; d += WORKERS) {
      var sum = sums[d].x;
      for (var i = 0u; i < count; i++) {
        sum += ds[i] * key_at(t0 + i, d);
      }
      sums[d].x = sum;
    }
    workgroupBarrier();
  }
  for (var d = worker; d < D; d += WORKERS) {
    put_query(d, sums[d].x);
  }
}

// dk and dv of row t, over the queries t ... end - 1.
fn attend_grad_key(worker: u32, t: u32, end: u32) {
  for (var d = worker; d < D; d += WORKERS) {
    left[d] = key_at(t, d);
    right[d] = value_at(t, d);
    sums[d] = vec2f();
  }
  workgroupBarrier();
  for (var r0 = t; r0 < end; r0 += WORKERS) {
    let count = min(WORKERS, end - r0);
    if (worker < count) {
      let r = r0 + worker;
      let stats = stats_at(r);
      var score = 0.0;
      var dp = 0.0;
      for (var d = 0u; d < D; d++) {
        score += left[d] * query_at(r, d);
        dp += right[d] * dout_at(r, d);
      }
      let weight = exp(score * SCALE - stats.x);
      p[worker] = weight;
      ds[worker] = weight * (dp - stats.y) * SCALE;
    }
    workgroupBarrier();
    for (var d = worker; d < D; d += WORKERS) {
      var sum = sums[d];
      for (var i = 0u; i < count; i++) {
        sum += vec2f(ds[i] * query_at(r0 + i, d), p[i] * dout_at(r0 + i, d));
      }
      sums[d] = sum;
    }
    workgroupBarrier();
  }
  for (var d = worker; d < D; d += WORKERS) {
    put_key(d, sums[d]);
  }
}
