// A dimension of a dispatch ends at 65,535 workgroups, so long ones are folded into two.

// Number of this invocation in a dispatch of `elements(n)` workgroups of 256.
fn element_id(id: vec3u, groups: vec3u) -> u32 {
  return id.x + id.y * groups.x * 256;
}

// Number of this workgroup along y and z, in a dispatch of `perRow(rows)` workgroups.
fn row_id(group: vec3u, groups: vec3u) -> u32 {
  return group.y + group.z * groups.y;
}
