// resident: whole training steps inside one dispatch. One workgroup trains one model: workgroup_id.x says which,
// so a dispatch of n workgroups trains n models, each with its own parameters, order of documents and rates.
//
// A phase ends where the next one reads what other invocations wrote. Every element is computed by one
// invocation in a fixed order, so neither the width of the workgroup nor the number of models changes a bit.
//
// Letters as everywhere: R rows in use (of B * T), C channels, H heads, D = C / H, V vocabulary, T context.
// Channels are handled P at a time, a pack (pack*.wgsl), and what has rows of channels is counted in packs: parameters, and
// among the values the residual stream, q, k, v and the like, read and written by "channels" and "set_channels". What has a
// number per row, logit or pair is counted in elements, for "value" and "set_value".
//
// Values are arrays of P numbers and no vectors, because different invocations write neighbours: who writes a component of a
// vector may write all of it, says WGSL. Weights have one writer a pack.
//
// "weight", "values" and "phase" come from weights_*.wgsl and values_*.wgsl: workgroup memory or storage; "spend_kept" from
// spend_*.wgsl.

override WORKERS: u32 = 64;
override L: u32;
override C: u32;
override H: u32;
override T: u32;
override V: u32;
override B: u32;
override DOCUMENTS: u32;  // N: documents of the corpus
override ORDERS: u32;  // where the orders of documents start in the corpus
override ORDER_LENGTH: u32;  // documents that each order lists
override RING: u32;  // losses that a model's ring holds
override SCALE: f32;  // 1 / sqrt(D)
override CP = C / P;  // packs of a row
override DP = C / H / P;  // of a head
override APART: bool;  // weights and values lie in different memory
override LENGTH: u32;  // elements of all parameters of a model, with the padding between them

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
@group(0) @binding(7) var<storage, read_write> progress: array<u32>;  // of each model: steps done, then its losses as bits

var<private> worker: u32;
var<private> model: u32;
var<private> rows: u32;  // of the step at hand
var<private> hyper: Hyper;
var<private> rate: vec3f;  // learning rate and the two bias corrections of the step at hand

fn value(i: u32) -> f32 {
  return values[first_value() / P + i / P][i % P];
}

fn set_value(i: u32, x: f32) {
  values[first_value() / P + i / P][i % P] = x;
}

@compute @workgroup_size(WORKERS)
fn resident(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) invocation: u32) {
  worker = invocation;
  model = group.x;
  hyper = hypers[model];
  let counter = model * (RING + 1);
  let begin = progress[counter];
  fetch_weights();
  weights_changed();
  for (var i = 0u; i < run.steps; i++) {
    let index = begin + i;
    lay_out(index);
    phase();
    embed();
    phase();
    for (var layer = 0u; layer < L; layer++) {
      project_qkv(layer);
      phase();
      score(layer);
      phase();
      mix(layer);
      phase();
      project_out(layer);
      phase();
      expand(layer);
      phase();
      contract(layer);
      phase();
    }
    make_logits();
    phase();
    survey_logits();
    phase();
    softmax_grad();
    phase();

    logits_grad();
    phase();
    update_head();
    if (worker == WORKERS - 1) {  // who has the least of the head
      progress[counter + 1 + index % RING] = bitcast<u32>(mean_loss());
    }
    for (var layer = L; layer > 0; layer--) {
      block_grad(layer - 1);
    }
    input_grad();
    phase();
    update_embeddings();
    spend_kept();
    weights_changed();
    if (APART) {
      phase();  // a barrier orders one kind of memory: the next step writes the values that were just read
    }
  }
  if (run.train != 0) {
    keep_weights();
    if (worker == 0) {
      progress[counter] = begin + run.steps;
    }
  }
}

// The backward pass of a layer. A matrix is updated one phase after the last one that reads it.
fn block_grad(layer: u32) {
  contract_grad(layer);
  phase();
  expand_grad(layer);
  update_fc2(layer);
  phase();
  norm_grad(KEPT + layer * KEPT_LAYER + NORM2, KEPT + layer * KEPT_LAYER + SCALE2);
  update_fc1(layer);
  phase();
  project_out_grad(layer);
  phase();
  score_grad(layer);
  update_wo(layer);
  phase();
  mix_grad(layer);
  phase();
  project_qkv_grad(layer);
  phase();
  norm_grad(KEPT + layer * KEPT_LAYER + NORM1, KEPT + layer * KEPT_LAYER + SCALE1);
  update_qkv(layer);
  phase();
}
