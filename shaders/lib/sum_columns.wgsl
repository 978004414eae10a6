// Sums over rows, column by column: a workgroup has 32 columns, and each of 8 lanes every eighth row. The lanes are added up
// in order, so the same inputs give the same bits.

const COLUMNS = 32u;
const ROW_LANES = 8u;
var<workgroup> lane_sums: array<vec2f, 256>;

// The sums of all lanes for this invocation's column, from those of its own lane; two sums at a time. To be called by all.
fn sum_of_lanes(invocation: u32, own: vec2f) -> vec2f {
  lane_sums[invocation] = own;
  workgroupBarrier();
  var total = vec2f();
  for (var lane = 0u; lane < ROW_LANES; lane++) {
    total += lane_sums[lane * COLUMNS + invocation % COLUMNS];
  }
  return total;
}
