// Channels in packs of 2: a head has an even number that is no multiple of 4. See pack4.wgsl.
alias Pack = vec2f;
const P = 2u;

fn add_dot(sum: f32, a: Pack, b: Pack) -> f32 {
  return sum + a.x * b.x + a.y * b.y;
}

fn add_rows(sum: Pack, d: Pack, at: u32, stride: u32) -> Pack {
  return sum + d.x * weight(at) + d.y * weight(at + stride);
}

fn value(i: u32) -> f32 {
  return values[first_value() / P + i / P][i % P];
}

fn set_value(i: u32, x: f32) {
  values[first_value() / P + i / P][i % P] = x;
}
