// Activations and their gradients in workgroup memory.
override VALUES: u32;  // a multiple of P
var<workgroup> values: array<array<f32, P>, VALUES / P>;

fn first_value() -> u32 {
  return 0;
}

fn phase() {
  workgroupBarrier();
}
