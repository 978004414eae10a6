// softmax_loss: cross entropy with its derivative, one workgroup per row. The loss is sum_r weights[r] * nll[r]; the logits
// give way to their gradient, for at a large vocabulary they are the largest tensor of all.
//
//   nll[r] = log sum_v exp(logits[r, v]) - logits[r, targets[r]]                                        // (R)
//   dlogits[r, v] = weights[r] * (softmax(logits[r])[v] - [v == targets[r]])                            // (R, V)

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;
@group(0) @binding(4) var<storage, read_write> nll: array<f32>;

@compute @workgroup_size(WORKERS)
fn softmax_loss(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  let softmax = softmax_of_row(r * V, worker);
  let target_at = targets[r];
  if (worker == target_at % WORKERS) {  // the invocation that is going to overwrite this logit
    nll[r] = log(softmax.total) + (softmax.largest - logits[r * V + target_at]);
  }
  let factor = 1 / softmax.total;
  for (var i = worker; i < V; i += WORKERS) {
    let x = logits[r * V + i];
    logits[r * V + i] = logit_gradient(x, softmax.largest, factor, weights[r], i == target_at);
  }
}
