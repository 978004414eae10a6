// The parameters in workgroup memory, from the beginning of a dispatch to its end. Of 33 elements, or 36 in packs of 4, those
// of the last pack are left free, so that the rows of a matrix start in different banks.
override WEIGHTS: u32;  // LENGTH and what is left free
const SKEW = 32 / P;
override WEIGHT_PACKS = WEIGHTS / P;  // by name: wgpu takes no expression as an array's length
var<workgroup> weights: array<Pack, WEIGHT_PACKS>;

fn weight(i: u32) -> Pack {
  return weights[i + i / SKEW];
}

fn set_weight(i: u32, x: Pack) {
  weights[i + i / SKEW] = x;
}

fn fetch_weights() {
  for (var i = worker; i < LENGTH / P; i += WORKERS) {
    set_weight(i, parameters[model * (LENGTH / P) + i]);
  }
}

fn keep_weights() {
  for (var i = worker; i < LENGTH / P; i += WORKERS) {
    parameters[model * (LENGTH / P) + i] = weight(i);
  }
}

fn weights_changed() {
  workgroupBarrier();
}
