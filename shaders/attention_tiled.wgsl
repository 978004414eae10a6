// attention_tiled: attention.wgsl for long contexts, one workgroup per 64 rows and head; lib/attend_tile.wgsl says how.
//                                                                                              // (R, C), (R, H)

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> q: array<vec4f>;
@group(0) @binding(2) var<storage, read> k: array<vec4f>;
@group(0) @binding(3) var<storage, read> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> spans: array<vec2u>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;

fn at(kind: u32, t: u32, quad: u32) -> vec4f {
  let i = (t * H + head) * QUADS + quad;
  switch kind {
    case QUERY: {
      return q[i];
    }
    case KEY: {
      return k[i];
    }
    default: {
      return v[i];
    }
  }
}

@compute @workgroup_size(INVOCATIONS)
fn attention_tiled(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r0 = row_id(group, groups) * ROWS;
  if (r0 >= step.rows) {
    return;
  }
  head = group.x;
  attend_tiled(r0, worker);
}
