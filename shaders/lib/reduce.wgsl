// Reductions over the invocations of a workgroup, in a fixed order (a tree), so that the same inputs give
// the same bits.
override WORKERS: u32 = 64;  // a power of two

var<workgroup> partial: array<f32, WORKERS>;

fn workgroup_sum(worker: u32, value: f32) -> f32 {
  partial[worker] = value;
  for (var half = WORKERS / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (worker < half) {
      partial[worker] += partial[worker + half];
    }
  }
  let total = workgroupUniformLoad(&partial[0]);
  return total;
}

fn workgroup_max(worker: u32, value: f32) -> f32 {
  partial[worker] = value;
  for (var half = WORKERS / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (worker < half) {
      partial[worker] = max(partial[worker], partial[worker + half]);
    }
  }
  let total = workgroupUniformLoad(&partial[0]);
  return total;
}
