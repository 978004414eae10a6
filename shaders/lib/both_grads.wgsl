// Both derivatives of a linear layer in one dispatch: the first rows of tiles make dx, the others dw.
//
//   dx[r, i] = sum_o dout[r, o] * w[o, i]        dw[o, i] = sum_r dout[r, o] * x[r, i]
//
// With PARTS > 1, dw is that many sums over some of the rows each.                            // (PARTS, O, I)
// The shader that includes this file declares w, x, dx and dw, and dout_at(r, o), a quad.

override O: u32;
override I: u32;
override TILES: u32;  // rows of tiles that make dx
override PARTS: u32;

var<private> weights: bool;  // whether this tile is one of dw
var<private> part: u32;

fn a_quad(slow: u32, fast: u32) -> vec4f {
  return dout_at(slow, fast);
}

fn b_quad(slow: u32, fast: u32) -> vec4f {
  if (weights) {
    return x_quad(slow, fast);
  }
  return w_quad(slow, fast);
}

fn c_put(m: u32, n: u32, sums: vec4f) {
  if (weights) {
    dw_put(part * O + m, n, sums);
  } else {
    dx_put(m, n, sums);
  }
}

fn both_grads(group: vec3u, worker: u32) {
  var product = Product(step.rows, I, 0, O, true, false);
  var y = group.y;
  if (group.y >= TILES) {
    let tiles = (O + BM - 1) / BM;
    let of_part = (group.y - TILES) / tiles;
    let rows = part_of(step.rows, of_part, PARTS);
    product = Product(O, I, rows.x, rows.y, false, false);
    y = (group.y - TILES) % tiles;
    weights = true;
    part = of_part;
  }
  multiply(product, y * BM, group.x * BN, worker);
}
