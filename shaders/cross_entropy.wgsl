// cross_entropy: nll[r] = lse[r] - logits[r, targets[r]] with lse[r] = log sum_v exp(logits[r, v]),
// one workgroup per row.                                                                       // (R), (R)

override V: u32;

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
  if (worker == 0) {
    let log_total = log(total);
    lse[r] = largest + log_total;
    nll[r] = log_total + (largest - logits[row + targets[r]]);
  }
}

// cross_entropy_grad: dlogits[r, v] = dnll[r] * (exp(logits[r, v] - lse[r]) - [v == targets[r]]).      // (R, V)

@group(0) @binding(3) var<storage, read> lse_of_row: array<f32>;
@group(0) @binding(4) var<storage, read> dnll: array<f32>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>;

@compute @workgroup_size(256)
fn cross_entropy_grad(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = element_id(id, groups);
  let r = i / V;
  if (r >= step.rows) {
    return;
  }
  let p = exp(logits[i] - lse_of_row[r]);
  dlogits[i] = dnll[r] * select(p, p - 1, i % V == targets[r]);
}
