// Channels in packs of 2: a head has an even number that is no multiple of 4. See pack4.wgsl.
alias Pack = vec2f;
const P = 2u;

fn add_dot(sum: f32, a: Pack, b: Pack) -> f32 {
  return fma(a.y, b.y, fma(a.x, b.x, sum));
}

fn add_rows(sum: Pack, d: Pack, at: u32, stride: u32) -> Pack {
  return fma(d.yy, weight(at + stride), fma(d.xx, weight(at), sum));
}

fn channels(i: u32) -> Pack {
  let pack = values[first_value() / P + i];
  return Pack(pack[0], pack[1]);
}

fn set_channels(i: u32, x: Pack) {
  let at = first_value() / P + i;
  values[at][0] = x.x;
  values[at][1] = x.y;
}
