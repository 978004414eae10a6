// The backward pass of resident, phase by phase. DX holds the gradient of the residual stream; DN that of
// what a norm or a projection gave, before it is joined to the stream.

override DX: u32;
override DN: u32;
override DHIDDEN: u32;
override DPAIRS: u32;  // gradients of the scores
override DQ: u32;
override DK: u32;
override DVALUE: u32;

// dlogits = share * (softmax(logits) - one-hot), in their place; nll of each row.              // (R, V), (R)
fn softmax_grad() {
  for (var i = worker; i < rows * V; i += WORKERS) {
    let r = i / V;
    var largest = LOWEST;
    for (var lane = 0u; lane < LANES; lane++) {
      largest = max(largest, value(SURVEY + 2 * (r * LANES + lane)));
    }
    var total = 0.0;
    for (var lane = 0u; lane < LANES; lane++) {
      let at = SURVEY + 2 * (r * LANES + lane);
      total += value(at + 1) * exp(value(at) - largest);
    }
    let logit = value(LOGITS + i);
    let p = exp(logit - largest) / total;
    let is_target = i % V == integer(TARGET + r);
    if (is_target) {
      set_value(NLL + r, log(total) + (largest - logit));
    }
    set_value(LOGITS + i, value(SHARE + r) * select(p, p - 1, is_target));
  }
}

fn mean_loss() -> f32 {
  var sum = 0.0;
  for (var r = 0u; r < rows; r++) {
    sum += value(SHARE + r) * value(NLL + r);
  }
  return sum;
}

// dx = dlogits . lm_head                                                                        // (R, C)
fn logits_grad() {
  for (var i = worker; i < rows * C; i += WORKERS) {
    var sum = 0.0;
    for (var token = 0u; token < V; token++) {
      sum += value(LOGITS + i / C * V + token) * weight(LM_HEAD + token * C + i % C);
    }
    set_value(DX + i, sum);
  }
}

// dhidden = dx . fc2 where hidden > 0                                                          // (R, 4C)
fn contract_grad(layer: u32) {
  let hidden = KEPT + layer * KEPT_LAYER + HIDDEN;
  let w = FC2 + layer * LAYER;
  for (var i = worker; i < rows * 4 * C; i += WORKERS) {
    let r = i / (4 * C);
    let j = i % (4 * C);
    var sum = 0.0;
    for (var c = 0u; c < C; c++) {
      sum += value(DX + r * C + c) * weight(w + c * 4 * C + j);
    }
    set_value(DHIDDEN + i, select(0, sum, value(hidden + i) > 0));
  }
}

// dn = dhidden . fc1                                                                            // (R, C)
fn expand_grad(layer: u32) {
  let w = FC1 + layer * LAYER;
  for (var i = worker; i < rows * C; i += WORKERS) {
    let row = DHIDDEN + i / C * 4 * C;
    var sum = 0.0;
    for (var j = 0u; j < 4 * C; j++) {
      sum += value(row + j) * weight(w + j * C + i % C);
    }
    set_value(DN + i, sum);
  }
}

// One element of the gradient through out = x * s, from out, s and the gradient of out: dx_i = s * (d_i - out_i *
// mean_j(d_j * out_j)).
fn through_norm(r: u32, c: u32, out: u32, s: u32, dout: u32) -> f32 {
  var products = 0.0;
  for (var j = 0u; j < C; j++) {
    products += value(dout + r * C + j) * value(out + r * C + j);
  }
  let i = r * C + c;
  return value(s + r) * (value(dout + i) - value(out + i) * (products / f32(C)));
}

// dx += dn through the norm at `out`, `s`                                                       // (R, C)
fn norm_grad(out: u32, s: u32) {
  for (var i = worker; i < rows * C; i += WORKERS) {
    set_value(DX + i, value(DX + i) + through_norm(i / C, i % C, out, s, DN));
  }
}

// dn = gradient of the summed embeddings: dx through the first norm.                            // (R, C)
fn input_grad() {
  for (var i = worker; i < rows * C; i += WORKERS) {
    set_value(DN + i, through_norm(i / C, i % C, X0, SCALE0, DX));
  }
}

// dn = dx . wo, the gradient of mixed                                                           // (R, C)
fn project_out_grad(layer: u32) {
  let w = WO + layer * LAYER;
  for (var i = worker; i < rows * C; i += WORKERS) {
    var sum = 0.0;
    for (var o = 0u; o < C; o++) {
      sum += value(DX + i / C * C + o) * weight(w + o * C + i % C);
    }
    set_value(DN + i, sum);
  }
}

// pairs = p[r, t] = exp(score - lse), dpairs = p * (dmixed[r] . (v[t] - mixed[r])) / sqrt(D)   // 2 of (R, H, T)
fn score_grad(layer: u32) {
  let kept = KEPT + layer * KEPT_LAYER;
  for (var i = worker; i < rows * H * T; i += WORKERS) {
    let r = i / (H * T);
    let t = integer(FIRST + r) + i % T;
    if (t > r) {
      continue;
    }
    let head = i / T % H;
    let row = r * C + head * D;
    let other = t * C + head * D;
    let p = exp(SCALE * dot_values(kept + Q + row, kept + K + other) - value(kept + LSE + r * H + head));
    let delta = dot_values(DN + row, kept + MIXED + row);
    set_value(PAIRS + i, p);
    set_value(DPAIRS + i, p * (dot_values(DN + row, kept + VALUE + other) - delta) * SCALE);
  }
}

// dq[r] = sum_(t <= r) ds[r, t] * k[t], dk[t] = sum_(r >= t) ds[r, t] * q[r], dv[t] = sum_(r >= t) p[r, t] * dmixed[r]
fn mix_grad(layer: u32) {
  let kept = KEPT + layer * KEPT_LAYER;
  for (var i = worker; i < rows * C; i += WORKERS) {
    let r = i / C;
    let c = i % C;
    let head = c / D;
    let first = integer(FIRST + r);
    let end = integer(END + r);
    var dq = 0.0;
    for (var t = first; t <= r; t++) {
      dq += value(DPAIRS + (r * H + head) * T + t - first) * value(kept + K + t * C + c);
    }
    var dk = 0.0;
    var dv = 0.0;
    for (var other = r; other < end; other++) {
      let pair = (other * H + head) * T + r - first;
      dk += value(DPAIRS + pair) * value(kept + Q + other * C + c);
      dv += value(PAIRS + pair) * value(DN + other * C + c);
    }
    set_value(DQ + i, dq);
    set_value(DK + i, dk);
    set_value(DVALUE + i, dv);
  }
}

// dn = dq . wq + dk . wk + dv . wv                                                              // (R, C)
fn project_qkv_grad(layer: u32) {
  for (var i = worker; i < rows * C; i += WORKERS) {
    let row = i / C * C;
    var sum = 0.0;
    for (var o = 0u; o < C; o++) {
      let w = layer * LAYER + o * C + i % C;
      sum += value(DQ + row + o) * weight(WQ + w);
      sum += value(DK + row + o) * weight(WK + w);
      sum += value(DVALUE + row + o) * weight(WV + w);
    }
    set_value(DN + i, sum);
  }
}
