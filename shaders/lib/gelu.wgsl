const GELU_SLOPE = 1.5957691216057308;  // 2 * sqrt(2 / pi)
const GELU_CUBIC = 0.044715;

// The normal distribution's share below x by its tanh approximation: sigmoid(2u), u = sqrt(2 / pi) * (x + 0.044715 x^3).
// exp stays finite: beyond 80 the sigmoid is 0 in f32 for all that it is multiplied by. The includer says what a Pack is.
fn gelu_gate(x: Pack) -> Pack {
  return 1 / (1 + exp(min(Pack(80), -GELU_SLOPE * (x + GELU_CUBIC * x * x * x))));
}

// d gelu / dx = s + x * s * (1 - s) * d(2u)/dx.
fn gelu_derivative(x: Pack) -> Pack {
  let s = gelu_gate(x);
  return s + x * s * (1 - s) * GELU_SLOPE * (1 + 3 * GELU_CUBIC * x * x);
}
