// Lays out the documents of the next step and its scalars, so that a step needs nothing from the host.
//
// corpus holds, for N documents, the N + 1 offsets of their tokens and then the tokens themselves.
// Step s takes the documents (s*B ... s*B+B-1) mod N and packs them, row after row, without padding.

override B: u32;
override T: u32;
override N: u32;
override STEPS: f32;
override LEARNING_RATE: f32;
override LOG_BETA1: f32;
override LOG_BETA2: f32;

@group(0) @binding(0) var<storage, read_write> step: Step;
@group(0) @binding(1) var<storage, read> corpus: array<u32>;
@group(0) @binding(2) var<storage, read> counter: array<u32>;
@group(0) @binding(3) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(4) var<storage, read_write> targets: array<u32>;
@group(0) @binding(5) var<storage, read_write> positions: array<u32>;
@group(0) @binding(6) var<storage, read_write> spans: array<vec2u>;  // first row of the document, row after its last
@group(0) @binding(7) var<storage, read_write> weights: array<f32>;

@compute @workgroup_size(64)
fn batch(@builtin(local_invocation_index) worker: u32) {
  let index = counter[0];
  var row = 0u;
  for (var b = 0u; b < B; b++) {
    let document = (index * B + b) % N;
    let first = corpus[document];
    let length = min(T, corpus[document + 1] - first - 1);
    let text = N + 1 + first;
    for (var t = worker; t < length; t += 64) {
      tokens[row + t] = corpus[text + t];
      targets[row + t] = corpus[text + t + 1];
      positions[row + t] = t;
      spans[row + t] = vec2u(row, row + length);
      weights[row + t] = 1 / (f32(B) * f32(length));
    }
    row += length;
  }
  if (worker == 0) {
    step.index = index;
    step.rows = row;
    step.learning_rate = LEARNING_RATE * ((STEPS - f32(index)) / STEPS);
    step.correction1 = bias_correction(LOG_BETA1, f32(index + 1));
    step.correction2 = bias_correction(LOG_BETA2, f32(index + 1));
  }
}
