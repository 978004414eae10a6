// Channels in packs of 4: a head has a multiple of 4. A pack is read and written at once.
alias Pack = vec4f;
const P = 4u;

// sum + a . b, one product after the other.
fn add_dot(sum: f32, a: Pack, b: Pack) -> f32 {
  return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

// sum + d . w, where w are the weights at `at`, `stride` packs a row.
fn add_rows(sum: Pack, d: Pack, at: u32, stride: u32) -> Pack {
  let half = fma(d.yyyy, weight(at + stride), fma(d.xxxx, weight(at), sum));
  return fma(d.wwww, weight(at + 3 * stride), fma(d.zzzz, weight(at + 2 * stride), half));
}

fn channels(i: u32) -> Pack {
  let pack = values[first_value() / P + i];
  return Pack(pack[0], pack[1], pack[2], pack[3]);
}

fn set_channels(i: u32, x: Pack) {
  let at = first_value() / P + i;
  values[at][0] = x.x;
  values[at][1] = x.y;
  values[at][2] = x.z;
  values[at][3] = x.w;
}
