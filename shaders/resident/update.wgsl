// The gradients of the parameters, and Adam; "apply" comes from spend_*.wgsl, which says when a gradient is spent.

fn move_weight(i: u32, g: Pack) {
  let at = model * (LENGTH / P) + i;
  let updated = adam_update(Updated(weight(i), m[at], v[at]), g, hyper.moments, rate);
  set_weight(i, updated.parameter);
  m[at] = updated.m;
  v[at] = updated.v;
}

// dw[o, i] = sum_r dout[r, o] * x[r, i] of the matrix (outputs, inputs) at `w`, whose rows are `packs` long. Four rows at a
// time, in a loop that compilers write out, so that their reads are under way together.
fn update_matrix(w: u32, outputs: u32, packs: u32, dout: u32, x: u32) {
  for (var i = worker; i < outputs * packs; i += WORKERS) {
    var sum = Pack();
    var d = dout + i / packs;
    var column = x + i % packs;
    for (var r = 0u; r < rows / 4; r++) {
      for (var k = 0u; k < 4; k++) {
        sum = fma(Pack(value(d + k * outputs)), channels(column + k * packs), sum);
      }
      d += 4 * outputs;
      column += 4 * packs;
    }
    for (var r = 0u; r < rows % 4; r++) {
      sum = fma(Pack(value(d + r * outputs)), channels(column + r * packs), sum);
    }
    apply(w + i, sum);
  }
}

fn update_head() {
  update_matrix(LM_HEAD, V, CP, LOGITS, X);
}

fn update_fc2(layer: u32) {
  update_matrix(FC2 + layer * LAYER, C, 4 * CP, P * DX, KEPT + layer * KEPT_LAYER + HIDDEN);
}

fn update_fc1(layer: u32) {
  update_matrix(FC1 + layer * LAYER, 4 * C, CP, P * DHIDDEN, KEPT + layer * KEPT_LAYER + NORM2);
}

fn update_wo(layer: u32) {
  update_matrix(WO + layer * LAYER, C, CP, P * DX, KEPT + layer * KEPT_LAYER + MIXED);
}

fn update_qkv(layer: u32) {
  let normed = KEPT + layer * KEPT_LAYER + NORM1;
  for (var which = 0u; which < 3; which++) {
    update_matrix(WQ + which * MATRIX + layer * LAYER, C, CP, P * (DQ + which * ROWS), normed);
  }
}

// A row of a table has the sum of the gradients of the rows that took it.
fn update_embeddings() {
  for (var i = worker; i < (V + T) * CP; i += WORKERS) {
    let row = i / CP;
    let of_token = row < V;
    let ids = select(POSITION, TOKEN, of_token);
    let id = select(row - V, row, of_token);
    var sum = Pack();
    for (var r = 0u; r < rows; r++) {
      if (integer(ids + r) == id) {
        sum += channels(DN + r * CP + i % CP);
      }
    }
    apply(select(WPE - V * CP, WTE, of_token) + i, sum);
  }
}
