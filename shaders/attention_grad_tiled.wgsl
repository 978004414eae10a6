// The derivative of attention_tiled.wgsl, one workgroup per 64 rows and head; lib/attend_tile.wgsl says how.

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> dout: array<vec4f>;
@group(0) @binding(5) var<storage, read> stats: array<vec2f>;
@group(0) @binding(6) var<storage, read> spans: array<vec2u>;

@group(0) @binding(7) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> dk: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dv: array<vec4f>;

fn at(kind: u32, t: u32, quad: u32) -> vec4f {
  let i = (t * H + head) * QUADS + quad;
  switch kind {
    case QUERY: {
      return q[i];
    }
    case KEY: {
      return k[i];
    }
    case VALUE: {
      return v[i];
    }
    default: {
      return dout[i];
    }
  }
}

fn put_query(r: u32, quad: u32, sum: vec4f) {
  dq[(r * H + head) * QUADS + quad] = sum;
}

fn put_key(t: u32, quad: u32, sum_k: vec4f, sum_v: vec4f) {
  dk[(t * H + head) * QUADS + quad] = sum_k;
  dv[(t * H + head) * QUADS + quad] = sum_v;
}

@compute @workgroup_size(INVOCATIONS)
fn attention_grad_tiled_q(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r0 = row_id(group, groups) * ROWS;
  if (r0 >= step.rows) {
    return;
  }
  head = group.x;
  attend_grad_queries(r0, worker);
}

@compute @workgroup_size(INVOCATIONS)
fn attention_grad_tiled_kv(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r0 = row_id(group, groups) * ROWS;
  if (r0 >= step.rows) {
    return;
  }
  head = group.x;
  attend_grad_keys(r0, worker);
}
