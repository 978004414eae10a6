// One row of causal attention for one head, with an online softmax: the keys come in chunks of one per
// invocation, so that memory does not grow with the context. The shader that includes this file
// says where keys and values lie: key(t, d) and value(t, d) of row t, channel d of the head.
// (Milakov and Gimelshein 2018; Dao et al. 2022.)

override D: u32;
override SCALE: f32;  // 1 / sqrt(D)
override WORKERS: u32 = 64;
const LOWEST = -3.4e38;

var<workgroup> query: array<f32, D>;
var<workgroup> mixed: array<f32, D>;  // sum of weight * value; channel d belongs to invocation d mod WORKERS
var<workgroup> weights: array<f32, WORKERS>;

// Mixes the values of the rows first ... last into `mixed`, not yet divided by the sum of the weights.
// `query` must be filled. Returns the largest score and the sum of exp(score - largest).
fn attend(worker: u32, first: u32, last: u32) -> vec2f {
  for (var d = worker; d < D; d += WORKERS) {
    mixed[d] = 0;
  }
  workgroupBarrier();
  var largest = LOWEST;
  var total = 0.0;
  for (var t0 = first; t0 <= last; t0 += WORKERS) {
    let count = min(WORKERS, last - t0 + 1);
    var score = LOWEST;
    if (worker < count) {
      var dot = 0.0;
      for (var d = 0u; d < D; d++) {
        dot += query[d] * key(t0 + worker, d);
      }
      score = dot * SCALE;
    }
    weights[worker] = score;
    workgroupBarrier();
    let before = largest;
    for (var i = 0u; i < count; i++) {
      largest = max(largest, weights[i]);
    }
    workgroupBarrier();
    weights[worker] = exp(score - largest);
    workgroupBarrier();
    let shrink = exp(before - largest);
    total *= shrink;
    for (var i = 0u; i < count; i++) {
      total += weights[i];
    }
    for (var d = worker; d < D; d += WORKERS) {
      var sum = mixed[d] * shrink;
      for (var i = 0u; i < count; i++) {
        sum += weights[i] * value(t0 + i, d);
      }
      mixed[d] = sum;
    }
    workgroupBarrier();
  }
  return vec2f(largest, total);
}
