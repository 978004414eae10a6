// Adam's update of one parameter (Kingma and Ba 2015; microgpt.py's):
//
//   m = beta1 * m + (1 - beta1) * g              v = beta2 * v + (1 - beta2) * g^2
//   parameter -= lr * (m / correction1) / (sqrt(v / correction2) + eps)
struct Moments {
  beta1: f32,
  one_minus_beta1: f32,  // taken in f64 by the host
  beta2: f32,
  one_minus_beta2: f32,
  eps: f32,
}

// The new (parameter, m, v). `rate` is (lr, correction1, correction2).
fn adam_update(old: vec3f, g: f32, moments: Moments, rate: vec3f) -> vec3f {
  let m = moments.beta1 * old.y + moments.one_minus_beta1 * g;
  let v = moments.beta2 * old.z + moments.one_minus_beta2 * g * g;
  return vec3f(old.x - rate.x * (m / rate.y) / (sqrt(v / rate.z) + moments.eps), m, v);
}
