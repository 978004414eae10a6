// Channels one by one: a head has an odd number. See pack4.wgsl.
alias Pack = f32;
const P = 1u;

fn add_dot(sum: f32, a: Pack, b: Pack) -> f32 {
  return fma(a, b, sum);
}

fn add_rows(sum: Pack, d: Pack, at: u32, stride: u32) -> Pack {
  return fma(d, weight(at), sum);
}

fn channels(i: u32) -> Pack {
  return values[first_value() + i][0];
}

fn set_channels(i: u32, x: Pack) {
  values[first_value() + i][0] = x;
}
