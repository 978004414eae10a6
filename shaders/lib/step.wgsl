// The scalars of one training step; written by batch.wgsl, read by every other kernel.
struct Step {
  index: u32,          // number of the step, from 0
  rows: u32,           // rows in use: the packed tokens of the step's documents
  learning_rate: f32,  // lr * (1 - index / steps)
  correction1: f32,    // 1 - beta1^(index + 1)
  correction2: f32,    // 1 - beta2^(index + 1)
}
