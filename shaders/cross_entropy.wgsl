// cross_entropy: nll[r] = lse[r] - logits[r, targets[r]] with lse[r] = log sum_v exp(logits[r, v]),
// one workgroup per row.                                                                       // (R), (R)

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> nll: array<f32>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;

@compute @workgroup_size(WORKERS)
fn cross_entropy(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  let softmax = softmax_of_row(r * V, worker);
  if (worker == 0) {
    let log_total = log(softmax.total);
    lse[r] = softmax.largest + log_total;
    nll[r] = log_total + (softmax.largest - logits[r * V + targets[r]]);
  }
}

// cross_entropy_grad: the logits give way to their gradient, for at a large vocabulary they are the largest tensor of all.
//
//   dlogits[r, v] = dnll[r] * (exp(logits[r, v] - lse[r]) - [v == targets[r]])                          // (R, V)

@group(0) @binding(1) var<storage, read> target_of_row: array<u32>;
@group(0) @binding(2) var<storage, read> lse_of_row: array<f32>;
@group(0) @binding(3) var<storage, read> dnll: array<f32>;
@group(0) @binding(4) var<storage, read_write> dlogits: array<f32>;

@compute @workgroup_size(WORKERS)
fn cross_entropy_grad(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = row_id(group, groups);
  if (r >= step.rows) {
    return;
  }
  for (var i = worker; i < V; i += WORKERS) {
    let x = dlogits[r * V + i];
    dlogits[r * V + i] = logit_gradient(x, lse_of_row[r], 1, dnll[r], i == target_of_row[r]);
  }
}
