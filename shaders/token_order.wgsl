// token_order: the rows in the order of their ids, rows of the same id in their own order, and where each id's rows stand
// in it: order[ranges[n].x ... ranges[n].y - 1]. Ids that no row has keep whatever range was there.    // (R), (V, 2)
//
// One invocation per row counts the rows that come before it: R reads each, of 256 ids at a time from workgroup memory, where
// all invocations read the same one. 16 M comparisons for 4,096 rows, no atomics, and each place has one writer.

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> ranges: array<vec2u>;

var<workgroup> chunk: array<u32, 256>;

@compute @workgroup_size(256)
fn token_order(
  @builtin(global_invocation_id) invocation: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) worker: u32,
) {
  let r = element_id(invocation, groups);
  let id = ids[min(r, step.rows - 1)];
  var smaller = 0u;
  var equal = 0u;
  var earlier = 0u;  // of the equal ones
  for (var t0 = 0u; t0 < step.rows; t0 += 256) {
    if (t0 + worker < step.rows) {
      chunk[worker] = ids[t0 + worker];
    }
    workgroupBarrier();
    for (var i = 0u; i < min(256, step.rows - t0); i++) {
      let same = chunk[i] == id;
      smaller += u32(chunk[i] < id);
      equal += u32(same);
      earlier += u32(same && t0 + i < r);
    }
    workgroupBarrier();
  }
  if (r < step.rows) {
    order[smaller + earlier] = r;
    if (earlier == 0) {
      ranges[id] = vec2u(smaller, smaller + equal);
    }
  }
}
