const EPSILON = 1e-5;

// s of rmsnorm, out = x * s, from the sum of the squares of a row of `width` elements.
fn norm_scale(squares: f32, width: u32) -> f32 {
  return 1 / sqrt(squares / f32(width) + EPSILON);
}
