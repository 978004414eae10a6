// resident: whole training steps inside one dispatch. One workgroup trains one model: workgroup_id.x says which,
// so a dispatch of n workgroups trains n models, each with its own parameters, order of documents and rates.
//
// Every element is computed by one invocation in a fixed order, so neither the width of the workgroup nor the number of
// models changes a bit. What a step does is emitted from the plan (src/webgpu/resident/): step() with all that it calls,
// Pack, weights and values.

override WORKERS: u32 = 64;
override DOCUMENTS: u32;  // N: documents of the corpus
override ORDERS: u32;  // where the orders of documents start in the corpus
override ORDER_LENGTH: u32;  // documents that each order lists
const LOWEST = -3.4e38;

struct Run {
  steps: u32,  // steps of this dispatch
  train: u32,  // 0: only gradients and loss, nothing changes
}

// Of one model.
struct Hyper {
  moments: Moments,
  log_beta1: f32,
  log_beta2: f32,
  learning_rate: f32,
  steps: f32,  // of the whole run: the learning rate falls to 0 there
}

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read> corpus: array<u32>;  // N + 1 offsets, tokens, an order for each model
@group(0) @binding(2) var<storage, read> hypers: array<Hyper>;
@group(0) @binding(3) var<storage, read_write> parameters: array<Pack>;
@group(0) @binding(4) var<storage, read_write> m: array<Pack>;
@group(0) @binding(5) var<storage, read_write> v: array<Pack>;
@group(0) @binding(6) var<storage, read_write> gradients: array<Pack>;
@group(0) @binding(7) var<storage, read_write> progress: array<u32>;  // of each model: steps done, then RING losses as bits

var<private> worker: u32;
var<private> model: u32;
var<private> index: u32;  // of the step at hand
var<private> rows: u32;  // in use
var<private> moments: Moments;
var<private> rate: vec3f;  // learning rate and the two bias corrections

fn document_at(n: u32) -> u32 {
  return corpus[ORDERS + model * ORDER_LENGTH + n % DOCUMENTS];
}

fn put_loss(i: u32, loss: f32) {
  progress[model * (RING + 1) + 1 + i] = bitcast<u32>(loss);
}

@compute @workgroup_size(WORKERS)
fn resident(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) invocation: u32) {
  worker = invocation;
  model = group.x;
  let hyper = hypers[model];
  moments = hyper.moments;
  let counter = model * (RING + 1);
  let begin = progress[counter];
  fetch_weights();
  workgroupBarrier();
  for (var n = 0u; n < run.steps; n++) {
    index = begin + n;
    let t = f32(index + 1);
    rate = vec3f(
      hyper.learning_rate * ((hyper.steps - f32(index)) / hyper.steps),
      bias_correction(hyper.log_beta1, t),
      bias_correction(hyper.log_beta2, t),
    );
    step();
  }
  if (run.train != 0) {
    keep_weights();
    if (worker == 0) {
      progress[counter] = begin + run.steps;
    }
  }
}
