// The parameters where they lie: in storage.
fn weight(i: u32) -> f32 {
  return parameters[model * LENGTH + i];
}

fn set_weight(i: u32, value: f32) {
  parameters[model * LENGTH + i] = value;
}

fn fetch_weights() {
}

fn keep_weights() {
}

fn weights_changed() {
  storageBarrier();
}
