// Activations and their gradients in workgroup memory.
override VALUES: u32;  // a multiple of P
override VALUE_PACKS = VALUES / P;  // by name: wgpu takes no expression as an array's length
var<workgroup> values: array<array<f32, P>, VALUE_PACKS>;

fn first_value() -> u32 {
  return 0;
}

fn phase() {
  workgroupBarrier();
}
