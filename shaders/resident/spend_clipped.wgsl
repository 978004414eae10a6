// Adam where gradients are clipped: they are kept until the norm of all is known. The lanes of the sum are the same for
// any width of the workgroup, and so are its bits. Padding is 0 and may be summed and updated as well.

override CLIP: f32;
override SQUARES: u32;  // of SQUARE_LANES values
override SQUARE_LANES: u32;

fn apply(i: u32, g: Pack) {
  gradients[model * (LENGTH / P) + i] = g;
}

fn spend_kept() {
  if (run.train == 0) {
    return;
  }
  storageBarrier();
  for (var lane = worker; lane < SQUARE_LANES; lane += WORKERS) {
    var sum = 0.0;
    for (var i = lane; i < LENGTH / P; i += SQUARE_LANES) {
      let g = gradients[model * (LENGTH / P) + i];
      sum = add_dot(sum, g, g);
    }
    set_value(SQUARES + lane, sum);
  }
  phase();
  var squares = 0.0;
  for (var lane = 0u; lane < SQUARE_LANES; lane++) {
    squares += value(SQUARES + lane);
  }
  let scale = clip_scale(squares, CLIP);
  for (var i = worker; i < LENGTH / P; i += WORKERS) {
    move_weight(i, scale * gradients[model * (LENGTH / P) + i]);
  }
  storageBarrier();  // before the gradients of the next step
}
