// The parameters where they lie: in storage.
fn weight(i: u32) -> Pack {
  return parameters[model * (LENGTH / P) + i];
}

fn set_weight(i: u32, x: Pack) {
  parameters[model * (LENGTH / P) + i] = x;
}

fn fetch_weights() {
}

fn keep_weights() {
}

fn weights_changed() {
  storageBarrier();
}
