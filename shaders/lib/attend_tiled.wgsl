// Causal attention of 64 query rows of one head, with an online softmax over tiles of 32 keys (Milakov and
// Gimelshein 2018; Dao et al. 2022). Rows of several documents may meet in a tile: spans say which keys a query sees, and
// tiles before the first document's first row or after the last query are never looked at.
// The shader that includes this file declares spans, out and lse.

const SLAB = 8u;  // channels of a slab, by 4
const TILE = (ROWS + COLUMNS) * STRIDE;
const LOWEST = -3.4e38;

var<workgroup> of_row: array<vec4f, INVOCATIONS>;  // what each invocation knows of its 4 rows
var<workgroup> bound: u32;  // a row read from storage, made uniform for the loop around barriers

fn visible(score: vec4f, t0: u32, x: u32, first: u32, r: u32) -> vec4f {
  return select(vec4f(LOWEST), score * SCALE, within(t0, x, first, r));
}

fn highest_of(score: vec4f) -> f32 {
  return max(max(score.x, score.y), max(score.z, score.w));
}

fn sum_of(weight: vec4f) -> f32 {
  return (weight.x + weight.y) + (weight.z + weight.w);
}

fn shrunk(part: mat4x4f, shrink: vec4f) -> mat4x4f {
  return mat4x4f(part[0] * shrink.x, part[1] * shrink.y, part[2] * shrink.z, part[3] * shrink.w);
}

fn put_out(r: u32, end: u32, quad: u32, value: vec4f) {
  if (r < end && quad < QUADS) {
    out[(r * H + head) * QUADS + quad] = value;
  }
}

fn put_part(rows: vec4u, end: u32, quad: u32, part: mat4x4f, total: vec4f) {
  put_out(rows.x, end, quad, part[0] / total.x);
  put_out(rows.y, end, quad, part[1] / total.y);
  put_out(rows.z, end, quad, part[2] / total.z);
  put_out(rows.w, end, quad, part[3] / total.w);
}

fn put_lse(r: u32, end: u32, value: f32) {
  if (r < end) {
    lse[r * H + head] = value;
  }
}

fn attend_tiled(r0: u32, worker: u32) {
  let x = worker % 8;
  let y = worker / 8;
  if (worker == 0) {
    bound = spans[r0].x;
  }
  let end = min(r0 + ROWS, step.rows);
  let rows = rows_of(r0, y);
  let known = min(rows, vec4u(end - 1));
  let first = vec4u(spans[known.x].x, spans[known.y].x, spans[known.z].x, spans[known.w].x);  // of their documents

  var mixed = Sums();
  var largest = vec4f(LOWEST);
  var total = vec4f();  // over the columns of this invocation
  for (var t0 = workgroupUniformLoad(&bound); t0 < end; t0 += COLUMNS) {
    var scores = Scores();
    for (var q0 = 0u; q0 < QUADS; q0 += SLAB) {
      take_slab(QUERY, 0, ROWS, r0, end, q0, worker);
      take_slab(KEY, ROWS * STRIDE, COLUMNS, t0, end, q0, worker);
      workgroupBarrier();
      scores = add_scores(scores, 0, ROWS * STRIDE, x, y);
      workgroupBarrier();
    }
    scores = Scores(
      visible(scores[0], t0, x, first.x, rows.x),
      visible(scores[1], t0, x, first.y, rows.y),
      visible(scores[2], t0, x, first.z, rows.z),
      visible(scores[3], t0, x, first.w, rows.w),
    );
    of_row[worker] = vec4f(highest_of(scores[0]), highest_of(scores[1]), highest_of(scores[2]), highest_of(scores[3]));
    workgroupBarrier();
    let before = largest;
    for (var i = 0u; i < 8; i++) {
      largest = max(largest, of_row[y * 8 + i]);
    }
    // A row that has seen none of its keys yet has weights of 1 here; the first one it sees shrinks them to 0.
    let shrink = exp(before - largest);
    scores = Scores(
      exp(scores[0] - largest.x), exp(scores[1] - largest.y), exp(scores[2] - largest.z), exp(scores[3] - largest.w),
    );
    total = total * shrink + vec4f(sum_of(scores[0]), sum_of(scores[1]), sum_of(scores[2]), sum_of(scores[3]));
    mixed = Sums(
      shrunk(mixed.p0, shrink), shrunk(mixed.p1, shrink), shrunk(mixed.p2, shrink), shrunk(mixed.p3, shrink),
    );
    mixed = mix(mixed, scores, VALUE, t0, end, x, y);
  }

  of_row[worker] = total;
  workgroupBarrier();
  total = of_row[y * 8];
  for (var i = 1u; i < 8; i++) {
    total += of_row[y * 8 + i];
  }
  put_part(rows, end, x, mixed.p0, total);
  if (PARTS > 1) {
    put_part(rows, end, x + 8, mixed.p1, total);
  }
  if (PARTS > 2) {
    put_part(rows, end, x + 16, mixed.p2, total);
  }
  if (PARTS > 3) {
    put_part(rows, end, x + 24, mixed.p3, total);
  }
  if (x == 0) {
    let sums = largest + log(total);
    put_lse(rows.x, end, sums.x);
    put_lse(rows.y, end, sums.y);
    put_lse(rows.z, end, sums.z);
    put_lse(rows.w, end, sums.w);
  }
}
