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
  for (var i = worker; i < rows * LANES; i += WORKERS) {
    let r = i / LANES;
    var largest = LOWEST;
    for (var lane = 0u; lane < LANES; lane++) {
      largest = max(largest, value(SURVEY + 2 * (r * LANES + lane)));
    }
    var total = 0.0;
    for (var lane = 0u; lane < LANES; lane++) {
      let at = SURVEY + 2 * (r * LANES + lane);
      total = fma(value(at + 1), exp(value(at) - largest), total);
    }
    let target_token = integer(TARGET + r);
    let share = value(SHARE + r);
    for (var token = i % LANES; token < V; token += LANES) {
      let logit = value(LOGITS + r * V + token);
      let p = exp(logit - largest) / total;
      let is_target = token == target_token;
      if (is_target) {
        set_value(NLL + r, log(total) + (largest - logit));
      }
      set_value(LOGITS + r * V + token, share * select(p, p - 1, is_target));
    }
  }
}

fn mean_loss() -> f32 {
  var sum = 0.0;
  for (var r = 0u; r < rows; r++) {
    sum = fma(value(SHARE + r), value(NLL + r), sum);
  }
  return sum;
}

// dx = dlogits . lm_head                                                                        // (R, C)
fn logits_grad() {
  for (var i = worker; i < rows * CP; i += WORKERS) {
    var sum = Pack();
    for (var token = 0u; token < V; token++) {
      sum = fma(Pack(value(LOGITS + i / CP * V + token)), weight(LM_HEAD + token * CP + i % CP), sum);
    }
    set_channels(DX + i, sum);
  }
}

// A row of values, `packs` long, times a column of packs of weights, from `w` on, `stride` packs apart.
fn row_times(row: u32, packs: u32, w: u32, stride: u32) -> Pack {
  var sum = Pack();
  for (var c = 0u; c < packs; c++) {
    sum = add_rows(sum, channels(row + c), w + P * c * stride, stride);
  }
  return sum;
}

// dhidden = dx . fc2 where hidden > 0                                                          // (R, 4C)
fn contract_grad(layer: u32) {
  let hidden = KEPT + layer * KEPT_LAYER + HIDDEN;
  let w = FC2 + layer * LAYER;
  for (var i = worker; i < rows * 4 * CP; i += WORKERS) {
    let r = i / (4 * CP);
    let j = i % (4 * CP);
    let sum = row_times(DX + r * CP, CP, w + j, 4 * CP);
    set_channels(DHIDDEN + i, select(Pack(), sum, channels(hidden + i) > Pack()));
  }
}

// dn = dhidden . fc1                                                                            // (R, C)
fn expand_grad(layer: u32) {
  let w = FC1 + layer * LAYER;
  for (var i = worker; i < rows * CP; i += WORKERS) {
    set_channels(DN + i, row_times(DHIDDEN + i / CP * 4 * CP, 4 * CP, w + i % CP, CP));
  }
}

// Pack i of the gradient through out = x * s, from out, s and the gradient of out: dx_i = s * (d_i - out_i *
// mean_j(d_j * out_j)).
fn through_norm(i: u32, out: u32, s: f32, dout: u32) -> Pack {
  let row = i / CP * CP;
  let products = dot_channels(dout + row, out + row, CP);
  return s * fma(channels(out + i), Pack(-products / f32(C)), channels(dout + i));
}

// dx += dn through the norm at `out`, `s`                                                       // (R, C)
fn norm_grad(out: u32, s: u32) {
  for (var i = worker; i < rows * CP; i += WORKERS) {
    set_channels(DX + i, channels(DX + i) + through_norm(i, out, value(P * s + i / CP), DN));
  }
}

// dn = gradient of the summed embeddings: dx through the first norm.                            // (R, C)
fn input_grad() {
  for (var i = worker; i < rows * CP; i += WORKERS) {
    set_channels(DN + i, through_norm(i, X0, value(SCALE0 + i / CP), DX));
  }
}

// dn = dx . wo, the gradient of mixed                                                           // (R, C)
fn project_out_grad(layer: u32) {
  let w = WO + layer * LAYER;
  for (var i = worker; i < rows * CP; i += WORKERS) {
    set_channels(DN + i, row_times(DX + i / CP * CP, CP, w + i % CP, CP));
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
    let row = r * CP + head * DP;
    let other = t * CP + head * DP;
    let score = dot_channels(kept + Q + row, kept + K + other, DP);
    let p = exp(fma(SCALE, score, -value(P * (kept + LSE) + r * H + head)));
    let delta = dot_channels(DN + row, kept + MIXED + row, DP);
    set_value(PAIRS + i, p);
    set_value(DPAIRS + i, p * (dot_channels(DN + row, kept + VALUE + other, DP) - delta) * SCALE);
  }
}

// dq[r] = sum_(t <= r) ds[r, t] * k[t], dk[t] = sum_(r >= t) ds[r, t] * q[r], dv[t] = sum_(r >= t) p[r, t] * dmixed[r]
fn mix_grad(layer: u32) {
  let kept = KEPT + layer * KEPT_LAYER;
  for (var i = worker; i < rows * CP; i += WORKERS) {
    let r = i / CP;
    let c = i % CP;
    let head = c / DP;
    let first = integer(FIRST + r);
    let end = integer(END + r);
    var dq = Pack();
    for (var t = first; t <= r; t++) {
      let d = value(DPAIRS + (r * H + head) * T + t - first);
      dq = fma(Pack(d), channels(kept + K + t * CP + c), dq);
    }
    var dk = Pack();
    var dv = Pack();
    for (var other = r; other < end; other++) {
      let pair = (other * H + head) * T + r - first;
      dk = fma(Pack(value(DPAIRS + pair)), channels(kept + Q + other * CP + c), dk);
      dv = fma(Pack(value(PAIRS + pair)), channels(DN + other * CP + c), dv);
    }
    set_channels(DQ + i, dq);
    set_channels(DK + i, dk);
    set_channels(DVALUE + i, dv);
  }
}

// dn = dq . wq + dk . wk + dv . wv                                                              // (R, C)
fn project_qkv_grad(layer: u32) {
  for (var i = worker; i < rows * CP; i += WORKERS) {
    let row = i / CP * CP;
    var sum = Pack();
    for (var o = 0u; o < CP; o++) {
      let w = WQ + layer * LAYER + P * o * CP + i % CP;
      for (var which = 0u; which < 3; which++) {
        sum = add_rows(sum, channels(DQ + which * ROWS + row + o), w + which * MATRIX, CP);
      }
    }
    set_channels(DN + i, sum);
  }
}
