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
