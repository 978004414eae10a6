// Channels in packs of 4: a head has a multiple of 4. A pack is read and written at once.
alias Pack = vec4f;
const P = 4u;

// sum + a . b, one product after the other.
fn add_dot(sum: f32, a: Pack, b: Pack) -> f32 {
  return sum + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

// sum + d . w, where w are the weights at `at`, `stride` packs a row.
fn add_rows(sum: Pack, d: Pack, at: u32, stride: u32) -> Pack {
  return sum + d.x * weight(at) + d.y * weight(at + stride) + d.z * weight(at + 2 * stride) +
    d.w * weight(at + 3 * stride);
}

fn value(i: u32) -> f32 {
  return values[first_value() / P + i / P][i % P];
}

fn set_value(i: u32, x: f32) {
  values[first_value() / P + i / P][i % P] = x;
}
