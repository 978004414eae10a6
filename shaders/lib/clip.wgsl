// What a gradient is multiplied by so that it is no longer than `most`, from the sum of its squares: min(1, most / norm).
// A sum that is not finite gives NaN, by its bits: WGSL may reckon with no such numbers, and most / infinity = 0 would hide
// them.
fn clip_scale(squares: f32, most: f32) -> f32 {
  let bits = bitcast<u32>(squares);
  if ((bits & 0x7f800000u) == 0x7f800000u) {
    return bitcast<f32>(bits | 0x7fc00000u);
  }
  let norm = sqrt(squares);
  return select(1.0, most / norm, norm > most);
}
