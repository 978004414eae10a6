// Causal attention of 64 query rows of one head, with an online softmax over tiles of 32 keys (Milakov and
// Gimelshein 2018; Dao et al. 2022). Rows of several documents may meet in a tile: spans say which keys a query sees, and
// tiles before the first document's first row or after the last query are never looked at.
// The shader that includes this file declares spans, out and lse.

const SLAB = 8u;  // channels of a slab, by 4
const TILE = (ROWS + COLUMNS) * STRIDE;
const LOWEST = -3.4e38;

var<workgroup> of_row: array<vec4f, INVOCATIONS>;  // what each invocation knows of its 4 rows
var<workgroup> bound: u32;  // a row read from storage, made uniform for the loop around barriers

fn attend_tiled(r0: u32, worker: u32) {
  let x = worker % 8;
  let y = worker / 8;
  if (worker == 0) {
    bound = spans[r0].x;
  }
  let end = min(r0 + ROWS, step.rows);
  var first = vec4u();  // of the document of row y + 16i
  for (var i = 0u; i < 4; i++) {
    first[i] = spans[min(r0 + y + 16 * i, end - 1)].x;
  }

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
    var highest = vec4f();
    for (var i = 0u; i < 4; i++) {
      let seen = within(t0, x, first[i], r0 + y + 16 * i);
      let score = select(vec4f(LOWEST), scores[i] * SCALE, seen);
      scores[i] = score;
      highest[i] = max(max(score.x, score.y), max(score.z, score.w));
    }
    of_row[worker] = highest;
    workgroupBarrier();
    let before = largest;
    for (var i = 0u; i < 8; i++) {
      largest = max(largest, of_row[y * 8 + i]);
    }
    // A row that has seen none of its keys yet has weights of 1 here; the first one it sees shrinks them to 0.
    let shrink = exp(before - largest);
    total *= shrink;
    for (var i = 0u; i < 4; i++) {
      scores[i] = exp(scores[i] - largest[i]);
      total[i] += (scores[i].x + scores[i].y) + (scores[i].z + scores[i].w);
      for (var part = 0u; part < PARTS; part++) {
        mixed[part][i] *= shrink[i];
      }
    }
    mixed = mix(mixed, scores, VALUE, t0, end, x, y);
  }

  of_row[worker] = total;
  workgroupBarrier();
  total = of_row[y * 8];
  for (var i = 1u; i < 8; i++) {
    total += of_row[y * 8 + i];
  }
  for (var i = 0u; i < 4; i++) {
    let r = r0 + y + 16 * i;
    if (r < end) {
      for (var part = 0u; part < PARTS; part++) {
        if (8 * part + x < QUADS) {
          out[(r * H + head) * QUADS + 8 * part + x] = mixed[part][i] / total[i];
        }
      }
      if (x == 0) {
        lse[r * H + head] = largest[i] + log(total[i]);
      }
    }
  }
}
