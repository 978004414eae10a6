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

// Query . key and dout . value, of the rows from r0 on, queries or else keys, and the columns t0 ... end - 1 of the other kind.
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

// dq of the rows from r0 on.
fn attend_grad_queries(r0: u32, worker: u32) {
  let x = worker % 8;
  let y = worker / 8;
  if (worker == 0) {
    bound = spans[r0].x;
  }
  let end = min(r0 + ROWS, step.rows);
  var first = vec4u();  // of the document of row y + 16i
  var lse = vec4f();
  var delta = vec4f();
  for (var i = 0u; i < 4; i++) {
    let r = min(r0 + y + 16 * i, end - 1);
    first[i] = spans[r].x;
    lse[i] = stats[r * H + head].x;
    delta[i] = stats[r * H + head].y;
  }
  var dq = Sums();
  for (var t0 = workgroupUniformLoad(&bound); t0 < end; t0 += COLUMNS) {
    let both = both_scores(true, r0, t0, end, worker);
    var ds = Scores();
    for (var i = 0u; i < 4; i++) {
      let p = exp(both.scores[i] * SCALE - lse[i]);
      let seen = within(t0, x, first[i], r0 + y + 16 * i);
      ds[i] = select(vec4f(), p * (both.slopes[i] - delta[i]) * SCALE, seen);
    }
    dq = mix(dq, ds, KEY, t0, end, x, y);
  }
  for (var i = 0u; i < 4; i++) {
    for (var part = 0u; part < PARTS; part++) {
      if (r0 + y + 16 * i < end && 8 * part + x < QUADS) {
        put_query(r0 + y + 16 * i, 8 * part + x, dq[part][i]);
      }
    }
  }
}

// dk and dv of the rows from r0 on.
fn attend_grad_keys(r0: u32, worker: u32) {
  let x = worker % 8;
  let y = worker / 8;
  let last = min(r0 + ROWS, step.rows) - 1;
  if (worker == 0) {
    bound = spans[last].y;
  }
  let end = workgroupUniformLoad(&bound);  // the queries of later documents see none of these keys
  var ends = vec4u();  // of the document of row y + 16i
  for (var i = 0u; i < 4; i++) {
    ends[i] = spans[min(r0 + y + 16 * i, last)].y;
  }
  var dk = Sums();
  var dv = Sums();
  for (var t0 = r0; t0 < end; t0 += COLUMNS) {
    let both = both_scores(false, r0, t0, end, worker);
    var lse = vec4f();
    var delta = vec4f();
    for (var k = 0u; k < 4; k++) {
      let of_query = stats[min(t0 + 4 * x + k, end - 1) * H + head];
      lse[k] = of_query.x;
      delta[k] = of_query.y;
    }
    var p = Scores();
    var ds = Scores();
    for (var i = 0u; i < 4; i++) {
      let seen = within(t0, x, r0 + y + 16 * i, ends[i] - 1);
      p[i] = select(vec4f(), exp(both.scores[i] * SCALE - lse), seen);
      ds[i] = p[i] * (both.slopes[i] - delta) * SCALE;
    }
    dv = mix(dv, p, DOUT, t0, end, x, y);
    dk = mix(dk, ds, QUERY, t0, end, x, y);
  }
  for (var i = 0u; i < 4; i++) {
    for (var part = 0u; part < PARTS; part++) {
      if (r0 + y + 16 * i <= last && 8 * part + x < QUADS) {
        put_key(r0 + y + 16 * i, 8 * part + x, dk[part][i], dv[part][i]);
      }
    }
  }
}
