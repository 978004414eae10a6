// The softmax of a row of V logits by one workgroup, for cross_entropy.wgsl and softmax_loss.wgsl. The shader that includes this
// file declares logits.
//
// Why so. One pass finds maximum and sum together (Milakov and Gimelshein 2018), so a row of 50,304 logits is read twice in
// all and written once, the second time from the cache. Each invocation reads 4 logits that lie WORKERS apart: neighbours read
// neighbours, 4 reads are under way at a time, and V need not be a multiple of 4.

override V: u32;
const LOWEST = -3.4e38;

struct Softmax {
  largest: f32,
  total: f32,  // sum of exp(logit - largest)
}

fn softmax_of_row(row: u32, worker: u32) -> Softmax {
  var largest = LOWEST;
  var total = 0.0;
  var i = worker;
  for (; i + 3 * WORKERS < V; i += 4 * WORKERS) {
    let x = vec4f(
      logits[row + i], logits[row + i + WORKERS], logits[row + i + 2 * WORKERS], logits[row + i + 3 * WORKERS],
    );
    let higher = max(max(max(x.x, x.y), max(x.z, x.w)), largest);
    total = total * exp(largest - higher) + dot(exp(x - higher), vec4f(1));
    largest = higher;
  }
  for (; i < V; i += WORKERS) {
    let x = logits[row + i];
    let higher = max(x, largest);
    total = total * exp(largest - higher) + exp(x - higher);
    largest = higher;
  }
  let of_row = workgroup_max(worker, largest);
  return Softmax(of_row, workgroup_sum(worker, total * exp(largest - of_row)));
}

// The gradient of weight * nll by one logit, where p = exp(logit - largest) * factor.
fn logit_gradient(logit: f32, largest: f32, factor: f32, weight: f32, is_target: bool) -> f32 {
  let p = exp(logit - largest) * factor;
  return weight * select(p, p - 1, is_target);
}
