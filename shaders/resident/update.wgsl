// The gradients of the parameters, and Adam; "apply" comes from spend_*.wgsl, which says when a gradient is spent.

fn move_weight(i: u32, g: f32) {
  let at = model * LENGTH + i;
  let updated = adam_update(vec3f(weight(i), m[at], v[at]), g, hyper.moments, rate);
  set_weight(i, updated.x);
  m[at] = updated.y;
  v[at] = updated.z;
}

// dw[o, i] = sum_r dout[r, o] * x[r, i] of the matrix (outputs, inputs) at `w`
fn update_matrix(w: u32, outputs: u32, inputs: u32, dout: u32, x: u32) {
  for (var i = worker; i < outputs * inputs; i += WORKERS) {
    var sum = 0.0;
    for (var r = 0u; r < rows; r++) {
      sum += value(dout + r * outputs + i / inputs) * value(x + r * inputs + i % inputs);
    }
    apply(w + i, sum);
  }
}

fn update_head() {
  update_matrix(LM_HEAD, V, C, LOGITS, X);
}

fn update_fc2(layer: u32) {
  update_matrix(FC2 + layer * LAYER, C, 4 * C, DX, KEPT + layer * KEPT_LAYER + HIDDEN);
}

fn update_fc1(layer: u32) {
  update_matrix(FC1 + layer * LAYER, 4 * C, C, DHIDDEN, KEPT + layer * KEPT_LAYER + NORM2);
}

fn update_wo(layer: u32) {
  update_matrix(WO + layer * LAYER, C, C, DX, KEPT + layer * KEPT_LAYER + MIXED);
}

fn update_qkv(layer: u32) {
  let normed = KEPT + layer * KEPT_LAYER + NORM1;
  update_matrix(WQ + layer * LAYER, C, C, DQ, normed);
  update_matrix(WK + layer * LAYER, C, C, DK, normed);
  update_matrix(WV + layer * LAYER, C, C, DVALUE, normed);
}

// A row of a table has the sum of the gradients of the rows that took it.
fn update_embeddings() {
  update_table(WTE, V, TOKEN);
  update_table(WPE, T, POSITION);
}

fn update_table(table: u32, entries: u32, ids: u32) {
  for (var i = worker; i < entries * C; i += WORKERS) {
    var sum = 0.0;
    for (var r = 0u; r < rows; r++) {
      if (integer(ids + r) == i / C) {
        sum += value(DN + r * C + i % C);
      }
    }
    apply(table + i, sum);
  }
}
