// The forward pass of resident: microgpt.py's `gpt` for the packed rows of one step. rmsnorm is not a phase of
// its own: whoever reads a row for a matrix product sums its squares on the way.

// Where things lie among the values, in elements or, where they have rows of channels, in packs; the host lays them out
// (src/webgpu/resident-layout.ts).
override TOKEN: u32;  // of each row, as exact f32
override TARGET: u32;
override POSITION: u32;
override FIRST: u32;  // first row of the row's document
override END: u32;  // row after its last
override SHARE: u32;  // weight of the row in the loss
override NLL: u32;
override SCALE0: u32;  // of the norm after the embedding
override SURVEY: u32;  // largest logit and sum of exponentials of each lane, per row
override X: u32;  // the residual stream, overwritten by each layer
override X0: u32;  // as it was before the first layer
override LOGITS: u32;  // then their gradients
override PAIRS: u32;  // scores, then probabilities, of (row, head, position)
override KEPT: u32;  // what the backward pass needs of each layer, KEPT_LAYER packs:
override KEPT_LAYER: u32;
override NORM1: u32;
override SCALE1: u32;
override Q: u32;
override K: u32;
override VALUE: u32;  // v: V is the vocabulary
override MIXED: u32;
override LSE: u32;
override NORM2: u32;
override SCALE2: u32;
override HIDDEN: u32;  // after relu
override ROWS = K - Q;  // packs of all rows: from q to k, from k to v, and between their gradients

// Where the matrices start among the parameters; those of layer 0, LAYER apart.
const WTE = 0u;
override WPE: u32;
override LM_HEAD: u32;
override WQ: u32;
override WK: u32;
override WO: u32;
override FC1: u32;
override FC2: u32;
override LAYER: u32;
override MATRIX = WK - WQ;  // from wq to wk, and from wk to wv

const LANES = 8u;  // invocations that share the logits of a row
const LOWEST = -3.4e38;

fn integer(i: u32) -> u32 {
  return u32(value(i));
}

// The documents of step `index`, packed row after row, and its rates: batch.wgsl's job.
fn lay_out(index: u32) {
  let step = f32(index + 1);
  rate = vec3f(
    hyper.learning_rate * ((hyper.steps - f32(index)) / hyper.steps),
    bias_correction(hyper.log_beta1, step),
    bias_correction(hyper.log_beta2, step),
  );
  var row = 0u;
  for (var b = 0u; b < B; b++) {
    let document = corpus[ORDERS + model * ORDER_LENGTH + (index * B + b) % DOCUMENTS];
    let first = corpus[document];
    let length = min(T, corpus[document + 1] - first - 1);
    let text = DOCUMENTS + 1 + first;
    for (var t = worker; t < length; t += WORKERS) {
      let r = row + t;
      set_value(TOKEN + r, f32(corpus[text + t]));
      set_value(TARGET + r, f32(corpus[text + t + 1]));
      set_value(POSITION + r, f32(t));
      set_value(FIRST + r, f32(row));
      set_value(END + r, f32(row + length));
      set_value(SHARE + r, 1 / (f32(B) * f32(length)));
    }
    row += length;
  }
  rows = row;
}

// x = rmsnorm(wte[token] + wpe[position])                                                        // (R, C)
fn embed() {
  for (var i = worker; i < rows * CP; i += WORKERS) {
    let r = i / CP;
    let token = WTE + integer(TOKEN + r) * CP;
    let position = WPE + integer(POSITION + r) * CP;
    var squares = 0.0;
    for (var c = 0u; c < CP; c++) {
      let sum = weight(token + c) + weight(position + c);
      squares = add_dot(squares, sum, sum);
    }
    let c = i % CP;
    let s = norm_scale(squares, C);
    let x = (weight(token + c) + weight(position + c)) * s;
    set_channels(X + i, x);
    set_channels(X0 + i, x);
    if (c == 0) {
      set_value(SCALE0 + r, s);
    }
  }
}

// q, k, v = rmsnorm(x) . wq, wk, wv                                                           // 3 of (R, C)
fn project_qkv(layer: u32) {
  let kept = KEPT + layer * KEPT_LAYER;
  for (var i = worker; i < rows * 3 * C; i += WORKERS) {
    let r = i / (3 * C);
    let which = i / C % 3;
    let c = i % C;
    let w = WQ + layer * LAYER + which * MATRIX + c * CP;
    var squares = 0.0;
    var sum = 0.0;
    for (var k = 0u; k < CP; k++) {
      let x = channels(X + r * CP + k);
      squares = add_dot(squares, x, x);
      sum = add_dot(sum, x, weight(w + k));
    }
    let s = norm_scale(squares, C);
    set_value(P * (kept + Q + which * ROWS) + r * C + c, sum * s);
    if (which == 0) {
      set_value(P * (kept + NORM1) + r * C + c, value(P * X + r * C + c) * s);
    }
    if (i % (3 * C) == 0) {
      set_value(P * (kept + SCALE1) + r, s);
    }
  }
}

// pairs[r, h, t] = q[r] . k[first + t] / sqrt(D), for the rows of the document up to r itself   // (R, H, T)
fn score(layer: u32) {
  let kept = KEPT + layer * KEPT_LAYER;
  for (var i = worker; i < rows * H * T; i += WORKERS) {
    let r = i / (H * T);
    let t = integer(FIRST + r) + i % T;
    if (t > r) {
      continue;
    }
    let head = i / T % H * DP;
    set_value(PAIRS + i, SCALE * dot_channels(kept + Q + r * CP + head, kept + K + t * CP + head, DP));
  }
}

fn dot_channels(a: u32, b: u32, packs: u32) -> f32 {
  var sum = 0.0;
  for (var d = 0u; d < packs; d++) {
    sum = add_dot(sum, channels(a + d), channels(b + d));
  }
  return sum;
}

// mixed[r] = sum_t softmax(pairs[r])[t] * v[t], lse[r] = log sum_t exp(pairs[r, t])              // (R, C), (R, H)
fn mix(layer: u32) {
  let kept = KEPT + layer * KEPT_LAYER;
  for (var i = worker; i < rows * CP; i += WORKERS) {
    let r = i / CP;
    let head = i % CP / DP;
    let first = integer(FIRST + r);
    let pairs = PAIRS + (r * H + head) * T;
    var largest = LOWEST;
    for (var t = 0u; t <= r - first; t++) {
      largest = max(largest, value(pairs + t));
    }
    var total = 0.0;
    var sum = Pack();
    for (var t = 0u; t <= r - first; t++) {
      let p = exp(value(pairs + t) - largest);
      total += p;
      sum = fma(Pack(p), channels(kept + VALUE + (first + t) * CP + i % CP), sum);
    }
    set_channels(kept + MIXED + i, sum / total);
    if (i % DP == 0) {
      set_value(P * (kept + LSE) + r * H + head, largest + log(total));
    }
  }
}

// A row of values times a row of weights, both `packs` long.
fn row_dot(row: u32, w: u32, packs: u32) -> f32 {
  var sum = 0.0;
  for (var c = 0u; c < packs; c++) {
    sum = add_dot(sum, channels(row + c), weight(w + c));
  }
  return sum;
}

// x += mixed . wo                                                                               // (R, C)
fn project_out(layer: u32) {
  let mixed = KEPT + layer * KEPT_LAYER + MIXED;
  for (var i = worker; i < rows * C; i += WORKERS) {
    let sum = row_dot(mixed + i / C * CP, WO + layer * LAYER + i % C * CP, CP);
    set_value(P * X + i, value(P * X + i) + sum);
  }
}

// hidden = relu(rmsnorm(x) . fc1)                                                              // (R, 4C)
fn expand(layer: u32) {
  let kept = KEPT + layer * KEPT_LAYER;
  for (var i = worker; i < rows * 4 * C; i += WORKERS) {
    let r = i / (4 * C);
    let o = i % (4 * C);
    let w = FC1 + layer * LAYER + o * CP;
    var squares = 0.0;
    var sum = 0.0;
    for (var c = 0u; c < CP; c++) {
      let x = channels(X + r * CP + c);
      squares = add_dot(squares, x, x);
      sum = add_dot(sum, x, weight(w + c));
    }
    let s = norm_scale(squares, C);
    set_value(P * (kept + HIDDEN) + i, max(sum * s, 0));
    if (o < C) {
      set_value(P * (kept + NORM2) + r * C + o, value(P * X + r * C + o) * s);
    }
    if (o == 0) {
      set_value(P * (kept + SCALE2) + r, s);
    }
  }
}

// x += hidden . fc2                                                                             // (R, C)
fn contract(layer: u32) {
  let hidden = KEPT + layer * KEPT_LAYER + HIDDEN;
  for (var i = worker; i < rows * C; i += WORKERS) {
    let sum = row_dot(hidden + i / C * 4 * CP, FC2 + layer * LAYER + i % C * 4 * CP, 4 * CP);
    set_value(P * X + i, value(P * X + i) + sum);
  }
}

// logits = x . lm_head                                                                         // (R, V)
fn make_logits() {
  for (var i = worker; i < rows * V; i += WORKERS) {
    set_value(LOGITS + i, row_dot(X + i / V * CP, LM_HEAD + i % V * CP, CP));
  }
}

// The largest logit and sum exp(logit - largest) of every LANES-th logit of a row.              // (R, LANES, 2)
fn survey_logits() {
  for (var i = worker; i < rows * LANES; i += WORKERS) {
    let row = LOGITS + i / LANES * V;
    var largest = LOWEST;
    for (var token = i % LANES; token < V; token += LANES) {
      largest = max(largest, value(row + token));
    }
    var total = 0.0;
    for (var token = i % LANES; token < V; token += LANES) {
      total += exp(value(row + token) - largest);
    }
    set_value(SURVEY + 2 * i, largest);
    set_value(SURVEY + 2 * i + 1, total);
  }
}
