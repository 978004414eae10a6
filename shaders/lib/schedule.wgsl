// 1 - beta^t from log(beta). For small t * log(beta) the difference is taken inside the series of
// expm1, because 1 - pow(beta, t) would lose the digits that Adam's first steps depend on.
fn bias_correction(log_beta: f32, t: f32) -> f32 {
  let x = t * log_beta;
  if (x < -0.5) {
    return 1 - exp(x);
  }
  var series = 1.0;
  for (var n = 9.0; n > 1; n -= 1) {
    series = fma(x / n, series, 1);
  }
  return -x * series;
}
