// The parameters in workgroup memory, from the beginning of a dispatch to its end. One element in 33 is left
// free, so that the rows of a matrix start in different banks.
override WEIGHTS: u32;  // LENGTH + LENGTH / 32, rounded up
var<workgroup> weights: array<f32, WEIGHTS>;

fn weight(i: u32) -> f32 {
  return weights[i + i / 32];
}

fn set_weight(i: u32, value: f32) {
  weights[i + i / 32] = value;
}

fn fetch_weights() {
  for (var i = worker; i < LENGTH; i += WORKERS) {
    set_weight(i, parameters[model * LENGTH + i]);
  }
}

fn keep_weights() {
  for (var i = worker; i < LENGTH; i += WORKERS) {
    parameters[model * LENGTH + i] = weight(i);
  }
}

fn weights_changed() {
  workgroupBarrier();
}
