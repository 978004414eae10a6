// attention_qkv_grad_tiled: the derivative of attention_qkv_tiled.wgsl in one dispatch. Of the two workgroups for each 64 rows
// and head one makes dq, the other dk and dv; lib/attend_tile.wgsl says how.                     // (R, 3C)

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(2) var<storage, read> dout: array<vec4f>;
@group(0) @binding(3) var<storage, read> stats: array<vec2f>;
@group(0) @binding(4) var<storage, read> spans: array<vec2u>;
@group(0) @binding(5) var<storage, read_write> dqkv: array<vec4f>;

fn at(kind: u32, t: u32, quad: u32) -> vec4f {
  if (kind == DOUT) {
    return dout[(t * H + head) * QUADS + quad];
  }
  return qkv[((3 * t + kind) * H + head) * QUADS + quad];
}

fn put_query(r: u32, quad: u32, sum: vec4f) {
  dqkv[(3 * r * H + head) * QUADS + quad] = sum;
}

fn put_key(t: u32, quad: u32, sum_k: vec4f, sum_v: vec4f) {
  dqkv[((3 * t + 1) * H + head) * QUADS + quad] = sum_k;
  dqkv[((3 * t + 2) * H + head) * QUADS + quad] = sum_v;
}

@compute @workgroup_size(INVOCATIONS)
fn attention_qkv_grad_tiled(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r0 = row_id(group, groups) * ROWS;
  if (r0 >= step.rows) {
    return;
  }
  head = group.x / 2;
  if (group.x % 2 == 0) {
    attend_grad_queries(r0, worker);
  } else {
    attend_grad_keys(r0, worker);
  }
}
