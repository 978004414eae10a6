// loss: ring[step mod length] = sum_r weights[r] * nll[r], in a fixed order, by one workgroup. The ring keeps the
// losses of many steps on the device until the host reads them.

override RING: u32;

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> nll: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> ring: array<f32>;

@compute @workgroup_size(WORKERS)
fn loss(@builtin(local_invocation_index) worker: u32) {
  var part = 0.0;
  for (var r = worker; r < step.rows; r += WORKERS) {
    part += weights[r] * nll[r];
  }
  let total = workgroup_sum(worker, part);
  if (worker == 0) {
    ring[step.index % RING] = total;
  }
}
