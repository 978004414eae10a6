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

// A parameter and what Adam keeps of it, or several: the includer says what a Pack is, f32 or a vector of them.
struct Updated {
  parameter: Pack,
  m: Pack,
  v: Pack,
}

// `rate` is (lr, correction1, correction2). Of two products and a sum a compiler may fuse either one: fma says which, in every
// kernel that has this.
fn adam_update(old: Updated, g: Pack, moments: Moments, rate: vec3f) -> Updated {
  let m = fma(Pack(moments.beta1), old.m, moments.one_minus_beta1 * g);
  let v = fma(Pack(moments.beta2), old.v, moments.one_minus_beta2 * g * g);
  return Updated(old.parameter - rate.x * (m / rate.y) / (sqrt(v / rate.z) + moments.eps), m, v);
}
