// softmax_loss: cross entropy with its derivative, one workgroup per row. The loss is sum_r weights[r] * nll[r].
//
//   nll[r] = log sum_v exp(logits[r, v]) - logits[r, targets[r]]                                        // (R)
//   dlogits[r, v] = weights[r] * (softmax(logits[r])[v] - [v == targets[r]])                            // (R, V)

override V: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> nll: array<f32>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>;

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
  let row = r * V;
  var highest = -3.4e38;
  for (var i = worker; i < V; i += WORKERS) {
    highest = max(highest, logits[row + i]);
  }
  let largest = workgroup_max(worker, highest);
  var part = 0.0;
  for (var i = worker; i < V; i += WORKERS) {
    part += exp(logits[row + i] - largest);
  }
  let total = workgroup_sum(worker, part);
  for (var i = worker; i < V; i += WORKERS) {
    let p = exp(logits[row + i] - largest) / total;
    dlogits[row + i] = weights[r] * select(p, p - 1, i == targets[r]);
  }
  if (worker == 0) {
    nll[r] = log(total) + (largest - logits[row + targets[r]]);
  }
}
