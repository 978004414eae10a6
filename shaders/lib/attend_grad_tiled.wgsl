// The derivative of causal attention for 64 rows of one head, without atomics (Dao 2023): dq of 64 queries over tiles of 32
// keys, dk and dv of 64 keys over tiles of 32 queries. The formulas are in attention_grad.wgsl. Scores and their
// derivatives are made in one pass over the channels. The shader that includes this file declares spans and
// stats = (lse, delta) of each row and head, and takes the sums: put_query(r, quad, dq) and put_key(t, quad, dk, dv).

const SLAB = 4u;  // channels of a slab, by 4
const TILE = 2 * (ROWS + COLUMNS) * STRIDE;

var<workgroup> bound: u32;  // a row read from storage, made uniform for the loop around barriers

struct BothScores {
  scores: Scores,
  slopes: Scores,
}

// Query . key and dout . value: rows from r0 on, queries or else keys, against columns t0 ... end - 1 of the other kind.
fn both_scores(of_queries: bool, r0: u32, t0: u32, end: u32, worker: u32) -> BothScores {
  const COLUMNS_AT = ROWS * STRIDE;
  const SLOPES_AT = (ROWS + COLUMNS) * STRIDE;
  let x = worker % 8;
  let y = worker / 8;
  var both = BothScores();
  for (var q0 = 0u; q0 < QUADS; q0 += SLAB) {
    take_slab(select(KEY, QUERY, of_queries), 0, ROWS, r0, step.rows, q0, worker);
    take_slab(select(QUERY, KEY, of_queries), COLUMNS_AT, COLUMNS, t0, end, q0, worker);
    take_slab(select(VALUE, DOUT, of_queries), SLOPES_AT, ROWS, r0, step.rows, q0, worker);
    take_slab(select(DOUT, VALUE, of_queries), SLOPES_AT + COLUMNS_AT, COLUMNS, t0, end, q0, worker);
    workgroupBarrier();
    both.scores = add_scores(both.scores, 0, COLUMNS_AT, x, y);
    both.slopes = add_scores(both.slopes, SLOPES_AT, SLOPES_AT + COLUMNS_AT, x, y);
    workgroupBarrier();
  }
  return both;
}

// p of a row or of a column of scores, 0 where nothing is seen.
fn weights_of(score: vec4f, lse: vec4f, seen: vec4<bool>) -> vec4f {
  return select(vec4f(), exp(score * SCALE - lse), seen);
}

fn put_queries(rows: vec4u, end: u32, quad: u32, dq: mat4x4f) {
  if (quad < QUADS) {
    if (rows.x < end) { put_query(rows.x, quad, dq[0]); }
    if (rows.y < end) { put_query(rows.y, quad, dq[1]); }
    if (rows.z < end) { put_query(rows.z, quad, dq[2]); }
    if (rows.w < end) { put_query(rows.w, quad, dq[3]); }
  }
}

fn put_keys(rows: vec4u, end: u32, quad: u32, dk: mat4x4f, dv: mat4x4f) {
  if (quad < QUADS) {
    if (rows.x < end) { put_key(rows.x, quad, dk[0], dv[0]); }
    if (rows.y < end) { put_key(rows.y, quad, dk[1], dv[1]); }
    if (rows.z < end) { put_key(rows.z, quad, dk[2], dv[2]); }
    if (rows.w < end) { put_key(rows.w, quad, dk[3], dv[3]); }
  }
}

// dq of the rows from r0 on.
fn attend_grad_queries(r0: u32, worker: u32) {
  let x = worker % 8;
  let y = worker / 8;
  if (worker == 0) {
    bound = spans[r0].x;
  }
  let end = min(r0 + ROWS, step.rows);
  let rows = rows_of(r0, y);
  let known = min(rows, vec4u(end - 1));
  let first = vec4u(spans[known.x].x, spans[known.y].x, spans[known.z].x, spans[known.w].x);  // of their documents
  let at_row = known * H + head;
  let lse = vec4f(stats[at_row.x].x, stats[at_row.y].x, stats[at_row.z].x, stats[at_row.w].x);
  let delta = vec4f(stats[at_row.x].y, stats[at_row.y].y, stats[at_row.z].y, stats[at_row.w].y);
  var dq = Sums();
  for (var t0 = workgroupUniformLoad(&bound); t0 < end; t0 += COLUMNS) {
    let both = both_scores(true, r0, t0, end, worker);
    let p = Scores(
      weights_of(both.scores[0], vec4f(lse.x), within(t0, x, first.x, rows.x)),
      weights_of(both.scores[1], vec4f(lse.y), within(t0, x, first.y, rows.y)),
      weights_of(both.scores[2], vec4f(lse.z), within(t0, x, first.z, rows.z)),
      weights_of(both.scores[3], vec4f(lse.w), within(t0, x, first.w, rows.w)),
    );
    let ds = Scores(
      p[0] * (both.slopes[0] - delta.x) * SCALE,
      p[1] * (both.slopes[1] - delta.y) * SCALE,
      p[2] * (both.slopes[2] - delta.z) * SCALE,
      p[3] * (both.slopes[3] - delta.w) * SCALE,
    );
    dq = mix(dq, ds, KEY, t0, end, x, y);
  }
  put_queries(rows, end, x, dq.p0);
  if (PARTS > 1) {
    put_queries(rows, end, x + 8, dq.p1);
  }
  if (PARTS > 2) {
    put_queries(rows, end, x + 16, dq.p2);
  }
  if (PARTS > 3) {
    put_queries(rows, end, x + 24, dq.p3);
  }
}

// dk and dv of the rows from r0 on.
fn attend_grad_keys(r0: u32, worker: u32) {
  let x = worker % 8;
  let y = worker / 8;
  let rows_end = min(r0 + ROWS, step.rows);
  if (worker == 0) {
    bound = spans[rows_end - 1].y;
  }
  let rows = rows_of(r0, y);
  let known = min(rows, vec4u(rows_end - 1));
  let last = vec4u(spans[known.x].y, spans[known.y].y, spans[known.z].y, spans[known.w].y) - 1;  // of their documents
  let end = workgroupUniformLoad(&bound);  // the queries of later documents see none of these keys
  var dk = Sums();
  var dv = Sums();
  for (var t0 = r0; t0 < end; t0 += COLUMNS) {
    let both = both_scores(false, r0, t0, end, worker);
    let at_column = min(t0 + 4 * x + vec4u(0, 1, 2, 3), vec4u(end - 1)) * H + head;
    let lse = vec4f(stats[at_column.x].x, stats[at_column.y].x, stats[at_column.z].x, stats[at_column.w].x);
    let delta = vec4f(stats[at_column.x].y, stats[at_column.y].y, stats[at_column.z].y, stats[at_column.w].y);
    let p = Scores(
      weights_of(both.scores[0], lse, within(t0, x, rows.x, last.x)),
      weights_of(both.scores[1], lse, within(t0, x, rows.y, last.y)),
      weights_of(both.scores[2], lse, within(t0, x, rows.z, last.z)),
      weights_of(both.scores[3], lse, within(t0, x, rows.w, last.w)),
    );
    let ds = Scores(
      p[0] * (both.slopes[0] - delta) * SCALE,
      p[1] * (both.slopes[1] - delta) * SCALE,
      p[2] * (both.slopes[2] - delta) * SCALE,
      p[3] * (both.slopes[3] - delta) * SCALE,
    );
    dv = mix(dv, p, DOUT, t0, end, x, y);
    dk = mix(dk, ds, QUERY, t0, end, x, y);
  }
  put_keys(rows, rows_end, x, dk.p0, dv.p0);
  if (PARTS > 1) {
    put_keys(rows, rows_end, x + 8, dk.p1, dv.p1);
  }
  if (PARTS > 2) {
    put_keys(rows, rows_end, x + 16, dk.p2, dv.p2);
  }
  if (PARTS > 3) {
    put_keys(rows, rows_end, x + 24, dk.p3, dv.p3);
  }
}
