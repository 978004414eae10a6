// Activations and their gradients in storage, a stretch of it for each model.
override VALUES: u32;
@group(0) @binding(8) var<storage, read_write> values: array<f32>;

fn value(i: u32) -> f32 {
  return values[model * VALUES + i];
}

fn set_value(i: u32, x: f32) {
  values[model * VALUES + i] = x;
}

fn phase() {
  storageBarrier();
}
