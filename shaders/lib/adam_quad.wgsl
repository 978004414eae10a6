// The update of four parameters at once, for the kernels that bind `parameters`, `m` and `v` as arrays of vec4f.

alias Pack = vec4f;

override QUADS: u32;  // of parameters
override BETA1: f32;
override ONE_MINUS_BETA1: f32;
override BETA2: f32;
override ONE_MINUS_BETA2: f32;
override EPS: f32;

fn adam_quad(i: u32, g: vec4f, rate: vec3f) {
  let moments = Moments(BETA1, ONE_MINUS_BETA1, BETA2, ONE_MINUS_BETA2, EPS);
  let updated = adam_update(Updated(parameters[i], m[i], v[i]), g, moments, rate);
  parameters[i] = updated.parameter;
  m[i] = updated.m;
  v[i] = updated.v;
}
