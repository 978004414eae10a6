// Activations and their gradients in workgroup memory.
override VALUES: u32;
var<workgroup> values: array<f32, VALUES>;

fn value(i: u32) -> f32 {
  return values[i];
}

fn set_value(i: u32, x: f32) {
  values[i] = x;
}

fn phase() {
  workgroupBarrier();
}
