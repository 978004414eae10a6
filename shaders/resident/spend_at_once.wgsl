// Adam where no gradient is clipped: an invocation that has a gradient applies it at once. It never goes through memory
// unless it was asked for.

fn apply(i: u32, g: Pack) {
  if (run.train == 0) {
    gradients[model * (LENGTH / P) + i] = g;
    return;
  }
  move_weight(i, g);
}

fn spend_kept() {
}
