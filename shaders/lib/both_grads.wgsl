// Both derivatives of a linear layer in one dispatch: the first rows of tiles make dx, the others dw.
//
//   dx[r, i] = sum_o dout[r, o] * w[o, i]        dw[o, i] = sum_r dout[r, o] * x[r, i]
//
// The shader that includes this file declares w, x, dx and dw, and dout_at(r, o).

override O: u32;
override I: u32;
override TILES: u32;  // rows of tiles that make dx

var<private> weights: bool;  // whether this tile is one of dw

fn a_at(m: u32, k: u32) -> f32 {
  if (weights) {
    return dout_at(k, m);
  }
  return dout_at(m, k);
}

fn b_at(k: u32, n: u32) -> f32 {
  if (weights) {
    return x[k * I + n];
  }
  return w[k * I + n];
}

fn c_put(m: u32, n: u32, sum: f32) {
  if (weights) {
    dw[m * I + n] = sum;
  } else {
    dx[m * I + n] = sum;
  }
}

fn both_grads(group: vec3u, local: vec3u, worker: u32) {
  if (group.y < TILES) {
    multiply(Product(step.rows, I, O, true, false), group.y * BM, group.x * BN, local, worker);
  } else {
    weights = true;
    multiply(Product(O, I, step.rows, false, false), (group.y - TILES) * BM, group.x * BN, local, worker);
  }
}
