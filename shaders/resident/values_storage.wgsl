// Activations and their gradients in storage, a stretch of it for each model.
override VALUES: u32;  // a multiple of P
@group(0) @binding(8) var<storage, read_write> values: array<array<f32, P>>;

fn first_value() -> u32 {
  return model * VALUES;
}

fn phase() {
  storageBarrier();
}
