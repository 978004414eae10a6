// noise: numbers in -1 ... 1 without a pattern, the same ones each time; what the tuner multiplies.

@group(0) @binding(0) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(256)
fn noise(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < arrayLength(&out); i += 256 * groups.x) {
    var h = i * 0x9e3779b9u + 1;
    h = (h ^ (h >> 15)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    out[i] = f32(h >> 8) / 8388608 - 1;
  }
}
