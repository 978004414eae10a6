// The update of four parameters at once, for the kernels that bind `parameters`, `m` and `v` as arrays of vec4f.

override QUADS: u32;  // of parameters
override BETA1: f32;
override ONE_MINUS_BETA1: f32;
override BETA2: f32;
override ONE_MINUS_BETA2: f32;
override EPS: f32;

fn adam_quad(i: u32, g: vec4f, rate: vec3f) {
  let moments = Moments(BETA1, ONE_MINUS_BETA1, BETA2, ONE_MINUS_BETA2, EPS);
  var updated = mat3x4f(parameters[i], m[i], v[i]);
  for (var j = 0u; j < 4; j++) {
    let one = adam_update(vec3f(updated[0][j], updated[1][j], updated[2][j]), g[j], moments, rate);
    updated[0][j] = one.x;
    updated[1][j] = one.y;
    updated[2][j] = one.z;
  }
  parameters[i] = updated[0];
  m[i] = updated[1];
  v[i] = updated[2];
}
